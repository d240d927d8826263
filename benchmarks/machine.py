"""Where and of what figures were taken: they mean nothing without."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Machine:
    """``load`` is the load average of the last minute before the run; ``date`` is a day in UTC."""

    date: str
    commit: str
    processor: str
    cores: int
    python: str
    load: float

    @classmethod
    def here(cls) -> Self:
        """The one that runs this, now."""
        return cls(
            f"{datetime.now(UTC):%Y-%m-%d}",
            _commit(),
            _processor(),
            os.cpu_count() or 1,
            platform.python_version(),
            round(os.getloadavg()[0], 1),
        )

    def text(self) -> str:
        """A sentence."""
        return (
            f"{self.date}, commit {self.commit}, {self.cores} cores ({self.processor}), Python {self.python}, "
            f"load average {self.load} before the start."
        )


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607 - whichever is there
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
