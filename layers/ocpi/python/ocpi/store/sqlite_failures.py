"""Failed attempts to authenticate, counted in SQLite: a row for each source of a window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpi.store.sqlite_database import Database


class SQLiteFailures:
    """Implements :class:`ocpi.store.failures.Failures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, source: str, until: int, *, most: int) -> bool:
        """As in the port; windows that are over are deleted along the way."""
        # A count is not worth waiting for the disk: what a power failure takes of it, the next failures bring back.
        with self._database.writing(durable=False) as db:
            counted = db.execute(
                "INSERT INTO failures (until, source, failures) VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE"
                " SET failures = failures + 1 WHERE failures < ?3",
                (until, source, most),
            ).rowcount
            db.execute("DELETE FROM failures WHERE until < ?", (int(time.time()),))
        return counted > 0
