"""Which EVSEs are kept for whom, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reservation:
    """One EVSE, kept for one token of a partner. ``name`` is the same for one that replaces another: a reservation id
    is the partner's own, and counts for one location (section 13.3.2).
    """

    name: tuple[str, str, int]
    location_id: str
    evse_uid: str
    holder: tuple[str, str]
    """Partner and token uid."""
    expires: datetime


class Reservations:
    """All that hold. Of a name and of an EVSE there is at most one."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, int], Reservation] = {}

    def add(self, reservation: Reservation) -> Reservation | None:
        """Keep it; what it replaces."""
        before = self._held.get(reservation.name)
        self._held[reservation.name] = reservation
        return before

    def find(self, name: tuple[str, str, int]) -> Reservation | None:
        """The one of a name."""
        return self._held.get(name)

    def of_evse(self, evse_uid: str) -> Reservation | None:
        """The one that keeps an EVSE."""
        return next((each for each in self._held.values() if each.evse_uid == evse_uid), None)

    def remove(self, reservation: Reservation) -> None:
        """It is used, or over."""
        del self._held[reservation.name]

    def expired(self, now: datetime) -> list[Reservation]:
        """Those that are over."""
        return [each for each in self._held.values() if each.expires <= now]


def holder_of(command: Document) -> tuple[str, str]:
    """Who reserves, or wants to use what is reserved."""
    return command["partner"], command["request"]["token"]["uid"]


def name_of(command: Document) -> tuple[str, str, int]:
    """What RESERVE_NOW calls its reservation."""
    request = command["request"]
    return command["partner"], request["location_id"], request["reservation_id"]


def reservation(command: Document, evse_uid: str) -> Reservation:
    """What RESERVE_NOW asks for, at one EVSE."""
    request = command["request"]
    return Reservation(
        name=name_of(command),
        location_id=request["location_id"],
        evse_uid=evse_uid,
        holder=holder_of(command),
        expires=datetime.fromisoformat(request["expiry_date"]),
    )
