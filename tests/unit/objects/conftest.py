from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.stores import sqlite_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    """An empty store of objects."""
    with sqlite_backend(tmp_path) as backend:
        yield backend.open().objects
