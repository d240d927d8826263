"""What Lambda hands to a function for a batch of messages.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from local.intrinsics import PSEUDO_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.queues.sqlite import Message


def sqs_event(messages: Sequence[Message], arn: str) -> dict[str, Any]:
    """The event of a batch of messages of the queue ``arn``."""
    return {"Records": [_record(message, arn) for message in messages]}


def _record(message: Message, arn: str) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(int(message.sent_at * 1000)),
            "SenderId": PSEUDO_PARAMETERS["AWS::AccountId"],
            "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": PSEUDO_PARAMETERS["AWS::Region"],
    }
