from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.outbound.partner_session import PartnerSession
from ocpi.vault.keyfile import KeyFileVault
from tests.unit.registration.scripted import Scripted, willing
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


@pytest.fixture
def partner(world: World) -> Scripted:
    """A partner that takes everything; a test changes its answers."""
    world.client = willing()  # type: ignore[assignment] # in its place
    return world.client  # type: ignore[return-value] # as above


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds each session is made for."""
    given: list[float] = []
    within = PartnerSession.within.__func__  # type: ignore[attr-defined] # a class method

    def noting(cls: Any, /, *args: Any, seconds: float, **options: Any) -> Any:
        given.append(seconds)
        return within(cls, *args, seconds=seconds, **options)

    monkeypatch.setattr(PartnerSession, "within", classmethod(noting))
    return given
