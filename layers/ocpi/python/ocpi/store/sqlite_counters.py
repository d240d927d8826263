"""Counters of the lists of objects in SQLite, kept in the transactions of the writes that they count.

Each order in which objects are paged is a list, of a collection or of one audience in it. A list is cut into chunks of
at most CHUNK keys, chunks into groups of at most FANOUT, and groups into groups of groups. Of each the table has where
it begins and how many keys it has: ``(list, level, low, n)``, level 1 for chunks. A low of one level is one of the
levels below as well, and the first is ``''``. So a rank is the sum of a few rows at each level and a count within one
chunk, and what a write adds is one row at each level.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ocpi.store.port import EVERYBODY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from ocpi.store.port import PageQuery
    from ocpi.store.sqlite_database import Database

CHUNK = 256
FANOUT = 64
LEVELS = (1, 2, 3)
Places = dict[str, str]
"""Where an object stands: its key in each of its lists."""

BUILD = """
    INSERT INTO counters
        SELECT list, level, CASE WHEN min(place) = 0 THEN '' ELSE min(key) END, count(*)
        FROM (SELECT list, key, row_number() OVER (PARTITION BY list ORDER BY key) - 1 AS place
              FROM places WHERE collection = ?1 OR ?1 IS NULL),
             (SELECT 1 AS level, 128 AS size UNION ALL SELECT 2, 4096 UNION ALL SELECT 3, 131072)
        GROUP BY list, level, place / size
