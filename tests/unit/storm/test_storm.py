"""In a storm over DynamoDB nothing that was answered is lost, taken twice or put back. ``benchmarks/faults.py`` does
the same for longer.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.storm.machine import Storm
from tests.support.storm.table import AFTER, BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.storm.machine import Outcome

WRITES = 200


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """Hundreds of failures are what this is about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def weathered(seed: int, folder: Path) -> Outcome:
    storm = Storm(seed, folder)
    try:
        return storm.run(WRITES)
    finally:
        storm.close()


SEEDS = (1, 2)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    logging.disable(logging.CRITICAL)
    return [weathered(seed, tmp_path_factory.mktemp("storm")) for seed in SEEDS]


def test_all_that_was_answered_is_there_once_and_counted(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        assert outcome.wrong == []
        assert outcome.faults.total() > WRITES
        assert min(outcome.between, outcome.late) > 0


def test_every_kind_of_write_fails_before_and_after_it_was_carried_out(outcomes: list[Outcome]) -> None:
    faults = sum((outcome.faults for outcome in outcomes), Counter[str]())
    for operation in ("put_item", "update_item", "delete_item", "transact_write_items"):
        assert sum(faults[f"{operation}: {fault}"] for fault in BEFORE)
        assert sum(faults[f"{operation}: {fault}"] for fault in AFTER)
    assert faults["update_item: done, and sent again by botocore"]


def test_equal_seeds_give_equal_storms(outcomes: list[Outcome], tmp_path: Path) -> None:
    assert weathered(SEEDS[0], tmp_path) == outcomes[0]


def test_a_write_that_is_lost_is_seen(tmp_path: Path) -> None:
    storm = Storm(1, tmp_path)
    table = storm.table.table
    real, left = table.update_item, [30]

    def forgetful(**request: object) -> dict[str, object]:
        """Of the writes of objects one is answered and not done."""
        left[0] -= str(request["Key"]).find("OBJECT#own/locations") > 0
        if left[0] == 0:
            left[0] = -1
            return {"Attributes": dict(table.items[request["Key"]["pk"]["S"], "OBJECT"])}  # type: ignore[index] # a key
        answer: dict[str, object] = real(**request)
        return answer

    table.update_item = forgetful  # type: ignore[method-assign] # as a table that lies
    try:
        assert any("never was" in each for each in storm.run(WRITES).wrong)
    finally:
        storm.close()
