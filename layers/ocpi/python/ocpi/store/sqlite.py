"""The store in one SQLite file: what the local gateway uses, and whoever runs without AWS.

The file is in WAL mode (readers and the one writer do not wait for each other) and every commit is on the
disk before it is acknowledged (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ocpi.store.sqlite_changes import SQLiteChanges
from ocpi.store.sqlite_channels import SQLiteChannels
from ocpi.store.sqlite_database import Database
from ocpi.store.sqlite_deliveries import SQLiteDeliveries
from ocpi.store.sqlite_exchanges import SQLiteExchanges
from ocpi.store.sqlite_failures import SQLiteFailures
from ocpi.store.sqlite_objects import SQLiteObjects
from ocpi.store.sqlite_partners import SQLitePartners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class SQLiteStore:
    """A :class:`~ocpi.store.port.Store` in the file at ``path``, which is made if it is not there.

    Beyond the port, ``changes`` tells what was written of our own objects.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.changes = SQLiteChanges(path, self._database)
        self.objects = SQLiteObjects(self._database, self.changes)
        self.partners = SQLitePartners(self._database)
        self.deliveries = SQLiteDeliveries(self._database)
        self.channels = SQLiteChannels(self._database)
        self.exchanges = SQLiteExchanges(self._database)
        self.failures = SQLiteFailures(self._database)
        self._key: bytes | None = None

    def follow(self, records: Sequence[Mapping[str, Any]]) -> None:
        """As in the port: there is nothing to do."""

    def signing_key(self) -> bytes:
        """As in the port; read once by each process."""
        if self._key is None:
            with self._database.writing() as db:
                # IGNORE: of several processes that start together the first one's key counts.
                db.execute("INSERT OR IGNORE INTO settings VALUES ('signing_key', ?)", (secrets.token_bytes(32),))
                (key,) = db.execute("SELECT value FROM settings WHERE name = 'signing_key'").fetchone()
            self._key = bytes(key)
        return self._key

    def ping(self) -> None:
        """As in the port; raises :class:`sqlite3.Error`."""
        with self._database.reading() as db:
            db.execute("SELECT 1 FROM objects LIMIT 1").fetchone()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._database.close()
