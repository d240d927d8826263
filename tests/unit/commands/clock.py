"""A clock that stands still until a test moves it, for every module of commands."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ocpi import times

if TYPE_CHECKING:
    import pytest

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()
READERS = ("ocpi.commands.", "commands_worker_")
"""Modules that read the clock begin so."""


class Clock:
    """``now`` is in seconds since 1970."""

    def __init__(self) -> None:
        self.now = START

    def wire(self) -> str:
        """Now, as it stands in commands."""
        return times.to_wire(datetime.fromtimestamp(self.now, UTC))

    def after(self, seconds: float) -> str:
        """So many seconds from now."""
        return times.to_wire(datetime.fromtimestamp(self.now + seconds, UTC))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every module of commands that is loaded read this clock."""
        for name, module in list(sys.modules.items()):
            if name.startswith(READERS) and hasattr(module, "now_wire"):
                monkeypatch.setattr(module, "now_wire", self.wire)
        delivering = sys.modules["ocpi.commands.delivering"]
        monkeypatch.setattr(delivering, "time", SimpleNamespace(time=lambda: self.now))
