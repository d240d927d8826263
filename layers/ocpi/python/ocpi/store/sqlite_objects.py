"""Objects in SQLite: one row each, with an index for each order in which they are listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ocpi.store.clock import instant
from ocpi.store.port import (
    EVERYBODY,
    Collection,
    Conflict,
    Draft,
    Key,
    Page,
    PageQuery,
    Record,
    TooLarge,
    Write,
    check_length,
)
from ocpi.store.sqlite_changes import record_change
from ocpi.store.sqlite_counters import Ranks, places_of, recount

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ocpi.store.sqlite_changes import SQLiteChanges
    from ocpi.store.sqlite_database import Database

_ROW = (
    "collection, id, version, document, last_updated, audience, revision, created, received, lookup, due, findings,"
    " journal"
)


class SQLiteObjects:
    """Implements :class:`ocpi.store.port.Objects`."""

    def __init__(self, database: Database, changes: SQLiteChanges) -> None:
        self._database = database
        self._changes = changes

    def get(self, key: Key) -> Record | None:
        """As in the port."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[Key]) -> list[Record | None]:
        """As in the port; all as of one moment."""
        with self._database.reading() as db:
            return [_find(db, key) for key in keys]

    def put(self, key: Key, draft: Draft, *, expected: int | None) -> Record:
        """As in the port."""
        with self._database.writing() as db:
            stored = _put(db, Write(key, draft, expected))
        self._changes.tell([key])
        return stored

    def put_many(self, writes: Sequence[Write]) -> list[Record | Conflict | TooLarge]:
        """As in the port; one transaction, so one wait for the disk."""
        results: list[Record | Conflict | TooLarge] = []
        with self._database.writing() as db:
            for write in writes:
                try:
                    results.append(_put(db, write))
                except (Conflict, TooLarge) as refusal:
                    results.append(refusal)
        self._changes.tell(result.key for result in results if isinstance(result, Record))
        return results

    def delete(self, key: Key, *, expected: int) -> None:
        """As in the port."""
        with self._database.writing() as db:
            places = places_of(db, str(key.collection), key.folded_id)
            deleted = db.execute(
                "DELETE FROM objects WHERE collection = ? AND folded_id = ? AND revision = ? RETURNING id",
                (str(key.collection), key.folded_id, expected),
            ).fetchone()
            if deleted is None:
                raise Conflict(str(key.collection))
            recount(db, places, {})
            record_change(db, "REMOVE", Key(key.collection, deleted[0]))
        self._changes.tell([key])

    def find(self, lookup: str) -> list[Record]:
        """As in the port."""
        with self._database.reading() as db:
            return [_record(row) for row in db.execute(f"SELECT {_ROW} FROM objects WHERE lookup = ?", (lookup,))]  # noqa: S608 - _ROW is a constant

    def due(self, at: str, limit: int) -> list[Record]:
        """As in the port."""
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_ROW} FROM objects WHERE due <= ? ORDER BY due, collection, folded_id LIMIT ?",  # noqa: S608 - _ROW is a constant
                (at, limit),
            )
            return [_record(row) for row in rows]

    def page(self, query: PageQuery) -> Page:
        """As in the port; page and total are of one moment."""
        column = _order_column(query)
        with self._database.reading() as db:
            total, low, skip = _start(db, query, column)
            matching, values = _matching(query, column, low)
            rows = db.execute(
                # Column names are three of our own, conditions are made of constants: nothing of a caller is in it.
                f"SELECT document, {column} FROM objects WHERE {matching} ORDER BY {column} LIMIT ? OFFSET ?",  # noqa: S608 - see above
                (*values, query.limit + 1, skip),
            )
            documents, position = _take(rows, query)
        return Page(documents, total, position)


