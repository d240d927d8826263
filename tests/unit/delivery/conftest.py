from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.store.sqlite import SQLiteStore
from tests.unit.delivery.ticking import Clock
from tests.unit.delivery.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def new_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """Makes worlds with an eMSP and nothing else in them."""
    stores: list[SQLiteStore] = []

    def make() -> World:
        stores.append(SQLiteStore(tmp_path / f"store-{len(stores)}.db"))
        clock = Clock()
        clock.install(monkeypatch)
        return World(stores[-1], clock)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    """A world with an eMSP and nothing else in it."""
    return new_world()
