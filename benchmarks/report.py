"""What every benchmark hands over, so that ``make bench`` can gather, print and draw it.

A benchmark is a script with ``--json FILE``; ``--quick`` is what ``make bench`` runs, in at most two minutes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One number. ``ratio`` is this number to the one of ``baseline``, measured in the same run on the same machine."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    baseline: str | None = None
    aim: str | None = None
    """In words, where an aim was set: ``at most 1.4 times``."""


@dataclass(frozen=True)
class Curve:
    """A growth curve: one picture with a line for each series, whose points are ``(x, y)``."""

    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]
    x_scale: Literal["linear", "log"] = "linear"
    y_scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True)
class Report:
    """Of one benchmark; ``notes`` say what it does not show."""

    name: str
    figures: list[Figure]
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """As JSON, its fields as they are here."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