def _start(db: sqlite3.Connection, query: PageQuery, column: str) -> tuple[int, str, int]:
    """How many the query matches (0 where nobody asked), and where its page begins: so many entries after a key."""
    begin = query.updated_from or query.created_from
    low = begin or ""
    by_position = query.after is not None or query.offset == 0
    if query.after is not None:
        low = max(low, query.after + "\0")
    if by_position and not query.counted:
        return 0, low, 0
    ranks = Ranks(db, query, column)
    first = ranks.rank(begin) if begin else 0
    end = ranks.rank(query.updated_to) if query.updated_to else ranks.total()
    total = max(0, end - first)
    if by_position:
        return total, low, 0
    return (total if query.counted else 0), *ranks.seek(first + query.offset)


def _order_column(query: PageQuery) -> str:
    if query.order == "last_updated":
        return "updated_key"
    return "created_key" if query.audience in (None, EVERYBODY) else "addressed_key"


def _matching(query: PageQuery, column: str, low: str) -> tuple[str, list[str]]:
    """The condition that a query's records from a key on fulfil, and its values."""
    conditions, values = ["collection = ?"], [str(query.collection)]
    if query.audience is not None:
        conditions.append("audience = ?")
        values.append(query.audience)
    # An updated_key is an instant, '#' and an id: it sorts after its bare instant, so both bounds hold to the second.
    conditions.append(f"{column} >= ?")
    values.append(low)
    if query.updated_to:
        conditions.append("updated_key < ?")
        values.append(query.updated_to)
    return " AND ".join(conditions), values


def _take(rows: sqlite3.Cursor, query: PageQuery) -> tuple[list[str], str | None]:
    """Documents of one page, and the position after the last if a row remains."""
    documents: list[str] = []
    position, size = None, 0
    for document, key in rows:
        size += len(document.encode())
        if len(documents) == query.limit or (documents and size > query.max_bytes):
            return documents, position
        documents.append(document)
        position = key
    return documents, None


def _find(db: sqlite3.Connection, key: Key) -> Record | None:
    row = db.execute(
        f"SELECT {_ROW} FROM objects WHERE collection = ? AND folded_id = ?",  # noqa: S608 - _ROW is a constant
        (str(key.collection), key.folded_id),
    ).fetchone()
    return row and _record(row)


def _put(db: sqlite3.Connection, write: Write) -> Record:
    key, draft = write.key, write.draft
    check_length(draft.document)
    identity = (str(key.collection), key.folded_id)
    places = {} if write.expected is None else places_of(db, *identity)
    # Stamped inside the transaction: records become visible in the order of their stamps, so whoever crawls in
    # order of arrival cannot pass one that is still on its way.
    now = instant()
    findings = json.dumps(draft.findings, ensure_ascii=False)
    content = (
        draft.version,
        draft.document,
        draft.last_updated,
        draft.audience,
        draft.lookup,
        draft.due,
        findings,
        draft.journal,
    )
    addressed_key = None if draft.audience in (None, EVERYBODY) else f"{now}#{key.folded_id}"
    if write.expected is None:
        done = db.execute(
            "INSERT INTO objects (version, document, last_updated, audience, lookup, due, findings, journal,"
            " received, addressed_key, collection, folded_id, id, created, revision)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING",
            (*content, now, addressed_key, *identity, key.id, now),
        )
    else:
        done = db.execute(
            "UPDATE objects SET version = ?, document = ?, last_updated = ?, audience = ?, lookup = ?, due = ?,"
            " findings = ?, journal = ?, received = ?, revision = revision + 1,"
            # Its place in the list of its audience is the one of the write that gave it one: no update moves it.
            " addressed_key = CASE WHEN ? THEN coalesce(addressed_key, ?) END"
            " WHERE collection = ? AND folded_id = ? AND revision = ?",
            (*content, now, addressed_key is not None, addressed_key, *identity, write.expected),
        )
    stored = _find(db, key) if done.rowcount else None
    if stored is None:
        raise Conflict(str(key.collection))
    recount(db, places, places_of(db, *identity))
    record_change(db, "INSERT" if write.expected is None else "MODIFY", stored.key)
    return stored


def _record(row: tuple[Any, ...]) -> Record:
    collection, spelled, *others, findings, journal = row
    values = (*others, tuple(json.loads(findings)), journal)
    return Record(Key(Collection.parse(collection), spelled), *values)
