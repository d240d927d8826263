"""What was written of our own objects, as the SQLite file hands it on: the stream of a table in AWS."""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

from ocpi.store.port import Collection, Conflict, Write
from ocpi.store.sqlite import SQLiteStore
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.sqlite_changes import Change

RECEIVED = Collection("NL-TNM", "tokens")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ocpi.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(path)
    yield opened
    opened.close()


def told(changes: list[Change]) -> list[tuple[str, str, str]]:
    return [(change.event, change.collection, change.id) for change in changes]


def test_every_write_of_an_own_object_is_a_change_in_the_order_of_the_writes(store: SQLiteStore) -> None:
    token = key("RFID/Ab", Collection("own", "tokens"))
    store.objects.put(key("L1"), draft("1"), expected=None)
    store.objects.put(token, draft("1"), expected=None)
    store.objects.put(key("l1"), draft("2"), expected=1)
    store.objects.put_many([Write(key("L2"), draft("1"), None), Write(key("L1"), draft("3"), 2)])
    store.objects.delete(key("l1"), expected=3)

    changes = store.changes.pending(99)
    assert told(changes) == [
        ("INSERT", "own/locations", "L1"),
        ("INSERT", "own/tokens", "RFID/Ab"),
        ("MODIFY", "own/locations", "L1"),
        ("INSERT", "own/locations", "L2"),
        ("MODIFY", "own/locations", "L1"),
        ("REMOVE", "own/locations", "L1"),
    ]
    positions = [change.position for change in changes]
    assert positions == sorted(set(positions))


def test_what_partners_own_is_no_change_of_ours(store: SQLiteStore) -> None:
    listener = store.changes.listener()
    store.objects.put(key("T1", RECEIVED), draft("1"), expected=None)
    store.objects.put_many([Write(key("T1", RECEIVED), draft("2"), 1)])
    store.objects.delete(key("T1", RECEIVED), expected=2)

    assert store.changes.pending(9) == []
    assert not listener.is_set()


def test_a_write_that_is_refused_is_no_change(store: SQLiteStore) -> None:
    store.objects.put(key("L1"), draft("1"), expected=None)
    listener = store.changes.listener()
    with pytest.raises(Conflict):
        store.objects.put(key("L1"), draft("2"), expected=None)
    with pytest.raises(Conflict):
        store.objects.put(key("L1"), draft("2"), expected=2)
    with pytest.raises(Conflict):
        store.objects.delete(key("L1"), expected=2)
    store.objects.put_many([Write(key("L1"), draft("2"), 5)])

    assert told(store.changes.pending(9)) == [("INSERT", "own/locations", "L1")]
    assert not listener.is_set()


def test_an_object_that_cannot_be_told_of_is_not_written_either(store: SQLiteStore, path: Path) -> None:
    store.objects.put(key("L0"), draft("1"), expected=None)
    db = sqlite3.connect(path)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    db.close()

    with pytest.raises(sqlite3.IntegrityError):
        store.objects.put(key("L1"), draft("1"), expected=None)
    with pytest.raises(sqlite3.IntegrityError):
        store.objects.put(key("L0"), draft("2"), expected=1)
    with pytest.raises(sqlite3.IntegrityError):
        store.objects.delete(key("L0"), expected=1)
    assert store.objects.get(key("L1")) is None
    still = store.objects.get(key("L0"))
    assert still
    assert still.revision == 1


def test_changes_come_again_until_they_are_done_and_outlive_the_process(store: SQLiteStore, path: Path) -> None:
    for n in range(5):
        store.objects.put(key(f"L{n}"), draft("1"), expected=None)
    first, second = store.changes.pending(2)
    assert store.changes.pending(2) == [first, second]
    store.close()

    later = SQLiteStore(path)
    assert later.changes.pending(2) == [first, second]
    later.changes.done(first.position)
    assert [change.id for change in later.changes.pending(9)] == ["L1", "L2", "L3", "L4"]
    later.changes.done(first.position)
    later.changes.done(later.changes.pending(9)[-1].position)
    assert later.changes.pending(9) == []
    later.close()


def test_positions_go_on_where_they_were_when_all_that_was_is_done(store: SQLiteStore) -> None:
    store.objects.put(key("L1"), draft("1"), expected=None)
    (first,) = store.changes.pending(9)
    store.changes.done(first.position)
    store.objects.put(key("L2"), draft("1"), expected=None)
    store.changes.done(first.position)

    (second,) = store.changes.pending(9)
    assert second.id == "L2"
    assert second.position > first.position


def test_who_listens_is_woken_by_every_store_of_the_file_in_this_process(store: SQLiteStore, path: Path) -> None:
    other = SQLiteStore(path)
    elsewhere = SQLiteStore(path.with_name("another.sqlite"))
    mine, unrelated = store.changes.listener(), elsewhere.changes.listener()
    woken: list[list[Change]] = []

    def listen() -> None:
        if mine.wait(20):
            woken.append(store.changes.pending(9))

    listening = threading.Thread(target=listen)
    listening.start()
    other.objects.put(key("L1"), draft("1"), expected=None)
    listening.join()

    assert [told(changes) for changes in woken] == [[("INSERT", "own/locations", "L1")]]
    assert not unrelated.is_set()
    for act in (
        lambda: other.objects.put_many([Write(key("L2"), draft("1"), None)]),
        lambda: other.objects.delete(key("L1"), expected=1),
    ):
        mine.clear()
        act()
        assert mine.is_set()
    other.close()
    elsewhere.close()


def test_who_does_not_listen_any_more_is_forgotten(store: SQLiteStore) -> None:
    abandoned = weakref.ref(store.changes.listener())
    gc.collect()
    assert abandoned() is None

    listener = store.changes.listener()
    store.objects.put(key("L1"), draft("1"), expected=None)
    assert listener.is_set()
