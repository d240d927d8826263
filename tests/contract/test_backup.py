"""A backup of a table restored and put back, as docs/backup.md says, on the emulators; and of the SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ocpi.doctor import put_back, restored
from ocpi.doctor.__main__ import examine
from ocpi.doctor.dynamodb_shelf import DynamoDBShelf
from ocpi.doctor.put_back import PuttingBack
from ocpi.doctor.sqlite_shelf import SQLiteShelf
from ocpi.store.deliveries import DeliveryKey, DeliveryState
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.port import Collection, Key, PageQuery
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport.authentication import authenticate
from tests.support.stores import dynamodb_client, moto_backend
from tests.support.table import create_table
from tests.unit.doctor.healthy import TOKEN, delivery, fill
from tests.unit.doctor.shelves import NoCounters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Store

LOCATION = Key(Collection("own", "locations"), "L1")
WAITING = DeliveryKey("emsp", "cdrs", "C1")


@pytest.fixture(params=["moto", "ministack"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "moto":
        with moto_backend() as backend:
            yield backend.client
    else:
        yield dynamodb_client(request.getfixturevalue("ministack"))


@pytest.fixture
def table(client: Any) -> str:
    name = f"stack-{uuid4().hex}"
    create_table(client, name)
    return name


def scanned(client: Any, table: str) -> dict[Any, Any]:
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    kept = [item for item in items if not item["pk"]["S"].startswith(put_back.NOT_COPIED)]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in kept}


def busy_since(store: Store) -> None:
    """What goes on between the backup and the disaster, and the disaster."""
    record = store.objects.get(LOCATION)
    assert record is not None
    store.objects.put(LOCATION, record.draft(document="{ruined"), expected=record.revision)
    store.objects.delete(Key(Collection("own", "sessions"), "S1"), expected=1)
    store.objects.put(Key(LOCATION.collection, "L2"), record.draft(), expected=None)


def cdr_waits(store: Store) -> None:
    (known,) = store.deliveries.get_many([WAITING])
    assert known is not None
    store.deliveries.put_many([replace(delivery("cdrs", "C1"), revision=known.revision)])


def clean(client: Any, table: str, *, counted: bool = False) -> bool:
    shelf: Any = DynamoDBShelf(table, client, rate=100_000)
    if not counted:
        shelf.counters = NoCounters()
    return examine(table, shelf, 0, repair=False) == 0


def still_works(store: Store) -> None:
    """Partners authenticate, pages are what they were, and what waited is due."""
    assert authenticate(store.partners, f"Token {TOKEN}-emsp", our_role="CPO").partner.id == "emsp"
    assert store.objects.page(PageQuery(LOCATION.collection, 10)).total == 1
    assert len(store.deliveries.due("emsp", "2030-01-01T00:00:00.000000Z", 10)) == 3
    (waiting,) = store.deliveries.get_many([WAITING])
    assert waiting is not None
    assert (waiting.state, waiting.unsure) == (DeliveryState.PENDING, True)


def test_a_table_is_restored_beside_its_own_and_put_back(client: Any, table: str) -> None:
    store = DynamoDBStore(table, client)
    fill(store)
    cdr_waits(store)
    saved = scanned(client, table)
    backup = client.create_backup(TableName=table, BackupName="b")["BackupDetails"]["BackupArn"]
    busy_since(store)
    assert not clean(client, table)

    restored_table = f"{table}-restored"
    client.restore_table_from_backup(TargetTableName=restored_table, BackupArn=backup)
    client.get_waiter("table_exists").wait(TableName=restored_table)
    assert scanned(client, restored_table) == saved
    assert clean(client, restored_table)
    assert restored.mark(DynamoDBStore(restored_table, client)) == 1
    assert restored.mark(DynamoDBStore(restored_table, client)) == 0

    copying = PuttingBack(client, restored_table, table)
    copying.run()
    assert (copying.written, copying.deleted) == (3, 1)
    assert scanned(client, table) == scanned(client, restored_table)
    again = PuttingBack(client, restored_table, table)
    again.run()
    assert (again.written, again.deleted, again.same) == (0, 0, len(saved))
    assert clean(client, table)
    counters = DynamoDBCounters(client, table)
    for collection in counters.collections():
        counters.rebuild(collection)
    assert clean(client, table, counted=True)
    still_works(DynamoDBStore(table, client))


def test_the_command_refuses_to_copy_a_table_onto_itself() -> None:
    with pytest.raises(SystemExit):
        put_back.main(["one", "one"])


def clean_file(path: Path) -> bool:
    with closing(SQLiteShelf(path)) as shelf:
        return examine(str(path), shelf, 0, repair=False) == 0


@pytest.mark.parametrize("way", ["VACUUM INTO", "backup", "copy"])
def test_the_file_is_restored_by_copy(tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, saved = tmp_path / "ocpi.db", tmp_path / "backup" / "ocpi.db"
    saved.parent.mkdir()
    with closing(SQLiteStore(path)) as store:
        fill(store)
        cdr_waits(store)
        with closing(sqlite3.connect(path)) as db:
            if way == "VACUUM INTO":
                db.execute("VACUUM INTO ?", (str(saved),))
            elif way == "backup":
                with closing(sqlite3.connect(saved)) as target:
                    db.backup(target)
            else:
                # As a process that was killed leaves it: what was written last is in the -wal file only.
                for each in (path, path.with_name("ocpi.db-wal")):
                    (saved.parent / each.name).write_bytes(each.read_bytes())
        busy_since(store)
    assert not clean_file(path)
    assert clean_file(saved)
    assert restored.main([f"sqlite:{saved}"]) == 0
    assert "1 CDRs are asked for" in capsys.readouterr().out
    with closing(SQLiteStore(saved)) as store:
        still_works(store)
    assert clean_file(saved)
