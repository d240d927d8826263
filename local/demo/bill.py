"""What a visit measures and costs, from its first second to any other, by the tariff that its connector names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from local.demo.wire import to_wire

if TYPE_CHECKING:
    from datetime import datetime

    from local.demo.visits import Visit

Document = dict[str, Any]

UNITS = {"ENERGY": 1000, "FLAT": 1, "PARKING_TIME": 3600, "TIME": 3600}
"""How many of what is counted (Wh, seconds) are one of what has a price (kWh, hours)."""


@dataclass(frozen=True, slots=True)
class _Period:
    start: datetime
    amounts: dict[str, int]
    """Wh, seconds."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Fields of Sessions and CDRs: kWh, and a cost without VAT."""

    charging_periods: list[Document]
    energy: float
    cost: float


def bill(visit: Visit, tariff: Document, until: datetime) -> Bill:
    """The bill of ``visit`` until then; ``until`` is not before its start, nor after its end."""
    periods = _periods(visit, tariff, until)
    totals: Counter[str] = Counter()
    for period in periods:
        totals.update(period.amounts)
    return Bill(
        charging_periods=[
            {
                "start_date_time": to_wire(period.start),
                "dimensions": [
                    {"type": dimension, "volume": _number(amount, UNITS[dimension])}
                    for dimension, amount in period.amounts.items()
                ],
            }
            for period in periods
        ],
        energy=_number(totals["ENERGY"], UNITS["ENERGY"]),
        cost=float(_cost(visit, tariff, periods)),
    )


def _periods(visit: Visit, tariff: Document, until: datetime) -> list[_Period]:
    """One of waiting, if charging did not begin at once, one of charging, and of parking one for each price: a new
    one begins where a restriction starts to hold.
    """
    flat = {"FLAT": 1} if _component(tariff, "FLAT", 0) else {}
    periods = []
    if visit.begun > visit.arrived:
        waited = min(until, visit.begun) - visit.arrived
        periods.append(_Period(visit.arrived, {**flat, "PARKING_TIME": _seconds(waited)}))
        flat = {}
    if until >= visit.begun:
        charged = min(until, visit.full) - visit.begun
        periods.append(_Period(visit.begun, {**flat, "ENERGY": visit.energy_at(until), "TIME": _seconds(charged)}))
    bounds = sorted({visit.full, until, *(visit.arrived + bound for bound in _bounds(tariff))})
    bounds = [bound for bound in bounds if visit.full <= bound <= until]
    for start, end in pairwise(bounds):
        periods.append(_Period(start, {"PARKING_TIME": _seconds(end - start)}))
    return periods


def _bounds(tariff: Document) -> list[timedelta]:
    return [timedelta(seconds=_min_duration(element)) for element in tariff["elements"]]


def _cost(visit: Visit, tariff: Document, periods: list[_Period]) -> Decimal:
    """To four decimals; of what has the same price, the sum is rounded up to the step once (reading A-57)."""
    billed: Counter[tuple[str, Decimal, int]] = Counter()
    for period in periods:
        for dimension, amount in period.amounts.items():
            component = _component(tariff, dimension, _seconds(period.start - visit.arrived))
            if component:
                billed[dimension, Decimal(str(component["price"])), component["step_size"]] += amount
    return sum(
        (price * (-(-amount // step) * step) / UNITS[dimension] for (dimension, price, step), amount in billed.items()),
        Decimal(),
    ).quantize(Decimal("0.0001"))


def _component(tariff: Document, dimension: str, seconds: int) -> Document | None:
    """The price of a dimension so long after the start: of the first element that holds and has one."""
    components = (
        component
        for element in tariff["elements"]
        if _min_duration(element) <= seconds
        for component in element["price_components"]
    )
    return next((component for component in components if component["type"] == dimension), None)


def _min_duration(element: Document) -> int:
    """The one restriction that the demo's tariffs have, in seconds."""
    seconds: int = element.get("restrictions", {}).get("min_duration", 0)
    return seconds


def _seconds(time: timedelta) -> int:
    return time.days * 86400 + time.seconds


def _number(amount: int, unit: int) -> float:
    return float((Decimal(amount) / unit).quantize(Decimal("0.0001")))
