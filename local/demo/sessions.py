"""The demo's charging sessions: of each visit one, going on or over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.demo.bill import bill
from local.demo.wire import to_wire

if TYPE_CHECKING:
    from datetime import datetime

    from local.demo.visits import Visit

Document = dict[str, Any]

METER_EVERY_MINUTES = 5


def sessions(visits: list[Visit], tariffs: list[Document], now: datetime) -> list[Document]:
    """The Sessions of ``visits`` as they are at ``now``, in OCPI 2.1.1's shape.

    Of one that goes on, the meter was read within the last five minutes; once it is over it never changes again.
    """
    by_id = {tariff["id"]: tariff for tariff in tariffs}
    read_at = now.replace(minute=now.minute - now.minute % METER_EVERY_MINUTES, second=0, microsecond=0)
    return [
        session(visit, by_id[visit.connector["tariff_id"]], min(read_at, visit.left))
        for visit in visits
        if visit.arrived <= read_at
    ]


def session(visit: Visit, tariff: Document, until: datetime) -> Document:
    """The Session of one visit at ``until``, which is not before its start, nor after its end."""
    on_whitelist = not visit.remote and visit.card["whitelist"] in {"ALWAYS", "ALLOWED"}
    over = until == visit.left
    now = bill(visit, tariff, until)
    return {
        "id": f"ZLD-S{visit.number}",
        "start_datetime": to_wire(visit.arrived),
        **({"end_datetime": to_wire(visit.left)} if over else {}),
        "kwh": now.energy,
        "auth_id": visit.card["auth_id"],
        "auth_method": "WHITELIST" if on_whitelist else "AUTH_REQUEST",
        "location": visit.site,
        "currency": tariff["currency"],
        "charging_periods": now.charging_periods,
        "total_cost": now.cost,
        "status": "COMPLETED" if over else "ACTIVE",
        "last_updated": to_wire(until),
    }
