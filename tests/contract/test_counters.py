"""Pages by counters are the pages of the contract: over emulators of DynamoDB, and in SQLite with chunks of a few keys.

How counters are kept in all circumstances is tested in ``tests/unit/store/test_counters.py``, in memory.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from ocpi.store import counter_tree, dynamodb_reshaping, sqlite_counters
from ocpi.store.check_counters import main
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.port import PageQuery
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import SQLiteCounters
from tests.support.counted import counted_at_once
from tests.support.histories import History
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.check_counters import Counters
    from ocpi.store.port import Store
    from tests.support.stores import Backend

WRITES = {"sqlite": 300, "moto": 50, "ministack": 50}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (counter_tree, dynamodb_reshaping, sqlite_counters):
        monkeypatch.setattr(module, "CHUNK", 8)
        monkeypatch.setattr(module, "FANOUT", 4)
    monkeypatch.setattr(dynamodb_reshaping, "FEW", 2)


@pytest.fixture
def counted(backend: Backend) -> Iterator[Store]:
    """A store whose counters follow at once."""
    store = backend.open()
    if not isinstance(store, DynamoDBStore):
        yield store
        return
    with counted_at_once(backend.client, store._table):
        yield store


def counters_of(store: Store) -> Counters:
    if isinstance(store, DynamoDBStore):
        return DynamoDBCounters(store._client, store._table)
    assert isinstance(store, SQLiteStore)
    return SQLiteCounters(store._database)


@pytest.mark.req("TF-31", "TF-33", "TF-43", "TF-46", "TF-47")
@pytest.mark.parametrize("tied", [False, True])
def test_counted_pages_are_those_of_brute_force(backend: Backend, counted: Store, tied: bool) -> None:
    history = History(counted.objects, random.Random(6), tied=tied)
    for _ in range(WRITES[backend.name]):
        history.write()

    assert counters_of(counted).collections() == [str(LOCATIONS)]
    assert counters_of(counted).check(str(LOCATIONS)) == []
    for _ in range(40):
        query = history.query()
        assert history.is_paged_right(query), query


def test_counters_that_are_built_are_those_that_were_kept(backend: Backend, counted: Store) -> None:
    history = History(counted.objects, random.Random(7))
    for _ in range(WRITES[backend.name] // 2):
        history.write()
    counters_of(counted).rebuild(str(LOCATIONS))

    assert counters_of(counted).check(str(LOCATIONS)) == []
    for _ in range(WRITES[backend.name] // 2):
        history.write()
    assert counters_of(counted).check(str(LOCATIONS)) == []
    assert history.is_paged_right(PageQuery(LOCATIONS, 5, 3))


def test_writes_that_are_not_counted_are_found(backend: Backend) -> None:
    store = backend.open()
    if not isinstance(store, DynamoDBStore):
        pytest.skip("a write and its count are one transaction")
    with counted_at_once(backend.client, store._table):
        store.objects.put(key("a"), draft("1"), expected=None)
        store.objects.put(key("b"), draft("1"), expected=None)
    store.objects.put(key("a"), draft("1", "2026-01-01T00:00:09Z"), expected=1)
    store.objects.put(key("c"), draft("1"), expected=None)

    assert counters_of(store).check(str(LOCATIONS))[:2] == [
        "OBJECT#own/locations#a is not counted where it is",
        "OBJECT#own/locations#c is not counted at all",
    ]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", ["n + 1 WHERE low = ''", "n - 1 WHERE level = 1", "n + 7 WHERE level = 3"])
def test_the_command_finds_and_repairs_what_is_wrong(
    backend: Backend, wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = backend.open()
    assert isinstance(store, SQLiteStore)
    for number in range(40):
        store.objects.put(key(f"l{number}"), draft("1"), expected=None)
    where = f"sqlite:{tmp_path / 'store' / 'ocpi.sqlite'}"
    assert main([where]) == 0
    with store._database.writing() as db:
        db.execute(f"UPDATE counters SET n = {wrong}")  # noqa: S608 - of this test

    assert main([where, "--wait", "0"]) == 1
    assert main([where, "--wait", "0", "--repair", str(LOCATIONS)]) == 0
    assert main([where]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "own/locations: exact"
    assert re.fullmatch(r"own/locations: \d+ findings", said[1])
    assert "own/locations, built anew: exact" in said
    assert store.objects.page(PageQuery(LOCATIONS, 1, offset=39)).total == 40


def test_the_command_refuses_what_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for where in ("postgres:x", f"sqlite:{tmp_path / 'missing'}", "dynamodb:"):
        with pytest.raises(SystemExit):
            main([where])
    assert not (tmp_path / "missing").exists()
