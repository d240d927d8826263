"""What was written of our own objects, for whoever hands it on: what the table's stream is in AWS.

A change is recorded in the transaction of the write that made it, so that neither is ever there without the other.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

from ocpi.store.port import OWN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from ocpi.store.port import Key
    from ocpi.store.sqlite_database import Database

Event = Literal["INSERT", "MODIFY", "REMOVE"]
"""As a DynamoDB stream calls it (``eventName``)."""

_listeners: defaultdict[Path, WeakSet[threading.Event]] = defaultdict(WeakSet)
"""By file and not by store: a process may have it open more than once."""
_listening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Change:
    """One write of an own object. ``position`` grows from write to write; ``collection`` is ``own/<module>`` and ``id``
    is spelled as the object's record has it.
    """

    position: int
    event: Event
    collection: str
    id: str


class SQLiteChanges:
    """The changes of one store, in the order of their writes, until whoever hands them on says that they are done."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path.resolve()
        self._database = database

    def pending(self, limit: int) -> list[Change]:
        """Up to ``limit`` changes that are not done, the oldest first. They come again until :meth:`done`."""
        with self._database.reading() as db:
            rows = db.execute("SELECT position, event, collection, id FROM changes ORDER BY position LIMIT ?", (limit,))
            return [Change(*row) for row in rows]

    def done(self, up_to: int) -> None:
        """Forget all changes up to this position, which is included. Harmless when repeated."""
        # What a power failure takes of this comes again.
        with self._database.writing(durable=False) as db:
            db.execute("DELETE FROM changes WHERE position <= ?", (up_to,))

    def listener(self) -> threading.Event:
        """An event that is set whenever this process writes an own object, through whichever store of this file.

        It is set for as long as somebody holds it. What another process writes, only a look at :meth:`pending` tells.
        """
        event = threading.Event()
        with _listening:
            _listeners[self._path].add(event)
        return event

    def tell(self, keys: Iterable[Key]) -> None:
        """Wake who listens, if an own object is among these; after the transaction, when there is something to see."""
        if not any(key.collection.owner == OWN for key in keys):
            return
        with _listening:
            listeners = list(_listeners.get(self._path, ()))
        for listener in listeners:
            listener.set()


def record_change(db: sqlite3.Connection, event: Event, key: Key) -> None:
    """Note a write in the transaction that makes it, if it is of an own object."""
    if key.collection.owner == OWN:
        db.execute("INSERT INTO changes (event, collection, id) VALUES (?, ?, ?)", (event, str(key.collection), key.id))
