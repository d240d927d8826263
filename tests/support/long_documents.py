"""Objects as long as they get: a location of a car park, a session of days with a period each minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from ocpi.times import to_wire
from tests.support.party import fixture

LAMBDA_ANSWER_BYTES = 6 * 1024 * 1024
"""The most that a function may answer with (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
_START = datetime(2024, 3, 5, tzinfo=UTC)


def long_location(location_id: str, evses: int = 500) -> dict[str, Any]:
    """A valid location of so many EVSEs that have all that an EVSE may have."""
    return fixture("location_max", id=location_id, evses=[_evse(location_id, number) for number in range(evses)])


def _evse(location_id: str, number: int) -> dict[str, Any]:
    return fixture("evse_max", uid=f"{location_id}-{number}", evse_id=f"NL*TNM*E{number:06}")


def long_session(session_id: str, count: int = 5000) -> dict[str, Any]:
    """A valid session under way with so many periods."""
    return fixture("session_max", id=session_id, status="ACTIVE", charging_periods=periods(0, count))


def periods(first: int, count: int) -> list[dict[str, Any]]:
    """A period each minute, with what a meter measured: numbers that do not repeat."""
    random = Random(first)
    return [
        {
            "start_date_time": to_wire(_START + timedelta(minutes=first + minute)),
            "dimensions": [
                {"type": "ENERGY", "volume": random.randrange(1, 400) / 1000},
                {"type": "MAX_CURRENT", "volume": random.randrange(6000, 32000) / 1000},
            ],
        }
        for minute in range(count)
    ]
