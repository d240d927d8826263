"""A visit that an eMSP's app began, made from its command, or read back from its Session."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from local.demo.charge_points.car import Car, car_of
from local.demo.visits import Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

PLUGGED_IN_BEFORE = timedelta(seconds=90)
"""A driver plugs in, and then looks for the app. A session lasts from plugging in, as with TxStartPoint EVConnected
in OCPP 2.0.1: so also one that is stopped at once has the minute that makes it plausible.
"""
NUMBER_LENGTH = 24
"""Of the command's id: a session's id has room for 36 characters."""


@dataclass(frozen=True, slots=True)
class RemoteVisit(Visit):
    """``energy`` counts for nothing here: what has been charged follows from the car."""

    @classmethod
    def begin(cls, command: Mapping[str, Any], site: Document, now: datetime, free_since: datetime | None) -> Self:
        """What START_SESSION begins at a site (with one EVSE and connector) that nobody uses since ``free_since``."""
        arrived = now - PLUGGED_IN_BEFORE
        return cls._made(
            number_of(command["id"]),
            arrived=arrived if free_since is None else min(now, max(arrived, free_since)),
            begun=now,
            site=site,
            auth_id=command["request"]["token"]["auth_id"],
        )

    @classmethod
    def resumed(cls, session: Mapping[str, Any], number: str) -> Self:
        """What a Session that goes on says; raises ``LookupError`` or ``ValueError`` if it is none of ours."""
        periods = session["charging_periods"]
        charging = next(
            (period for period in periods if any(each["type"] == "ENERGY" for each in period["dimensions"])),
            periods[-1],
        )
        return cls._made(
            number,
            arrived=datetime.fromisoformat(session["start_datetime"]),
            begun=datetime.fromisoformat(charging["start_date_time"]),
            site=session["location"],
            auth_id=session["auth_id"],
        )

    @classmethod
    def _made(cls, number: str, *, arrived: datetime, begun: datetime, site: Document, auth_id: str) -> Self:
        car = car_of(number, site["evses"][0]["connectors"][0])
        full = begun + timedelta(seconds=car.seconds_to_full)
        return cls(
            number=number,
            arrived=arrived,
            begun=begun,
            full=full,
            left=full + timedelta(seconds=random.Random(number).randrange(5 * 60, 40 * 60)),
            energy=0,
            card={"auth_id": auth_id},
            site=site,
            remote=True,
        )

    @property
    def car(self) -> Car:
        """What charges."""
        return car_of(self.number, self.connector)

    def energy_at(self, instant: datetime) -> int:
        """Wh so far."""
        return self.car.energy_after(max(0.0, (min(instant, self.full) - self.begun).total_seconds()))


def number_of(command_id: str) -> str:
    """The visit's number, from the id of the command that began it."""
    return command_id[:NUMBER_LENGTH]
