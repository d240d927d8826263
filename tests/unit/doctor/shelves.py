"""The two kinds of database with their contents laid open: to plant what is wrong in them by hand, and to see that
nothing else has changed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ocpi.doctor.__main__ import examine
from ocpi.doctor.dynamodb_shelf import DynamoDBShelf
from ocpi.doctor.sqlite_shelf import SQLiteShelf
from tests.support.stores import moto_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.doctor.entry import Shelf
    from ocpi.store.port import Store

DERIVED = ("COUNTED#", "COUNTERS#")


class NoCounters:
    """Where no stream is followed there is nothing to compare."""

    def collections(self) -> list[str]:
        return []

    def check(self, collection: str) -> list[str]:
        raise AssertionError(collection)

    def rebuild(self, collection: str) -> None:
        raise AssertionError(collection)


class Laid(Protocol):
    """A database and what is in it. ``which``: the columns or attributes that identify one entry."""

    name: str
    shelf: Shelf

    @property
    def store(self) -> Store: ...

    def everything(self) -> dict[Any, Any]: ...

    def change(self, table: str, which: tuple[str, ...], **values: Any) -> None: ...

    def remove(self, table: str, which: tuple[str, ...]) -> None: ...


@dataclass
class LaidSQLite:
    path: Path
    shelf: Any
    name: str = "sqlite"

    @property
    def store(self) -> Store:
        opened: Store = self.shelf.store
        return opened

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> int:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            return db.execute(statement, values).rowcount

    def everything(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        with closing(sqlite3.connect(self.path)) as db:
            for table, columns in IDENTITIES.items():
                for row in db.execute(f"SELECT {columns}, * FROM {table}"):  # noqa: S608 - of ours
                    width = columns.count(",") + 1
                    found[(table, *row[:width])] = row[width:]
        return found

    def change(self, table: str, which: tuple[str, ...], **values: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in values)
        done = self.execute(f"UPDATE {table} SET {assignments} WHERE {_WHICH[table]}", (*values.values(), *which))  # noqa: S608
        assert done == 1

    def remove(self, table: str, which: tuple[str, ...]) -> None:
        assert self.execute(f"DELETE FROM {table} WHERE {_WHICH[table]}", which) == 1  # noqa: S608


IDENTITIES = {
    "objects": "collection, folded_id",
    "partners": "id",
    "grants": "hash",
    "parties": "role, party",
    "deliveries": "partner_id, module, folded_id",
    "channels": "partner_id",
    "exchanges": "position",
    "settings": "name",
    "failures": "until, source",
}
_WHICH = {
    "objects": "collection = ? AND folded_id = lower(?)",
    "partners": "id = ?",
    "grants": "hash = ?",
    "parties": "role = ? AND party = ?",
    "deliveries": "partner_id = ? AND module = ? AND folded_id = lower(?)",
    "channels": "partner_id = ?",
}


@dataclass
class LaidDynamoDB:
    client: DynamoDBClient
    shelf: Any
    name: str = "dynamodb"

    @property
    def store(self) -> Store:
        opened: Store = self.shelf.store
        return opened

    def everything(self) -> dict[Any, Any]:
        pages = self.client.get_paginator("scan").paginate(TableName="store")
        items = [item for page in pages for item in page["Items"]]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in items if not item["pk"]["S"].startswith(DERIVED)}

    def change(self, table: str, which: tuple[str, ...], **values: Any) -> None:
        key = _key(table, which)
        item = self.client.get_item(TableName="store", Key=key)["Item"]
        for name, value in values.items():
            item.pop(name, None)
            if value is not None:
                item[name] = _attribute(value)
        self.client.put_item(TableName="store", Item=item)

    def remove(self, table: str, which: tuple[str, ...]) -> None:
        self.client.delete_item(TableName="store", Key=_key(table, which))


def _attribute(value: Any) -> Any:
    if isinstance(value, (dict, bytes)):
        return value if isinstance(value, dict) else {"B": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def _key(table: str, which: tuple[str, ...]) -> Any:
    sk: str
    match table:
        case "objects":
            pk, sk = f"OBJECT#{which[0]}#{which[1].lower()}", "OBJECT"
        case "partners":
            pk, sk = "PARTNERS", which[0]
        case "grants":
            pk, sk = f"GRANT#{which[0]}", "GRANT"
        case "parties":
            pk, sk = f"PARTY#{which[0]}#{which[1]}", "PARTY"
        case "deliveries":
            pk, sk = f"DELIVERIES#{which[0]}", f"{which[1]}#{which[2].lower()}"
        case "channels":
            pk, sk = f"CHANNEL#{which[0]}", "CHANNEL"
        case _:
            pk, sk = table, which[0]
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@contextmanager
def laid_sqlite(folder: Path) -> Iterator[LaidSQLite]:
    path = folder / "ocpi.db"
    with closing(SQLiteShelf(path)) as shelf:
        yield LaidSQLite(path, shelf)


@contextmanager
def laid_dynamodb() -> Iterator[LaidDynamoDB]:
    with moto_backend() as backend:
        assert backend.client is not None
        shelf = DynamoDBShelf("store", backend.client, rate=100_000)
        shelf.counters = NoCounters()  # type: ignore[assignment] # moto has no streams; they have a test of their own
        yield LaidDynamoDB(backend.client, shelf)


def look(laid: Laid, capsys: pytest.CaptureFixture[str], *, repair: bool = False) -> tuple[int, list[str]]:
    """How many findings are left, and the lines that were printed, without the last one."""
    left = examine(laid.name, laid.shelf, 0, repair=repair)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(f"{laid.name}: ")
    return left, lines[:-1]
