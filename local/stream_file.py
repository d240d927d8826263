"""The feed of what is written to the local store, which stands in for the table's stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

    from ocpi.store.sqlite_changes import SQLiteChanges


def open_changes(store: Path) -> SQLiteChanges:
    """The changes in the file of the store; they are heard of when functions of this process write to it.

    Nobody delivers any more what an earlier process was delivering, as nobody works on its messages.
    """
    opened = SQLiteStore(store)
    opened.channels.release()
    return opened.changes
