from __future__ import annotations

from typing import Any

import pytest

from local.batch_report import MalformedReportError, failed_items

BATCH = ["id-1", "id-2"]


@pytest.mark.parametrize("result", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}])
def test_a_result_that_names_no_failure_is_success(result: Any) -> None:
    assert failed_items(result, BATCH) == set()


def test_a_result_names_what_failed() -> None:
    assert failed_items({"batchItemFailures": [{"itemIdentifier": "id-2"}]}, BATCH) == {"id-2"}


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
        failed_items(result, BATCH)
