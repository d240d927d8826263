"""What is implausible about a Session without making it invalid (OCPI 2.1.1 chapter 9)."""

from collections.abc import Iterator

from ocpi.v2_1_1.charging import (
    Charging,
    Document,
    energy_sum_findings,
    location_findings,
    period_findings,
    power_findings,
    volume,
)


def session_findings(session: Document) -> list[str]:
    """Sentences such as ``/kwh: …``, none if all is plausible.

    ``session`` is canonical, as :func:`ocpi.v2_1_1.model.check` gives it; of the rest of the world nothing is asked.
    """
    periods = session.get("charging_periods", [])
    charging = Charging(
        start=session["start_datetime"],
        start_name="start_datetime",
        stop=session.get("end_datetime"),
        energy=session["kwh"],
        energy_name="kwh",
        not_charging=volume(periods, "PARKING_TIME") or 0,
        periods=periods,
        location=session["location"],
    )
    completed = session["status"] == "COMPLETED"
    return [
        *_end_findings(session, charging, completed=completed),
        *location_findings(charging),
        *period_findings(charging),
        # While it goes on, the meter may be ahead of the periods.
        *energy_sum_findings(charging, complete=completed),
        *power_findings(charging),
    ]


def _end_findings(session: Document, charging: Charging, *, completed: bool) -> Iterator[str]:
    if charging.stop is None:
        if completed:
            yield "/end_datetime: is missing although the session is COMPLETED"
    elif charging.stop < charging.start:
        yield "/end_datetime: is before start_datetime"
    if session.get("total_cost", 0) < 0:
        yield "/total_cost: is negative"
