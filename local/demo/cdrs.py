"""The demo's CDRs: one for each visit that is over, written up to an hour and a half after its end."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from local.demo.sessions import session
from local.demo.wire import to_wire

if TYPE_CHECKING:
    from local.demo.visits import Visit

Document = dict[str, Any]


def cdrs(visits: list[Visit], tariffs: list[Document], now: datetime) -> list[Document]:
    """The CDRs of ``visits`` that are written by ``now``, in OCPI 2.1.1's shape; one is the same at any later time."""
    by_id = {tariff["id"]: tariff for tariff in tariffs}
    written = [(visit, visit.left + _delay(visit)) for visit in visits]
    priced = [(visit, by_id[visit.connector["tariff_id"]], at) for visit, at in written if at <= now]
    return [
        {**cdr(session(visit, tariff, visit.left), tariff), "last_updated": to_wire(at)} for visit, tariff, at in priced
    ]


def _delay(visit: Visit) -> timedelta:
    return timedelta(seconds=random.Random(visit.number).randrange(5 * 60, 90 * 60))


def cdr(ended: Document, tariff: Document) -> Document:
    """The CDR of a Session that is COMPLETED; ``tariff`` is the one that it was billed by."""
    parked = sum(
        Decimal(str(dimension["volume"]))
        for period in ended["charging_periods"]
        for dimension in period["dimensions"]
        if dimension["type"] == "PARKING_TIME"
    )
    lasted = datetime.fromisoformat(ended["end_datetime"]) - datetime.fromisoformat(ended["start_datetime"])
    hours = Decimal(lasted.days * 86400 + lasted.seconds) / 3600
    return {
        "id": cdr_id(ended["id"]),
        "start_date_time": ended["start_datetime"],
        "stop_date_time": ended["end_datetime"],
        **{name: ended[name] for name in ("auth_id", "auth_method", "location", "currency")},
        "tariffs": [tariff],
        "charging_periods": ended["charging_periods"],
        "total_cost": ended["total_cost"],
        "total_energy": ended["kwh"],
        "total_time": float(hours.quantize(Decimal("0.0001"))),
        **({"total_parking_time": float(parked)} if parked else {}),
    }


def cdr_id(session_id: str) -> str:
    """``ZLD-C…`` of ``ZLD-S…``."""
    return session_id.replace("-S", "-C", 1)
