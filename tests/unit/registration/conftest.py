from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.vault.keyfile import KeyFileVault
from tests.unit.registration.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes a deployment with nothing in it, and its partner; each call another."""
    vault, made = KeyFileVault(tmp_path / "vault.key"), list[World]()

    def make() -> World:
        made.append(World.at(tmp_path / f"{len(made)}.db", vault))
        return made[-1]

    yield make
    for world in made:
        world.store.close()


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()
