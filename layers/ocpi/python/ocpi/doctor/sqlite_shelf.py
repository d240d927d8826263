"""A file as :mod:`ocpi.doctor` goes over it: page by page, each a short transaction, while others read and write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ocpi.doctor.entry import Finding, Flaw, Unreadable
from ocpi.doctor.names import PRECISE
from ocpi.doctor.remedies import KEPT_DAYS, LOST
from ocpi.doctor.sqlite_reading import TABLES, named, read
from ocpi.store.exchanges import Exchange, end_of_life
from ocpi.store.port import EVERYBODY, Partner, Record
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import SQLiteCounters, places_of, recount
from ocpi.store.sqlite_database import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ocpi.doctor.entry import Entry
    from ocpi.store.port import Grant

PAGE = 200
NO_FAILURES = "typeof(failures) <> 'integer' OR typeof(until) <> 'integer' OR failures < 0"
OF_AN_INDEX = ("missing from index", "wrong # of entries in index", "non-unique entry in index")
HINTS = {"journal": "", "findings": "[]"}
"""Of an object; without them it is the same object."""


class SQLiteShelf:
    """Implements :class:`ocpi.doctor.entry.Shelf`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self._rows = 0
        self.store = SQLiteStore(path)
        self.counters = SQLiteCounters(self._database)

    def close(self) -> None:
        """Close the file."""
        self.store.close()
        self._database.close()

    def flaws_as_a_whole(self) -> Iterator[Finding]:
        """As in the protocol: what SQLite itself says of the file."""
        with self._database.reading() as db:
            told = [line for (line,) in db.execute("PRAGMA integrity_check(100)") if line != "ok"]
        of_index = [line for line in told if any(words in line for words in OF_AN_INDEX)]
        if of_index and of_index == told:
            yield Finding("the file", Flaw("lacks entries of an index", "build its indexes anew", self._reindex))
        elif told:
            yield Finding("the file", Flaw(f"is damaged in {len(told)} places", "restore it from a backup"))
            return
        with self._database.reading() as db:
            (wrong,) = db.execute(f"SELECT count(*) FROM failures WHERE {NO_FAILURES}").fetchone()  # noqa: S608 - a constant
        if wrong:
            flaw = Flaw(f"{wrong} of them count nothing", LOST["failures"], self._forget_failures)
            yield Finding("failed attempts to authenticate", flaw)

    def _reindex(self) -> bool:
        with self._database.writing() as db:
            db.execute("REINDEX")
        return True

    def _forget_failures(self) -> bool:
        with self._database.writing() as db:
            db.execute(f"DELETE FROM failures WHERE {NO_FAILURES}")  # noqa: S608 - a constant
        return True

    def pages(self) -> Iterator[list[Entry]]:
        """As in the protocol."""
        for table in TABLES:
            after = -1
            while True:
                page = self._page(table, after)
                if not page:
                    break
                self._rows += len(page)
                yield page
                after = page[-1].address[1]

    def _page(self, table: str, after: int) -> list[Entry]:
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT rowid AS rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?",  # noqa: S608 - of ours
                (after, PAGE),
            )
            return [named(table, row) for row in _dicts(rows)]

    def again(self, entry: Entry) -> Entry | None:
        """As in the protocol."""
        table, rowid = entry.address
        with self._database.reading() as db:
            rows = db.execute(f"SELECT rowid AS rowid, * FROM {table} WHERE rowid = ?", (rowid,))  # noqa: S608 - of ours
            return next((named(table, row) for row in _dicts(rows)), None)

    def read(self, entry: Entry) -> Any:
        """As in the protocol."""
        return read(entry)

    def unreadable(self, entry: Entry) -> Iterator[Flaw]:
        """As in the protocol."""
        for name, empty in HINTS.items() if entry.kind == "object" else ():
            try:
                read(replace(entry, raw={**entry.raw, name: empty}))
            except Unreadable:
                continue
            mended = {name: empty}
            yield Flaw(f"its {name} cannot be read", "remove that", lambda mended=mended: self._change(entry, mended))  # type: ignore[misc] # mypy sees no default
            return
        try:
            read(entry)
        except Unreadable as error:
            is_change = entry.address[0] == "changes"
            remedy = "delete it: the weekly comparison finds what it told of" if is_change else LOST[entry.kind]
            yield Flaw(str(error), remedy, (lambda: self.delete(entry)) if is_change else None)

    def beside(self, entry: Entry, thing: Any) -> Iterator[Flaw]:
        """As in the protocol."""
        wrong = {name: value for name, value in _expected(entry.raw, thing).items() if entry.raw[name] != value}
        if wrong:
            yield Flaw(
                f"{', '.join(sorted(wrong))} does not follow from the rest of the row",
                "write what does",
                lambda: self._change(entry, wrong),
            )

    def delete(self, entry: Entry) -> bool:
        """As in the protocol."""
        table, _ = entry.address
        condition, values = _unchanged(entry.raw)
        with self._database.writing() as db:
            before = self._places(db, entry)
            done = db.execute(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608 - names of our own
            recount(db, before, self._places(db, entry))
        return bool(done.rowcount)

    def _change(self, entry: Entry, changes: Mapping[str, Any]) -> bool:
        """Set columns of a row that is as it was read; whether it was. The revision stays: nothing that anybody wrote
        is another.
        """
        table, _ = entry.address
        condition, values = _unchanged(entry.raw)
        assignments = ", ".join(f"{name} = ?" for name in changes)
        with self._database.writing() as db:
            before = self._places(db, entry)
            done = db.execute(
                f"UPDATE {table} SET {assignments} WHERE {condition}",  # noqa: S608 - names of our own
                (*changes.values(), *values),
            )
            recount(db, before, self._places(db, entry))
        return bool(done.rowcount)

    @staticmethod
    def _places(db: sqlite3.Connection, entry: Entry) -> dict[str, str]:
        if entry.kind != "object":
            return {}
        return places_of(db, entry.raw["collection"], entry.raw["folded_id"])

    def partners(self) -> tuple[list[Partner], set[str]]:
        """As in the protocol."""
        partners, unreadable = [], set()
        for entry in self._all("partners"):
            try:
                partners.append(read(entry))
            except Unreadable:
                unreadable.add(entry.raw["id"])
        return partners, unreadable

    def grants(self, hashes: Sequence[str]) -> dict[str, Grant]:
        """As in the protocol."""
        wanted = set(hashes)
        return {grant.hash: grant for grant in self._things("grants") if grant.hash in wanted}

    def claims(self, parties: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """As in the protocol."""
        wanted, claims = set(parties), self._things("parties")
        return {(each.role, each.party): each.partner_id for each in claims if (each.role, each.party) in wanted}

    def claim(self, partner: Partner) -> bool:
        """As in the protocol."""
        with self._database.writing() as db:
            done = db.execute(
                "INSERT INTO parties (role, party, partner_id)"
                " SELECT ?, ?, id FROM partners WHERE id = ? AND revision = ? ON CONFLICT DO NOTHING",
                (partner.role, str(partner.party).upper(), partner.id, partner.revision),
            )
        return bool(done.rowcount)

    def _all(self, table: str) -> Iterator[Entry]:
        after = -1
        while page := self._page(table, after):
            yield from page
            after = page[-1].address[1]

    def _things(self, table: str) -> Iterator[Any]:
        for entry in self._all(table):
            try:
                yield read(entry)
            except Unreadable:
                continue

    def cost(self) -> str:
        """As in the protocol."""
        return f"{self._rows} rows"


def _dicts(rows: sqlite3.Cursor) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in rows.description]
    return (dict(zip(names, row, strict=True)) for row in rows)


def _unchanged(row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition that a row is what was read. Race: whoever writes it meanwhile may have put it right."""
    return " AND ".join(f"{name} IS ?" for name in row), list(row.values())


def _expected(row: Mapping[str, Any], thing: Any) -> Mapping[str, Any]:
    """Columns as they must be."""
    match thing:
        case Record():
            if thing.audience in (None, EVERYBODY):
                return {"addressed_key": None}
            # Its place is that of the write that gave it to a party, which only it tells. Without it comes last, where
            # a crawl under way still finds it.
            place, folded_id = row["addressed_key"] or "", thing.key.folded_id
            right = place[27:] == f"#{folded_id}" and PRECISE.fullmatch(place[:27]) is not None
            return {"addressed_key": place if right else f"{thing.received}#{folded_id}"}
        case Partner():
            return {"invited_at": thing.invited_at}
        case Exchange():
            end = row["expires"]
            if PRECISE.fullmatch(end) is None:
                end = f"{end_of_life(thing.at, KEPT_DAYS):%Y-%m-%dT%H:%M:%S.%f}Z"
            return {"subject": thing.subject, "http_status": thing.http_status, "expires": end}
        case _:
            return {}
