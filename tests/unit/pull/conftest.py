from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import worlds_of
from tests.unit.pull.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a deployment with nothing in it but a partner; each call another."""
    yield from worlds_of(World.at, tmp_path, "CPO")


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """With a CPO."""
    return new_world()


@pytest.fixture
def emsp_world(new_world: Callable[..., World]) -> World:
    """With an eMSP."""
    return new_world("EMSP")
