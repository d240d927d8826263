from __future__ import annotations

import hashlib

from local.sqs_event import sqs_event
from ocpi.queues.sqlite import Message

ARN = "arn:aws:sqs:eu-central-1:000000000000:Work"
MESSAGES = [Message(f"id-{number}", f"body {number} €", 1000.5, 1001.25, 2, f"receipt-{number}") for number in (1, 2)]


def test_an_event_holds_a_record_for_each_message() -> None:
    first, second = sqs_event(MESSAGES, ARN)["Records"]
    assert first == {
        "messageId": "id-1",
        "receiptHandle": "receipt-1",
        "body": "body 1 €",
        "attributes": {
            "ApproximateReceiveCount": "2",
            "SentTimestamp": "1000500",
            "SenderId": "000000000000",
            "ApproximateFirstReceiveTimestamp": "1001250",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5("body 1 €".encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-central-1",
    }
    assert second["messageId"] == "id-2"
