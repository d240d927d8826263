"""How many requests an adapter makes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def noted_pools(monkeypatch: pytest.MonkeyPatch, module: str) -> list[int | None]:
    """How many threads a module asks for, each time that it asks for any."""
    found: list[int | None] = []

    class Noted(ThreadPoolExecutor):
        def __init__(self, max_workers: int | None = None) -> None:
            found.append(max_workers)
            super().__init__(max_workers)

    monkeypatch.setattr(f"{module}.ThreadPoolExecutor", Noted)
    return found
