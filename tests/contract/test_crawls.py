"""Crawls of a SQLite store while objects move; those of DynamoDB are in ``tests/unit/store/test_counters.py``."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import count as count_from
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.port import PageQuery, Write
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import CHUNK, SQLiteCounters
from tests.support.histories import ONE_INSTANT
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Objects

CRAWLS = 500
SIZE = 30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "ocpi.sqlite")
    yield opened
    opened.close()


def write(objects: Objects, drafts: dict[str, Any], revisions: dict[str, int]) -> None:
    """Many in one transaction, so that thousands of writes wait for the disk a few hundred times."""
    objects.put_many([Write(key(name), one, revisions.get(name)) for name, one in drafts.items()])
    for name in drafts:
        revisions[name] = revisions.get(name, 0) + 1


@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_five_hundred_crawls_by_position_miss_none_while_objects_move(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    """With the other order, 1,000 in all."""
    monkeypatch.setattr("ocpi.store.sqlite_counters.CHUNK", 8)
    monkeypatch.setattr("ocpi.store.sqlite_counters.FANOUT", 4)
    chance, revisions, later = random.Random(order), dict[str, int](), count_from(0)
    names = [f"l{number:02d}" for number in range(SIZE)]
    write(store.objects, {name: draft(name, ONE_INSTANT, "*") for name in names}, revisions)
    for _ in range(CRAWLS):
        met: set[str] = set()
        query = PageQuery(LOCATIONS, chance.randrange(8, 20), order=order, audience=chance.choice([None, "*"]))
        page = store.objects.page(query)
        met |= set(page.documents)
        while page.next:
            moved = chance.sample(names, chance.randrange(3))
            number = next(later)
            instant = f"2026-02-{number // 3600 + 1:02d}T{number // 60 % 60:02d}:{number % 60:02d}:00Z"
            write(store.objects, {name: draft(name, instant, "*") for name in moved}, revisions)
            page = store.objects.page(replace(query, after=page.next))
            met |= set(page.documents)
        assert met == set(names)
    assert SQLiteCounters(store._database).check(str(LOCATIONS)) == []


def test_an_import_of_five_thousand_with_one_timestamp_is_split_and_any_page_of_it_found(store: SQLiteStore) -> None:
    names = [f"l{number:04d}" for number in range(5000)]
    write(store.objects, {name: draft(name, ONE_INSTANT, "*") for name in names}, {})

    with store._database.reading() as db:
        (most,) = db.execute("SELECT max(n) FROM counters WHERE level = 1").fetchone()
    assert most <= CHUNK
    assert SQLiteCounters(store._database).check(str(LOCATIONS)) == []
    for offset in (0, 1, 2500, 4990, 5000):
        query = PageQuery(LOCATIONS, 20, offset, order="last_updated", updated_from=ONE_INSTANT, audience="*")
        page = store.objects.page(query)
        assert (page.documents, page.total) == (names[offset : offset + 20], 5000)
