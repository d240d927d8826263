"""What Lambda hands to a function for a batch of messages, and what it reads in the function's result.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from local.intrinsics import PSEUDO_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.queues.sqlite import Message


class MalformedReportError(Exception):
    """A function's result does not say which messages failed; to Lambda all of them have."""


def sqs_event(messages: Sequence[Message], arn: str) -> dict[str, Any]:
    """The event of a batch of messages of the queue ``arn``."""
    return {"Records": [_record(message, arn) for message in messages]}


def failed_messages(result: Any, messages: Sequence[Message]) -> set[str]:
    """The ids of the messages that a function reports as failed; raises :class:`MalformedReportError`.

    The rules are those of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        # As the runtime of Lambda sends it.
        report = json.loads(json.dumps(result))
    except (TypeError, ValueError) as error:
        raise MalformedReportError("the result is not JSON") from error
    if report is None:
        return set()
    if not isinstance(report, dict):
        raise MalformedReportError("the result is not an object")
    failures = report.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        raise MalformedReportError("batchItemFailures is not a list")
    known = {message.id for message in messages}
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            raise MalformedReportError(f"{failure!r} names no message of the batch")
        failed.add(identifier)
    return failed


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
