"""The cars that charge by remote start: how fast, and until when."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from local.demo.visits import CARS_KW, most_kw

Document = dict[str, Any]

BATTERIES_KWH = (45, 58, 64, 77, 82)
TAPERS_FROM = 0.8
"""State of charge from which on a car takes less and less direct current."""
FULL = 0.98


@dataclass(frozen=True, slots=True)
class Car:
    """A car at a connector."""

    battery: int
    """Wh."""
    at_start: float
    """State of charge, 0 to 1."""
    kw: float
    """What it takes of this connector while the battery is not nearly full."""
    tapers: bool

    def energy_after(self, seconds: float) -> int:
        """Wh that it has taken since charging began."""
        steady = self._steady_seconds
        taken = self.kw * min(seconds, steady) / 3.6
        if seconds > steady and self.tapers:
            taken += self._gap * (1 - math.exp(-self.kw / 3.6 * (seconds - steady) / self._gap))
        return math.floor(min(taken, self.battery * (FULL - self.at_start)))

    @property
    def seconds_to_full(self) -> int:
        """How long it charges."""
        if not self.tapers:
            return math.floor(self._steady_seconds)
        return math.floor(self._steady_seconds - math.log((1 - FULL) / (1 - TAPERS_FROM)) * self._gap / self.kw * 3.6)

    @property
    def _steady_seconds(self) -> float:
        until = TAPERS_FROM if self.tapers else FULL
        return self.battery * (until - self.at_start) / self.kw * 3.6

    @property
    def _gap(self) -> float:
        """Wh above the state of charge from which on power falls; it falls with what is left of them."""
        return self.battery * (1 - TAPERS_FROM)


def car_of(number: str, connector: Document) -> Car:
    """The car of a visit: the same whenever it is asked for."""
    generator = random.Random(f"car of {number}")
    fast, most = connector["power_type"] == "DC", most_kw(connector)
    return Car(
        battery=1000 * generator.choice(BATTERIES_KWH),
        at_start=generator.uniform(0.2, 0.5),
        kw=most * generator.uniform(0.6, 0.9) if fast else min(generator.choice(CARS_KW), most) * 0.96,
        tapers=fast,
    )
