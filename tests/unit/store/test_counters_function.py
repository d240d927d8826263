"""What the function ``counters`` answers Lambda."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.port import Uncounted
from tests.support.table import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = TEMPLATE.parent / "functions" / "counters" / "app.py"
CONTEXT = SimpleNamespace(
    function_name="counters", memory_limit_in_mb=256, invoked_function_arn="arn:counters", aws_request_id="1"
)
EVENT = {"Records": [{"dynamodb": {"SequenceNumber": "7"}}, {"dynamodb": {"SequenceNumber": "8"}}]}


def answer(monkeypatch: pytest.MonkeyPatch, failure: Exception | None) -> Any:
    specification = importlib.util.spec_from_file_location("counters_app", FILE)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def follow(records: Sequence[Any]) -> None:
        assert len(records) == 2
        if failure:
            raise failure

    monkeypatch.setattr(module, "store", lambda: SimpleNamespace(follow=follow))
    return module.handler(EVENT, CONTEXT)


def test_a_batch_that_was_counted_does_not_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(monkeypatch, None) == {"batchItemFailures": []}


def test_a_batch_that_failed_comes_again_from_its_first_record_on(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = answer(monkeypatch, TimeoutError("others were faster"))["batchItemFailures"]
    assert failures == [{"itemIdentifier": "7"}]


def test_changes_that_were_given_up_let_the_invocation_fail_so_that_the_alarm_tells(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Uncounted):
        answer(monkeypatch, Uncounted(["own/locations"]))
    assert "check_counters" in caplog.text
