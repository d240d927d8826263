"""SQLite loses nothing when the process that writes is killed; ``benchmarks/killed_sqlite.py`` does it 200 times."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.killing.rounds import Killing

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10


def test_every_acknowledged_write_is_there_after_each_kill(tmp_path: Path) -> None:
    killing = Killing(tmp_path / "ocpi.db", random.Random())
    for _ in range(ROUNDS):
        killing.round()
    assert (killing.lost, killing.damage) == ([], [])
    assert killing.acknowledged > ROUNDS


def test_a_write_that_is_gone_is_seen(tmp_path: Path) -> None:
    killing = Killing(tmp_path / "ocpi.db", random.Random(1))
    while not killing.acknowledged:
        killing.round()
    assert killing.lost == []
    killing._known["exchange", "0-a-1"] = 1
    killing.round()
    assert len(killing.lost) == 1
    assert "told at 1, and is at 0" in killing.lost[0]
