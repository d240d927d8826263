"""Runs functions by the clock, as EventBridge does."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Self

from local.context import LambdaContext
from local.schedule import Schedule, scheduled_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from local.functions import Handler
    from local.template import Function

# How long runs that are under way at the end may still take.
GRACE_SECONDS = 5.0

log = logging.getLogger("local")


class Scheduler:
    """All schedules of a template, each in a thread of its own while the block lasts.

    The first run is one interval after the start. A run that takes longer than the interval delays the next one
    until the time after it, so that no schedule ever runs twice at once. What a function raises is logged, and the
    next run comes as if nothing had been.
    """

    def __init__(
        self, functions: Iterable[Function], handlers: Mapping[str, Handler], *, grace: float = GRACE_SECONDS
    ) -> None:
        """``handlers`` by function name; ``grace``: seconds that the end of the block waits for runs under way."""
        self._handlers = handlers
        self._grace = grace
        self._ending = threading.Event()
        # Daemons: a run that does not end in time does not keep the process.
        self._threads = [
            threading.Thread(target=self._follow, args=(function, schedule), name=schedule.name, daemon=True)
            for function in functions
            for schedule in function.schedules
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        deadline = time.monotonic() + self._grace
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _follow(self, function: Function, schedule: Schedule) -> None:
        due = time.monotonic() + schedule.interval
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            self._run(function, schedule)
            missed = max(0.0, time.monotonic() - due) // schedule.interval
            due += (1 + missed) * schedule.interval

    def _run(self, function: Function, schedule: Schedule) -> None:
        context = LambdaContext(function.name, function.memory, function.timeout)
        try:
            self._handlers[function.name](scheduled_event(schedule, time.time()), context)
        except Exception:  # whatever a function raises is the function's failure, not the scheduler's
            log.exception("%s: %s failed", schedule.name, function.name)
