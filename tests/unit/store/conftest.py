"""Trees that are split early: what needs a million objects in AWS needs a hundred here."""

from __future__ import annotations

import pytest

from ocpi.store import counter_tree, dynamodb_reshaping, sqlite_counters


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (counter_tree, dynamodb_reshaping, sqlite_counters):
        monkeypatch.setattr(module, "CHUNK", 8)
        monkeypatch.setattr(module, "FANOUT", 4)
    monkeypatch.setattr(dynamodb_reshaping, "FEW", 2)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
