"""Who charges when and where in the demo network: a plan for each day, which depends on its date and nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

DAYS = 7
"""Before today."""
SHIFTS = (0, 6, 12, 18)
"""Hours (UTC) after which cars come that stay until well into the next shift: somebody charges at any time."""
STAYS_A_SHIFT, STOPS_AC, STOPS_DC = 2, 6, 6
CARS_KW = (3.6, 7.2, 11, 11, 11, 22)
"""What cars take of an alternating current socket."""
SUNDAY = 6

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """A car at a connector; times in UTC and whole seconds."""

    number: str
    """Of the day and the visit on it."""
    arrived: datetime
    """When the car was plugged in."""
    begun: datetime
    """When charging began."""
    full: datetime
    """When charging ended; the car may stay."""
    left: datetime
    energy: int
    """Wh, in all."""
    card: Document
    """The token, see :mod:`local.demo.tokens`."""
    site: Document
    """The location, with the one EVSE and connector."""
    remote: bool = False
    """Begun by a command of the card's eMSP, not at the card reader."""

    def energy_at(self, instant: datetime) -> int:
        """Wh so far: the same in every second of charging."""
        if instant >= self.full:
            return self.energy
        return max(0, self.energy * _seconds(instant - self.begun) // _seconds(self.full - self.begun))

    def stopped(self, at: datetime, left: datetime) -> Self:
        """The visit if charging is stopped at ``at``, and the car is gone at ``left``."""
        full = max(self.begun, min(self.full, at))
        return replace(self, energy=self.energy_at(full), full=full, left=left)

    @property
    def connector(self) -> Document:
        """The one that the car is plugged in at."""
        connector: Document = self.site["evses"][0]["connectors"][0]
        return connector


@dataclass(frozen=True, slots=True)
class _Stop:
    """How a visit is to be."""

    arrived: datetime
    stay: timedelta
    fast: bool
    always_open: bool
    """Needs a site that never closes."""


def visits(locations: list[Document], cards: list[Document], now: datetime) -> list[Visit]:
    """All of the last days that began by ``now``, in the order of arrival.

    No EVSE and no card is in two visits at once: a visit ends on the day after it began, and days in a row have
    different EVSEs and cards. Only cards that are valid are used.
    """
    sites = [_site(location, evse) for location in locations for evse in location["evses"] if _works(evse)]
    random.Random("sites").shuffle(sites)
    valid = [card for card in cards if card["valid"]]
    days = [now.astimezone(UTC).date() - timedelta(days=back) for back in range(DAYS, -1, -1)]
    planned = [visit for day in days for visit in _visits_of(day, _half(sites, day), _half(valid, day))]
    return sorted((visit for visit in planned if visit.arrived <= now), key=lambda visit: visit.arrived)


def most_kw(connector: Document) -> float:
    """What a connector can give; its voltage is that of one phase (section 8.3.3)."""
    phases = 3 if connector["power_type"] == "AC_3_PHASE" else 1
    return float(connector["voltage"] * connector["amperage"] * phases) / 1000


def _seconds(time: timedelta) -> int:
    return time.days * 86400 + time.seconds


def _half(things: list[Document], day: date) -> list[Document]:
    return things[day.toordinal() % 2 :: 2]


def _works(evse: Document) -> bool:
    return evse["status"] in {"AVAILABLE", "CHARGING"}


def _site(location: Document, evse: Document) -> Document:
    return {**location, "evses": [{**evse, "status": "CHARGING"}]}


def _visits_of(day: date, sites: list[Document], cards: list[Document]) -> list[Visit]:
    generator = random.Random(f"visits of {day.isoformat()}")
    free_sites = generator.sample(sites, len(sites))
    planned: list[Visit] = []
    for number, stop in enumerate(_stops(day, generator), start=1):
        free_cards = [card for card in cards if _is_free(card, stop, planned)]
        site = next((site for site in free_sites if _suits(site, stop)), None)
        if not free_cards or site is None:
            continue
        free_sites.remove(site)
        visit = _visit(f"{day.toordinal()}-{number:02d}", stop, generator.choice(free_cards), site, generator)
        planned.append(visit)
    return planned


def _is_free(card: Document, stop: _Stop, planned: list[Visit]) -> bool:
    left = stop.arrived + stop.stay
    return not any(visit.card is card and visit.arrived < left and stop.arrived < visit.left for visit in planned)


def _stops(day: date, generator: random.Random) -> list[_Stop]:
    midnight = datetime.combine(day, time(tzinfo=UTC))
    stays = [
        _Stop(_within(midnight, hour, hour + 1, generator), _between(7.5, 9, generator), fast=False, always_open=True)
        for hour in SHIFTS
        for _ in range(STAYS_A_SHIFT)
    ]
    shopping = [
        _Stop(
            _within(midnight, 7.25, 15.75, generator),
            _between(0.2, 0.8, generator) if fast else _between(0.8, 3, generator),
            fast=fast,
            always_open=day.weekday() == SUNDAY,
        )
        for fast in (True,) * STOPS_DC + (False,) * STOPS_AC
    ]
    # Stays first: where cards run short, it is the others that are left out.
    return stays + shopping


def _within(midnight: datetime, start: float, end: float, generator: random.Random) -> datetime:
    return midnight + _between(start, end, generator)


def _between(least: float, most: float, generator: random.Random) -> timedelta:
    """A time of so many hours."""
    return timedelta(seconds=round(3600 * generator.uniform(least, most)))


def _suits(site: Document, stop: _Stop) -> bool:
    fast = site["evses"][0]["connectors"][0]["power_type"] == "DC"
    return fast == stop.fast and (site["opening_times"]["twentyfourseven"] or not stop.always_open)


def _visit(number: str, stop: _Stop, card: Document, site: Document, generator: random.Random) -> Visit:
    evse = site["evses"][0]
    connector = generator.choice(evse["connectors"])
    most = most_kw(connector)
    # A fast charger gives less the fuller the battery; a car at a socket takes the same until it is full.
    kw = most * generator.uniform(0.4, 0.75) if stop.fast else min(generator.choice(CARS_KW), most) * 0.96
    wanted = timedelta(hours=generator.uniform(8, 48) / kw)
    charging = stop.stay if stop.fast else min(stop.stay, timedelta(seconds=round(wanted.total_seconds())))
    return Visit(
        number=number,
        arrived=stop.arrived,
        begun=stop.arrived,
        full=stop.arrived + charging,
        left=stop.arrived + stop.stay,
        energy=round(kw * charging.total_seconds() / 3.6),
        card=card,
        site={**site, "evses": [{**evse, "connectors": [connector]}]},
    )
