"""What is implausible about a CDR without making it invalid (OCPI 2.1.1 chapter 10).

A partner's CDR is stored with these beside it; an operator gets them as warnings.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from ocpi.v2_1_1.charging import (
    MINUTE_IN_HOURS,
    Charging,
    Document,
    energy_sum_findings,
    hours,
    location_findings,
    period_findings,
    power_findings,
    volume,
)

_LONGEST = timedelta(hours=24)
_SHORTEST = timedelta(minutes=1)
_ROUNDING_IN_HOURS = Decimal("0.0001")


def cdr_findings(cdr: Document) -> list[str]:
    """Sentences such as ``/total_energy: …``, none if all is plausible.

    ``cdr`` is canonical, as :func:`ocpi.v2_1_1.model.check` gives it; of the rest of the world nothing is asked.
    """
    periods = cdr["charging_periods"]
    charging = Charging(
        start=cdr["start_date_time"],
        start_name="start_date_time",
        stop=cdr["stop_date_time"],
        energy=cdr["total_energy"],
        energy_name="total_energy",
        not_charging=cdr.get("total_parking_time", volume(periods, "PARKING_TIME") or 0),
        periods=periods,
        location=cdr["location"],
    )
    return [
        *_duration_findings(charging),
        *location_findings(charging),
        *period_findings(charging),
        *energy_sum_findings(charging),
        *power_findings(charging),
        *_time_findings(cdr, charging),
        *_cost_findings(cdr),
    ]


def _duration_findings(charging: Charging) -> Iterator[str]:
    time = charging.time or timedelta()
    if time < timedelta():
        yield "/stop_date_time: is before start_date_time"
    elif not time:
        yield "/stop_date_time: is the same as start_date_time"
    elif time < _SHORTEST:
        yield "/stop_date_time: is less than a minute after start_date_time"
    elif time > _LONGEST:
        yield "/stop_date_time: is more than 24 hours after start_date_time"


def _time_findings(cdr: Document, charging: Charging) -> Iterator[str]:
    """Totals in hours, parking being a part of the whole; a minute more or less is a matter of clocks."""
    total, time = cdr["total_time"], charging.time or timedelta()
    if time >= timedelta() and abs(total - hours(time)) > MINUTE_IN_HOURS + _ROUNDING_IN_HOURS:
        yield "/total_time: differs from the hours between start_date_time and stop_date_time"
    tolerance = MINUTE_IN_HOURS + _ROUNDING_IN_HOURS * len(charging.periods)
    charged, parked = volume(charging.periods, "TIME"), volume(charging.periods, "PARKING_TIME")
    total_parked = cdr.get("total_parking_time")
    # Who does not bill parking may leave its volumes out of the periods; the total still says how long it was.
    in_periods = parked if parked is not None else total_parked or 0
    if charged is not None and abs(charged + in_periods - total) > tolerance:
        yield "/total_time: differs from the sum of the TIME and PARKING_TIME volumes"
    if total_parked is None:
        return
    if total_parked > total:
        yield "/total_parking_time: is more than total_time"
    if parked is not None and abs(parked - total_parked) > tolerance:
        yield "/total_parking_time: differs from the sum of the PARKING_TIME volumes"


def _cost_findings(cdr: Document) -> Iterator[str]:
    if cdr["total_cost"] < 0:
        yield "/total_cost: is negative"
    tariffs = cdr.get("tariffs", [])
    if not tariffs and cdr["total_cost"] > 0:
        yield "/tariffs: are missing, so nobody can check total_cost"
    for number, tariff in enumerate(tariffs):
        if tariff["currency"] != cdr["currency"]:
            yield f"/tariffs/{number}/currency: is not the currency of the CDR"
