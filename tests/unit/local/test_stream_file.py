from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from local.stream_file import open_changes
from ocpi.store.deliveries import Channel
from ocpi.store.sqlite import SQLiteStore
from tests.support.known_partners import know

if TYPE_CHECKING:
    from pathlib import Path


def test_nobody_delivers_any_more_what_an_earlier_process_was_delivering(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "ocpi.db")
    know(store, "p1", "p2")
    leased = store.channels.put(Channel("p1", leased_until="2999-01-01T00:00:00.000000Z", failures=2))
    idle = store.channels.put(Channel("p2", failures=3))
    open_changes(tmp_path / "ocpi.db")
    assert store.channels.get("p1") == replace(leased, leased_until=None, revision=leased.revision + 1)
    assert store.channels.get("p2") == idle
    store.close()
