"""Worlds of the unit tests: made as a test asks for them, and closed when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class World(Protocol):
    """A deployment with nothing in it but a partner."""

    store: Any


W = TypeVar("W", bound=World)


def worlds_of(at: Callable[..., W], folder: Path, role: str) -> Iterator[Callable[..., W]]:
    """What a fixture yields: each call makes another world ``at`` a file, with a partner of this role unless told."""
    made: list[W] = []

    def make(role: str = role, **settings: object) -> W:
        made.append(at(folder / f"{len(made)}.db", role, **settings))
        return made[-1]

    yield make
    for world in made:
        world.store.close()
