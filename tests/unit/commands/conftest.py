from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.store.sqlite import SQLiteStore
from tests.unit.commands.clock import Clock
from tests.unit.commands.world import World, worker_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ocpi.store.port import Partner


@pytest.fixture
def new_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """Makes worlds with nothing in them; the last one made is the one that has the worker."""
    stores: list[SQLiteStore] = []
    worker = worker_module()

    def make() -> World:
        stores.append(SQLiteStore(tmp_path / f"store-{len(stores)}.db"))
        world = World(stores[-1], Clock(), worker)
        world.install(monkeypatch)
        return world

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    """A world with nothing in it."""
    return new_world()


@pytest.fixture
def emsp(world: World) -> Partner:
    """An eMSP that is registered with us."""
    return world.partner("EMSP", "EMS")


@pytest.fixture
def cpo(world: World) -> Partner:
    """A CPO that is registered with us."""
    return world.partner("CPO", "CPO")
