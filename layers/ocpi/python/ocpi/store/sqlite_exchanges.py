"""The exchange log in SQLite: a row each, in the order in which they were written."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ocpi.store.clock import instant
from ocpi.store.exchanges import Exchange, ExchangePage, ExchangeQuery, end_of_life

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.sqlite_database import Database

MOST_READ = 10_000
"""Rows that one page looks at."""
SWEEP_SECONDS = 600
"""How often what has expired is deleted; it is returned no more from the moment it has."""
MOST_SWEPT = 5_000


class SQLiteExchanges:
    """Implements :class:`ocpi.store.exchanges.Exchanges`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._swept_at: float | None = None

    def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
        """As in the port."""
        rows = [
            (each.at, each.partner_id, each.subject, each.http_status, _text(each.at, days), each.written())
            for each in exchanges
        ]
        # An entry of the log is not worth waiting for the disk: what a power failure takes of it is lost.
        with self._database.writing(durable=False) as db:
            db.executemany(
                "INSERT INTO exchanges (at, partner_id, subject, http_status, expires, document)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            if self._is_time_to_sweep():
                db.execute(
                    "DELETE FROM exchanges WHERE position IN"
                    " (SELECT position FROM exchanges WHERE expires <= ? ORDER BY expires LIMIT ?)",
                    (instant(), MOST_SWEPT),
                )

    def page(self, query: ExchangeQuery) -> ExchangePage:
        """As in the port."""
        found: list[Exchange] = []
        last: str | None = None
        conditions, values = _conditions(query)
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT at, position, document FROM exchanges WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
                " ORDER BY at DESC, position DESC LIMIT ?",
                (*values, MOST_READ + 1),
            )
            for read, (at, position, document) in enumerate(rows):
                if len(found) == query.limit or read == MOST_READ:
                    return ExchangePage(found, last)
                exchange = Exchange.read(document)
                if query.takes(exchange):
                    found.append(exchange)
                last = f"{at}#{position}"
        return ExchangePage(found, None)

    def _is_time_to_sweep(self) -> bool:
        with self._lock:
            now = time.monotonic()
            due = self._swept_at is None or now - self._swept_at >= SWEEP_SECONDS
            if due:
                self._swept_at = now
            return due


def _conditions(query: ExchangeQuery) -> tuple[list[str], list[object]]:
    given: dict[str, object | None] = {
        "partner_id = ?": query.partner_id,
        "subject = ?": query.subject,
        "at >= ?": query.at_from,
        "at < ?": query.at_to,
        "expires > ?": instant(),
    }
    conditions = [condition for condition, value in given.items() if value is not None]
    values = [value for value in given.values() if value is not None]
    if query.after is not None:
        at, _, position = query.after.rpartition("#")
        conditions.append("(at, position) < (?, ?)")
        values += [at, int(position)]
    return conditions, values


def _text(at: str, days: int) -> str:
    return f"{end_of_life(at, days):%Y-%m-%dT%H:%M:%S.%f}Z"
