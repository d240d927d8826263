"""The time of two deployments: it passes only when somebody says so, or sleeps."""

from __future__ import annotations

import datetime as dt
import time as real_time
from types import ModuleType
from typing import Self

BEGINNING = 1_780_000_000.0
"""Seconds since 1970; whole, and long after all fixtures."""


class Clock:
    """Seconds since 1970."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def reset(self) -> None:
        """To the beginning."""
        self.now = BEGINNING

    def pass_(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def modules(self) -> dict[str, ModuleType]:
        """``time`` and ``datetime`` by this clock."""
        return {"time": self._time(), "datetime": self._datetime()}

    def _time(self) -> ModuleType:
        module = ModuleType("time")
        module.__dict__.update(vars(real_time))
        module.__dict__.update(
            time=lambda: self.now,
            time_ns=lambda: int(self.now * 1e9),
            monotonic=lambda: self.now,
            perf_counter=lambda: self.now,
            sleep=self.pass_,
        )
        return module

    def _datetime(self) -> ModuleType:
        clock = self

        class Simulated(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Self:
                return cls.fromtimestamp(clock.now, tz)

        module = ModuleType("datetime")
        module.__dict__.update(vars(dt))
        module.__dict__["datetime"] = Simulated
        return module
