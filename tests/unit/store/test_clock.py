"""The instants that the store stamps on records."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ocpi.store.clock import instant

if TYPE_CHECKING:
    import pytest


def test_an_instant_is_now_in_utc_with_microseconds() -> None:
    stamped = instant()

    assert datetime.strptime(stamped, "%Y-%m-%dT%H:%M:%S.%f%z").utcoffset() == timedelta(0)
    assert len(stamped) == len("2026-01-01T00:00:00.000000Z")
    assert abs(datetime.fromisoformat(stamped) - datetime.now(UTC)) < timedelta(seconds=5)


def test_instants_grow_strictly_over_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: [instant() for _ in range(500)], range(8)))

    assert all(run == sorted(run) for run in runs)
    assert len({stamped for run in runs for stamped in run}) == 4000


def test_instants_grow_while_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = instant()
    monkeypatch.setattr(time, "time_ns", lambda: 0)

    first, second = instant(), instant()
    assert before < first < second
    step = datetime.fromisoformat(second) - datetime.fromisoformat(first)
    assert step == timedelta(microseconds=1), "a clock that ran ahead would stay ahead for longer than it must"


def test_an_instant_is_of_the_microsecond_that_the_clock_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.store.clock._last", 0)  # and what it was again afterwards: the process has one clock
    monkeypatch.setattr(time, "time_ns", lambda: 4_102_444_800_000_012_999)

    assert instant() == "2100-01-01T00:00:00.000012Z"
