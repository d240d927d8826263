"""A clock that moves when somebody sleeps, or when a test says so. The store's own stamps follow it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ocpi import times
from ocpi.delivery.instants import instant_at

if TYPE_CHECKING:
    import pytest

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()


class Clock:
    """``now`` is in seconds since 1970; every look at it takes a microsecond, so that no two instants are the same."""

    def __init__(self) -> None:
        self.now = START
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self.now += 0.000_001
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds

    def instant(self) -> str:
        return instant_at(self())

    def wire(self) -> str:
        return times.to_wire(datetime.fromtimestamp(self.now, UTC))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ocpi.store.sqlite_objects.instant", self.instant)
        monkeypatch.setattr("ocpi.objects.own.now_wire", self.wire)
