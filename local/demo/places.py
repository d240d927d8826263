"""Where the demo's charge points stand: real towns of Zeeland, invented sites.

Street names are of the kind that such towns have; no site stands for a real one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Town:
    """A town, its postal code area and its centre (WGS 84, degrees)."""

    name: str
    postal_code: int
    latitude: float
    longitude: float
    sites: int
    """How many locations the operator has there."""


TOWNS = (
    Town("Middelburg", 4331, 51.4988, 3.6110, 8),
    Town("Vlissingen", 4381, 51.4497, 3.5765, 7),
    Town("Goes", 4461, 51.5042, 3.8885, 7),
    Town("Terneuzen", 4531, 51.3315, 3.8279, 6),
    Town("Zierikzee", 4301, 51.6500, 3.9160, 5),
    Town("Hulst", 4561, 51.2803, 4.0531, 4),
    Town("Domburg", 4357, 51.5634, 3.4960, 3),
    Town("Renesse", 4325, 51.7325, 3.7750, 3),
    Town("Kapelle", 4421, 51.4853, 3.9575, 2),
    Town("Sluis", 4524, 51.3082, 3.3867, 2),
    Town("Veere", 4351, 51.5486, 3.6672, 2),
    Town("Yerseke", 4401, 51.4931, 4.0517, 1),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of site."""

    name: str
    """Of the location, ``{street}`` and ``{town}`` to be filled in."""
    location_type: str
    streets: tuple[str, ...]
    evses: int
    fast: bool
    """DC beside the AC."""
    tariff_id: str
    facilities: tuple[str, ...] = ()
    hours: tuple[str, str] | None = None
    """Opening and closing on weekdays; ``None``: always open."""


STREET = Kind(
    "{street}", "ON_STREET", ("Korenbloemstraat", "Meidoornlaan", "Spinhuisweg", "Oude Vestdijk"), 2, False, "ZLD-AC"
)
STATION = Kind(
    "P+R {town}", "PARKING_LOT", ("Spoorwegplein", "Perronlaan"), 6, False, "ZLD-AC", ("TRAIN_STATION", "BUS_STOP")
)
MARKET = Kind(
    "Supermarkt {street}",
    "PARKING_LOT",
    ("Molenpad", "Havikstraat"),
    3,
    True,
    "ZLD-DC",
    ("SUPERMARKET",),
    ("08:00", "21:00"),
)
GARAGE = Kind("Parkeergarage {street}", "UNDERGROUND_GARAGE", ("Kaaigang", "Wallengang"), 4, False, "ZLD-AC", ("MALL",))
GUESTS = Kind(
    "Gastenparkeren {street}", "PARKING_LOT", ("Duinrand", "Schorrepad"), 2, False, "ZLD-AC-GAST", ("HOTEL", "WIFI")
)
HIGHWAY = Kind("Snellaadplein {town}", "PARKING_LOT", ("Deltalaan", "Kreekrakweg"), 4, True, "ZLD-DC", ("CAFE", "WIFI"))
SPORT = Kind(
    "Sportpark {street}", "PARKING_LOT", ("Zeedijk", "Kreekweg"), 2, False, "ZLD-AC", ("SPORT",), ("07:30", "23:00")
)

KINDS = (STREET, STATION, MARKET, STREET, GARAGE, GUESTS, STREET, HIGHWAY, SPORT)
