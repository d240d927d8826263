"""What is implausible about charging without being invalid, in Sessions and CDRs alike (OCPI 2.1.1 chapters 9, 10).

A finding is one sentence after a JSON pointer. It repeats nothing of the object, which may tell who charged where.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeAlias

from ocpi.times import parse_instant

Document: TypeAlias = dict[str, Any]
Quantity: TypeAlias = int | Decimal

MINUTE_IN_HOURS = 1 / Decimal(60)
_SECONDS_AN_HOUR = 3600
_LONG_ENOUGH_FOR_AN_AVERAGE = timedelta(minutes=10)
_LOWEST_AVERAGE_KW = Decimal("0.5")
_METER_TOLERANCE = Decimal("1.05")
_LARGEST_BATTERY_KWH = 1000
"""More than any battery on the road holds. In Wh it is one kWh: of smaller charges nothing tells the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging:
    """What Sessions and CDRs both say, under different names."""

    start: str
    start_name: str
    stop: str | None
    """``None`` while it goes on."""
    energy: Quantity
    """kWh."""
    energy_name: str
    not_charging: Quantity
    """Hours of parking within the time."""
    periods: list[Document]
    location: Document

    @property
    def time(self) -> timedelta | None:
        """From start to stop, negative if they are the wrong way round; ``None`` while it goes on."""
        return None if self.stop is None else parse_instant(self.stop) - parse_instant(self.start)


def hours(time: timedelta) -> Decimal:
    """The same in hours; times on the wire have whole seconds."""
    return Decimal(time.days * 24) + Decimal(time.seconds) / _SECONDS_AN_HOUR


def volume(periods: list[Document], dimension: str) -> Decimal | None:
    """The sum of a dimension's volumes, in its unit (10.4.2); ``None`` if no period has it."""
    dimensions = (each for period in periods for each in period["dimensions"])
    volumes = [each["volume"] for each in dimensions if each["type"] == dimension]
    return sum(volumes, Decimal()) if volumes else None


def period_findings(charging: Charging) -> Iterator[str]:
    """Periods follow each other from start to stop (10.4.4); of many that do not, the first is named."""
    starts = [period["start_date_time"] for period in charging.periods]
    if starts and starts[0] != charging.start:
        yield f"/charging_periods/0/start_date_time: differs from {charging.start_name}"
    for number, (previous, start) in enumerate(pairwise(starts), start=1):
        if start < previous:
            yield f"/charging_periods/{number}/start_date_time: is before the start of the period in front of it"
            break
    if charging.stop is None or charging.stop < charging.start:
        return
    for number, start in enumerate(starts):
        if start > charging.stop:
            yield f"/charging_periods/{number}/start_date_time: is after the end"
            break


def location_findings(charging: Charging) -> Iterator[str]:
    """The location holds the one EVSE and connector that were used, no others (9.3.1, 10.3.1, reading A-20)."""
    evses = charging.location.get("evses", ())
    if len(evses) != 1:
        yield "/location/evses: is not exactly one EVSE"
    elif len(evses[0]["connectors"]) != 1:
        yield "/location/evses/0/connectors: is not exactly one connector"


def energy_sum_findings(charging: Charging, *, complete: bool = True) -> Iterator[str]:
    """The ENERGY volumes add up to the energy; if not ``complete``, there may still be less in the periods."""
    total = volume(charging.periods, "ENERGY")
    if total is None:
        return
    # Each period was rounded on its own.
    tolerance = max(Decimal("0.01"), Decimal("0.001") * len(charging.periods))
    if total - charging.energy > tolerance and abs(total / 1000 - charging.energy) <= tolerance:
        yield "/charging_periods: the ENERGY volumes look like Wh instead of kWh"
    elif total - charging.energy > tolerance or (complete and charging.energy - total > tolerance):
        yield f"/{charging.energy_name}: differs from the sum of the ENERGY volumes"


def power_findings(charging: Charging) -> Iterator[str]:
    """The energy fits the time and the connector; nobody can charge 41000 kWh, the example of 9.3.1 (reading A-19)."""
    time, most = charging.time, _most_kw(charging.location)
    lasted = hours(time) if time is not None and time > timedelta() else None
    too_much = lasted is not None and most is not None and charging.energy > most * lasted * _METER_TOLERANCE
    if charging.energy >= _LARGEST_BATTERY_KWH:
        fits = lasted is not None and most is not None and not too_much
        unit = "is more kWh than a vehicle takes" if fits else "looks like Wh instead of kWh"
        yield f"/{charging.energy_name}: {unit}"
    elif too_much:
        yield f"/{charging.energy_name}: is more than the connector gives in that time"
    if lasted is not None:
        charged = lasted - charging.not_charging
        long_enough = charged > hours(_LONG_ENOUGH_FOR_AN_AVERAGE)
        if long_enough and charging.energy < _LOWEST_AVERAGE_KW * charged:
            yield f"/{charging.energy_name}: is hardly any energy for that time"


def _most_kw(location: Document) -> Decimal | None:
    """The power of the strongest connector given; ``None`` if none says. Voltage is line to neutral (8.3.3)."""
    connectors = [connector for evse in location.get("evses", ()) for connector in evse["connectors"]]
    watts = [
        each["voltage"] * each["amperage"] * (3 if each["power_type"] == "AC_3_PHASE" else 1) for each in connectors
    ]
    return Decimal(max(watts)) / 1000 if any(watts) else None
