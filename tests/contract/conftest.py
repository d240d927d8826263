"""Every test of the contract runs over SQLite, moto and ministack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.ministack import running_ministack
from tests.support.stores import Backend, ministack_backend, moto_backend, sqlite_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Store


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    with running_ministack() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", "moto", "ministack"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    match request.param:
        case "sqlite":
            context = sqlite_backend(tmp_path)
        case "moto":
            context = moto_backend()
        case _:
            context = ministack_backend(request.getfixturevalue("ministack"))
    with context as opened:
        yield opened


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.open()
