from __future__ import annotations

import hashlib
from typing import Any

import pytest

from local.sqs_event import MalformedReportError, failed_messages, sqs_event
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


@pytest.mark.parametrize("result", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}])
def test_a_result_that_names_no_failure_is_success(result: Any) -> None:
    assert failed_messages(result, MESSAGES) == set()


def test_a_result_names_the_messages_that_failed() -> None:
    assert failed_messages({"batchItemFailures": [{"itemIdentifier": "id-2"}]}, MESSAGES) == {"id-2"}


@pytest.mark.parametrize(
    "result",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": ["id-1"]}]},
        {"batchItemFailures": [{"messageId": "id-1"}]},
        {"batchItemFailures": [{"itemIdentifier": "id-2"}, {"itemIdentifier": "unknown"}]},
        {"batchItemFailures": ["id-1"]},
        {"batchItemFailures": "id-1"},
        {"batchItemFailures": {"itemIdentifier": "id-1"}},
        "done",
        [],
        object(),
        {"when": {1, 2}},
    ],
)
def test_a_result_that_cannot_be_read_makes_the_whole_batch_fail(result: Any) -> None:
    with pytest.raises(MalformedReportError):
        failed_messages(result, MESSAGES)