"""
"""Counts what is there, of one collection or of all; half full, so that there is room for more."""


def places_of(db: sqlite3.Connection, collection: str, folded_id: str) -> Places:
    """Where an object stands now; nowhere if it is not there."""
    row = db.execute(
        "SELECT created_key, updated_key, addressed_key, audience FROM objects WHERE collection = ? AND folded_id = ?",
        (collection, folded_id),
    ).fetchone()
    if row is None:
        return {}
    created_key, updated_key, addressed_key, audience = row
    places = {f"{collection}|created": created_key, f"{collection}|updated": updated_key}
    if audience is not None:
        places[f"{collection}|{audience}|updated"] = updated_key
        order, key = ("created", created_key) if audience == EVERYBODY else ("addressed", addressed_key)
        places[f"{collection}|{audience}|{order}"] = key
    return places


def recount(db: sqlite3.Connection, before: Places, after: Places) -> None:
    """Count what a write changed, after it was made."""
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        counted = _Counted(db, name)
        if old is not None:
            counted.add(old, -1)
        if new is not None:
            counted.add(new, 1)
        for key in (old, new):
            if key is not None:
                counted.reshape(key)


class Ranks:
    """The counters of the list that a query is about."""

    def __init__(self, db: sqlite3.Connection, query: PageQuery, column: str) -> None:
        view = "" if query.audience is None else f"|{query.audience}"
        self._counted = _Counted(db, f"{query.collection}{view}|{column.removesuffix('_key')}")

    def total(self) -> int:
        """How many entries there are."""
        return sum(n for _, n in self._counted.rows(3, "", None))

    def rank(self, key: str) -> int:
        """How many entries come before a key."""
        before, low, end = 0, "", None
        for level in reversed(LEVELS):
            rows = [row for row in self._counted.rows(level, low, end) if row[0] <= key]
            if not rows:
                return 0
            before += sum(n for _, n in rows[:-1])
            low = rows[-1][0]
            end = self._counted.end(level, low)
        return before + self._counted.count(low, key)

    def seek(self, rank: int) -> tuple[str, int]:
        """Where the entry is that ``rank`` others come before: that many entries from a key on."""
        low, end = "", None
        for level in reversed(LEVELS):
            for begin, n in self._counted.rows(level, low, end):
                low = begin
                if rank < n:
                    break
                rank -= n
            else:
                return "~", 0
            end = self._counted.end(level, low)
        return low, rank


class _Counted:
    """One list: its rows of the table of counters, and its entries in an index of the table of objects."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._name = name
        rest, _, order = name.rpartition("|")
        collection, *audience = rest.split("|", 1)
        self._column = f"{order}_key"
        self._condition = "collection = ?" + (" AND audience = ?" if audience else "")
        self._values = (collection, *audience)

    def rows(self, level: int, low: str, end: str | None) -> list[tuple[str, int]]:
        """The rows of a level that begin from ``low`` to ``end``, in order."""
        bound, values = ("", ()) if end is None else (" AND low < ?", (end,))
        return self._db.execute(
            f"SELECT low, n FROM counters WHERE list = ? AND level = ? AND low >= ?{bound} ORDER BY low",  # noqa: S608 - of constants
            (self._name, level, low, *values),
        ).fetchall()

    def end(self, level: int, low: str) -> str | None:
        """Where the row of a level that begins at ``low`` ends; ``None``: with the list."""
        found = self._db.execute(
            "SELECT min(low) FROM counters WHERE list = ? AND level = ? AND low > ?", (self._name, level, low)
        ).fetchone()
        return str(found[0]) if found[0] is not None else None

    def count(self, low: str, end: str) -> int:
        """The entries from ``low`` to ``end``, one by one."""
        (counted,) = self._db.execute(
            f"SELECT count(*) FROM objects WHERE {self._condition} AND {self._column} >= ? AND {self._column} < ?",  # noqa: S608 - names of our own
            (*self._values, low, end),
        ).fetchone()
        return int(counted)

    def add(self, key: str, number: int) -> None:
        """Count one key more or less."""
        for level in LEVELS:
            done = self._db.execute(
                "UPDATE counters SET n = n + ?1 WHERE list = ?2 AND level = ?3 AND low ="
                " (SELECT max(low) FROM counters WHERE list = ?2 AND level = ?3 AND low <= ?4)",
                (number, self._name, level, key),
            )
            if not done.rowcount:
                self._db.execute("INSERT INTO counters VALUES (?, ?, '', ?)", (self._name, level, number))

    def reshape(self, key: str) -> None:
        """Split what has become too large around a key, and give up what is empty."""
        low, n = self._row(1, key)
        if n > CHUNK:
            self._split_chunk(low, n)
            for level in (2, 3):
                self._split_group(level, self._row(level, key)[0])
        elif n <= CHUNK // 4 and low:
            self._give_up(low, n)

    def _row(self, level: int, key: str) -> tuple[str, int]:
        """The row of a level that a key belongs to."""
        low, n = self._db.execute(
            "SELECT low, n FROM counters WHERE list = ? AND level = ? AND low <= ? ORDER BY low DESC LIMIT 1",
            (self._name, level, key),
        ).fetchone()
        return low, n

    def _split_chunk(self, low: str, n: int) -> None:
        end = self.end(1, low)
        # At the end of the list the left part stays rather full: nothing much will come before what is there.
        left = n * 3 // 4 if end is None else n // 2
        (begin,) = self._db.execute(
            f"SELECT {self._column} FROM objects WHERE {self._condition} AND {self._column} >= ?"  # noqa: S608 - names of our own
            f" ORDER BY {self._column} LIMIT 1 OFFSET ?",
            (*self._values, low, left),
        ).fetchone()
        self._divide(1, low, begin, n - left)

    def _split_group(self, level: int, low: str) -> None:
        rows = self.rows(level - 1, low, self.end(level, low))
        if len(rows) > FANOUT:
            right = rows[len(rows) // 2 :]
            self._divide(level, low, right[0][0], sum(n for _, n in right))

    def _divide(self, level: int, low: str, begin: str, right: int) -> None:
        self._db.execute(
            "UPDATE counters SET n = n - ? WHERE list = ? AND level = ? AND low = ?", (right, self._name, level, low)
        )
        self._db.execute("INSERT INTO counters VALUES (?, ?, ?, ?)", (self._name, level, begin, right))

    def _give_up(self, low: str, n: int) -> None:
        """Let the chunk before take over one with few keys, unless a group begins with it that has others."""
        levels = [level for level in LEVELS if self._row(level, low)[0] == low]
        sizes = [self._row(level, low)[1] for level in levels]
        if levels == [1]:
            before = self._db.execute(
                "SELECT low, n FROM counters WHERE list = ? AND level = 1 AND low < ? ORDER BY low DESC LIMIT 1",
                (self._name, low),
            ).fetchone()
            if before[1] + n <= CHUNK // 2:
                self._delete(1, low, self.end(1, low))
                self._db.execute(
                    "UPDATE counters SET n = n + ? WHERE list = ? AND level = 1 AND low = ?", (n, self._name, before[0])
                )
        elif not any(sizes):
            end = self.end(max(levels), low)
            for level in levels:
                self._delete(level, low, end)

    def _delete(self, level: int, low: str, end: str | None) -> None:
        """The rows of a level that begin from ``low`` to ``end``."""
        bound, values = ("", ()) if end is None else (" AND low < ?", (end,))
        self._db.execute(
            f"DELETE FROM counters WHERE list = ? AND level = ? AND low >= ?{bound}",  # noqa: S608 - of constants
            (self._name, level, low, *values),
        )


class SQLiteCounters:
    """The counters of a file, held against a count of what is there, and built anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collections(self) -> list[str]:
        """The collections that have objects or counters."""
        with self._database.reading() as db:
            counted = {name.partition("|")[0] for (name,) in db.execute("SELECT DISTINCT list FROM counters")}
            return sorted(counted | {name for (name,) in db.execute("SELECT DISTINCT collection FROM objects")})

    def check(self, collection: str) -> list[str]:
        """What is wrong with the counters of a collection, in sentences; nothing if they are exact."""
        with self._database.reading() as db:
            entries: dict[str, list[str]] = {}
            for name, key in db.execute("SELECT list, key FROM places WHERE collection = ?", (collection,)):
                entries.setdefault(name, []).append(key)
            counters: dict[tuple[str, int], list[tuple[str, int]]] = {}
            rows = db.execute(
                "SELECT list, level, low, n FROM counters WHERE list >= ?1 || '|' AND list < ?1 || '}'"
                " ORDER BY list, level, low",
                (collection,),
            )
            for name, level, low, n in rows:
                counters.setdefault((name, level), []).append((low, n))
        names = sorted(entries.keys() | {name for name, _ in counters})
        return [
            f"{name}: {finding}"
            for name in names
            for level in LEVELS
            for finding in _findings(sorted(entries.get(name, [])), counters.get((name, level), []), level)
        ]

    def rebuild(self, collection: str) -> None:
        """Count a collection anew."""
        with self._database.writing() as db:
            db.execute("DELETE FROM counters WHERE list >= ?1 || '|' AND list < ?1 || '}'", (collection,))
            db.execute(BUILD, (collection,))


def _findings(keys: list[str], rows: list[tuple[str, int]], level: int) -> Iterator[str]:
    """What is wrong with one level of a list, whose keys come in order."""
    if keys and (not rows or rows[0][0]):
        yield f"level {level} does not begin at the beginning"
    ends = [bisect_left(keys, low) for low, _ in rows[1:]]
    for (low, n), start, end in zip(rows, [0, *ends], [*ends, len(keys)], strict=True) if rows else ():
        if end - start != n:
            yield f"{n} are counted from {low!r} on at level {level}, {end - start} are there"
