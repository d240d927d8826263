"""Random faults at every call, then quiet: every partner holds exactly what there is. ``benchmarks/convergence.py``
does the same for longer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from ocpi.store.sqlite import SQLiteStore
from tests.support.convergence.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.convergence.machine import Report

CHANGES = 150


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """Thousands of failures are what this is about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def converged(
    seed: int, path: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: float = 0.0, repairs: bool = True
) -> Report:
    store = SQLiteStore(path / "store.db")
    machine = Machine(seed, store, refuses=refuses, repairs=repairs)
    machine.install(monkeypatch)
    report = machine.run(CHANGES)
    store.close()
    return report


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_partner_holds_what_there_is_after_faults(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = converged(seed, tmp_path, monkeypatch)
    assert report.wrong == []
    assert report.deliveries > 50


@pytest.mark.parametrize("seed", [1])
def test_every_partner_holds_what_there_is_once_the_operator_has_what_was_refused_sent_again(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = converged(seed, tmp_path, monkeypatch, refuses=0.05)
    assert report.wrong == []
    assert report.faults["partner: refuses"] > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_partner_holds_what_there_is_without_anything_ever_being_compared(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert converged(seed, tmp_path, monkeypatch, repairs=False).wrong == []


def test_equal_seeds_give_equal_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    assert converged(3, first, monkeypatch) == converged(3, second, monkeypatch)


def test_faults_happen_at_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of few changes a single seed may spare one part.
    reports = [converged(seed, tmp_path / str(seed), monkeypatch) for seed in (1, 2, 3)]
    parts = {name.partition(":")[0] for report in reports for name in report.faults}
    assert {"objects", "deliveries", "channels", "partners", "queue", "partner", "stream"} <= parts
