"""The queue port, in the terms of SQS: at least once, in no particular order, each message hidden from others while
one consumer works on it, and in a dead-letter queue after it was received too often.

Functions never receive: Lambda (locally the gateway) hands them batches as SQS events, takes back the identifiers of
those that failed, and deletes the rest.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from typing import Protocol

MAX_DELAY_SECONDS = 900
"""SQS delays a message by at most 15 minutes."""


class Queue(Protocol):
    """One queue, as its senders and consumers see it. Bodies are text, at most 256 kB of UTF-8."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Put a message on the queue; it is safe there when this returns. ``delay_seconds``, at most
        :data:`MAX_DELAY_SECONDS`: nobody gets it earlier.
        """

    def postpone(self, receipt: str, seconds: int) -> None:
        """Hide a message that is being worked on for so many seconds from now (at most 43,200): when its consumer then
        reports it as failed, it comes again after that time. ``receipt`` is its ``receiptHandle``; one that is not
        valid any more is ignored, since somebody else has the message then.
        """

    def depth(self) -> int:
        """About how many messages there are, hidden and delayed ones too; raises if the queue cannot be reached."""
