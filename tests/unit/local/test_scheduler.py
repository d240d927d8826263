from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.schedule import Schedule
from local.scheduler import Scheduler
from local.template import Function

if TYPE_CHECKING:
    import pytest

    from local.functions import Handler

INTERVAL = 0.05


def scheduler(*intervals: float, run: Handler, grace: float = 5) -> Scheduler:
    """One function with a schedule for each interval, in seconds."""
    schedules = tuple(Schedule(f"FTick{number}", interval) for number, interval in enumerate(intervals))
    return Scheduler([Function("F", Path(), "app.handler", {}, (), 300, 1024, schedules)], {"F": run}, grace=grace)


class Runs:
    """A handler that notes its runs."""

    def __init__(self, seconds: float = 0, *, fails: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self.began: list[float] = []
        self.at_once = 0
        self.most_at_once = 0
        self._seconds, self._fails = seconds, fails
        self._lock, self._third = threading.Lock(), threading.Event()

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        with self._lock:
            self.events.append(event)
            self.began.append(time.monotonic())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if len(self.events) == 3:
                self._third.set()
        time.sleep(self._seconds)
        with self._lock:
            self.at_once -= 1
        if self._fails:
            raise RuntimeError("on purpose")

    def wait_for_three(self) -> None:
        assert self._third.wait(10)


def test_a_schedule_runs_one_interval_after_the_start_and_then_again_and_again() -> None:
    runs = Runs()
    started = time.monotonic()
    with scheduler(INTERVAL, run=runs):
        runs.wait_for_three()
    for number in range(3):
        assert runs.began[number] >= started + (number + 1) * INTERVAL


def test_every_run_has_an_event_of_its_own_and_the_time_of_its_function() -> None:
    contexts: list[Any] = []
    runs = Runs()

    def run(event: dict[str, Any], context: Any) -> None:
        contexts.append(context)
        runs(event, context)

    with scheduler(INTERVAL, run=run):
        runs.wait_for_three()
    assert len({event["id"] for event in runs.events}) == len(runs.events)
    assert runs.events[0]["resources"] == ["arn:aws:events:eu-central-1:000000000000:rule/FTick0"]
    assert contexts[0].function_name == "F"
    assert 290_000 < contexts[0].get_remaining_time_in_millis() <= 300_000


def test_a_run_that_takes_longer_than_the_interval_is_never_joined_by_the_next() -> None:
    runs = Runs(seconds=1.5 * INTERVAL)
    with scheduler(INTERVAL, run=runs):
        runs.wait_for_three()
    assert runs.most_at_once == 1
    # The time that passed meanwhile is left out, not made up for at once.
    assert runs.began[1] - runs.began[0] >= 2 * INTERVAL - 0.01


def test_two_schedules_do_not_wait_for_each_other() -> None:
    first_runs, met = threading.Barrier(2), threading.Event()

    def run(event: Any, context: Any) -> None:
        if not met.is_set():
            first_runs.wait(5)
            met.set()

    with scheduler(INTERVAL, INTERVAL, run=run):
        assert met.wait(10)


def test_a_run_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    runs = Runs(fails=True)
    with scheduler(INTERVAL, run=runs):
        runs.wait_for_three()
    assert caplog.records[0].getMessage() == "FTick0: F failed"
    assert "on purpose" in caplog.text


def test_nothing_runs_after_the_end() -> None:
    runs = Runs()
    with scheduler(INTERVAL, run=runs):
        runs.wait_for_three()
    ended = len(runs.events)
    time.sleep(3 * INTERVAL)
    assert len(runs.events) == ended


def test_the_end_does_not_wait_for_a_run_that_is_far_away() -> None:
    began = time.monotonic()
    with scheduler(3600, run=Runs()):
        pass
    assert time.monotonic() - began < 1


def test_the_end_waits_for_a_run_under_way() -> None:
    runs = Runs(seconds=0.3)
    with scheduler(INTERVAL, run=runs):
        while not runs.events:
            time.sleep(0.001)
    assert runs.at_once == 0


def test_a_run_that_does_not_end_does_not_keep_the_process() -> None:
    release, started = threading.Event(), threading.Event()

    def run(event: Any, context: Any) -> None:
        started.set()
        release.wait(10)

    began = time.monotonic()
    with scheduler(INTERVAL, run=run, grace=0.1):
        assert started.wait(10)
    assert time.monotonic() - began < 5
    release.set()
