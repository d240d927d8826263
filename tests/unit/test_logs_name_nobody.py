"""A batch that fails says so in the function's log, and names no card there."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.observability import logger
from ocpi.pull.sync import ModulePull
from ocpi.pull.taking import Taking
from ocpi.queues import worker
from ocpi.store import update as update_module
from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState
from ocpi.store.port import Collection, Conflict, Draft, Key
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.update import Busy, update
from ocpi.v2_1_1.taking_rules import require_rules
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UID = "04PLANTEDUID"
TOKENS = Collection("NL-AAA", "tokens")
CONTEXT = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    """One in which others are always faster."""
    opened = SQLiteStore(tmp_path / "store.db")
    objects = opened.objects
    monkeypatch.setattr(update_module, "_pause", lambda _: None)
    monkeypatch.setattr(worker, "write_down_exchanges", lambda: None)
    put, put_many = type(objects).put, type(objects).put_many
    monkeypatch.setattr(type(objects), "put", lambda self, key, draft, **_: put(self, key, draft, expected=77))
    monkeypatch.setattr(
        type(objects),
        "put_many",
        lambda self, writes: put_many(self, [type(each)(each.key, each.draft, 77) for each in writes]),
    )
    yield opened
    opened.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    yield stream
    logger.handlers.remove(handler)


def test_the_log_of_a_failing_batch_names_no_card(store: SQLiteStore, log: io.StringIO) -> None:
    taking = Taking(store.objects, require_rules("tokens"), TOKENS, "2026-01-01T00:00:00.000000Z", lambda _: None)

    def work_on(_body: str, _receipt: str) -> None:
        taking.take(ModulePull(full=True), [fixture("token_max", uid=UID)], "2026-01-01T00:00:00.000000Z")

    records = [{"body": "{}", "receiptHandle": "r", "messageId": "m"}]
    answer: Any = worker.batch_handler(work_on)({"Records": records}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if "unexpected error" in line]
    assert line["exception_name"] == "Busy"
    assert "NL-AAA/tokens" in line["exception"], "it says what kind of object it is about"
    assert UID not in log.getvalue()


def test_no_conflict_names_an_object(store: SQLiteStore) -> None:
    key = Key(TOKENS, f"RFID/{UID}")
    draft = Draft("2.1.1", "{}", last_updated="2026-01-01T00:00:00Z")
    with pytest.raises(Conflict) as conflict:
        store.objects.put(key, draft, expected=None)
    with pytest.raises(Busy) as busy:
        update(store.objects, key, lambda _: draft)
    delivery = Delivery(DeliveryKey("p", "tokens", f"RFID/{UID}"), DeliveryState.DELIVERED, "2026-01-01T00:00:00Z")
    stale = replace(delivery, revision=7)
    refused = [*store.deliveries.put_many([stale]), *store.deliveries.delete_many([stale])]
    assert [type(each) for each in refused] == [Conflict, Conflict]
    for error in (conflict.value, busy.value, *refused):
        assert UID not in repr(error)
