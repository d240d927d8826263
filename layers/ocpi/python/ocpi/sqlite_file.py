"""One SQLite file: private to its user, durable, brought to its schema, with connections for many threads."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BUSY_TIMEOUT_S = 10.0
MOST_IDLE_CONNECTIONS = 16


class SQLiteFile:
    """Transactions on one file, from any number of threads and processes.

    ``migrations``: each, statements with ``;`` between them, brings a file from the schema version of its index to
    the next; a released one is never edited. Raises :class:`sqlite3.DatabaseError` for a file of a later version.
    """

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._one_writer = threading.Lock()
        self._closed = False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The file holds business data of partners: made private before SQLite writes into it, which gives
        # its -wal and -shm files the same permissions. A file that is there is never opened like this: closing any
        # descriptor of it would drop all locks that this process has on it (https://www.sqlite.org/howtocorrupt.html).
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        path.chmod(0o600)
        with self._borrowed() as connection:
            _switch_to_wal(connection)
        with self.writing() as connection:
            _migrate(connection, migrations)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the file throughout."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes beside; it is on the disk when the block ends, and undone
        when the block raises. Waits for other writers, at most :data:`BUSY_TIMEOUT_S`. Without ``durable`` it may be
        lost when the power fails, alone or with others like it, and never any that came before it and was durable.
        """
        # SQLite has who waits for a writer look again ever more rarely: the threads of one process queue up here
        # instead, and only other processes are waited for that way.
        with self._one_writer, self._borrowed() as connection:
            try:
                if not durable:
                    connection.execute("PRAGMA synchronous = NORMAL")
                # IMMEDIATE: a transaction that begins by reading could not become a writer once another had written.
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if not durable:
                    connection.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        """Close every connection; one that is in use closes when its transaction ends. Harmless when repeated."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        # Each thread has a connection to itself while it works. They are lent rather than bound to threads
        # because the local gateway makes a thread per request: its connections would die with it, unclosed.
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError(f"{self._path} is closed")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed and len(self._idle) < MOST_IDLE_CONNECTIONS
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        # FULL: in WAL mode NORMAL may lose the last commits when the power fails, and we have acknowledged them.
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Once for the life of the file. SQLite does not wait its busy timeout here, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise sqlite3.DatabaseError(f"the file has schema version {version}, this program knows {len(migrations)}")
    for migration in migrations[version:]:
        for statement in migration.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
