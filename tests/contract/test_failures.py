"""Failed attempts to authenticate, as each database counts them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ocpi.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

    from ocpi.store.port import Store
    from tests.support.stores import Backend

UNTIL = 4_000_000_000
"""A window that is not over while these tests run."""


def test_failures_are_counted_up_to_the_most(store: Store) -> None:
    counted = [store.failures.count("192.0.2.1", UNTIL, most=3) for _ in range(5)]
    assert counted == [True, True, True, False, False]


def test_sources_and_windows_are_counted_apart(store: Store) -> None:
    assert store.failures.count("192.0.2.1", UNTIL, most=1)
    assert not store.failures.count("192.0.2.1", UNTIL, most=1)
    assert store.failures.count("192.0.2.2", UNTIL, most=1)
    assert store.failures.count("192.0.2.1", UNTIL + 60, most=1)


def test_processes_that_count_at_once_count_together(backend: Backend) -> None:
    stores = [backend.open() for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda n: stores[n % 4].failures.count("2001:db8::/64", UNTIL, most=20), range(60)))
    assert counted.count(True) == 20


def test_an_item_is_one_write_and_ends_with_its_window(backend: Backend) -> None:
    store, client = backend.open(), backend.client
    if client is None:
        pytest.skip("of DynamoDB")
    called: list[str] = []

    def note(event_name: str, **_: object) -> None:
        called.append(event_name)

    client.meta.events.register("before-call.dynamodb", note)
    store.failures.count("192.0.2.1", UNTIL, most=20)
    store.failures.count("192.0.2.1", UNTIL, most=20)
    client.meta.events.unregister("before-call.dynamodb", note)
    (item,) = client.scan(TableName=store.failures._table)["Items"]  # type: ignore[attr-defined] # of this adapter
    assert called == ["before-call.dynamodb.UpdateItem"] * 2
    assert item == {
        "pk": {"S": f"FAILURES#192.0.2.1#{UNTIL}"},
        "sk": {"S": "FAILURES"},
        "failures": {"N": "2"},
        "expires": {"N": str(UNTIL)},
    }


def test_rows_of_windows_that_are_over_leave_the_file(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "ocpi.sqlite")
    now = int(time.time())
    for number in range(50):
        store.failures.count(f"192.0.2.{number}", now - 1, most=20)
    store.failures.count("192.0.2.1", UNTIL, most=20)
    with store._database.reading() as db:
        assert db.execute("SELECT until, source, failures FROM failures").fetchall() == [(UNTIL, "192.0.2.1", 1)]
    store.close()
