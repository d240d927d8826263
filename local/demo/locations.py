"""The demo's fifty locations, made from its towns and kinds of site."""

from __future__ import annotations

import random
from typing import Any

from local.demo.places import KINDS, TOWNS, Kind, Town

STATUSES = ("AVAILABLE",) * 11 + ("CHARGING",) * 6 + ("BLOCKED", "RESERVED", "OUTOFORDER", "INOPERATIVE", "UNKNOWN")
MONDAY, SATURDAY = 1, 6
LETTERS = "ABCDEGHJKLNPRTVWXZ"
"""Of postal codes."""
SOUTH_NORTH, WEST_EAST = 0.012, 0.018
"""Half the width of a town in degrees, about 1.3 km both ways at this latitude."""


def locations(party: dict[str, Any]) -> list[dict[str, Any]]:
    """The locations of ``party`` (of ``GET /operator/party``), the same on every call, in OCPI 2.1.1's shape."""
    generator = random.Random("sites")
    sites = [town for town in TOWNS for _ in range(town.sites)]
    return [
        _location(party, number, town, KINDS[number % len(KINDS)], generator)
        for number, town in enumerate(sites, start=1)
    ]


def in_use(locations: list[dict[str, Any]], sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The locations with ``CHARGING`` at every EVSE where one of the sessions is ``ACTIVE``."""
    busy = {session["location"]["evses"][0]["uid"] for session in sessions if session["status"] == "ACTIVE"}
    return [
        {
            **location,
            "evses": [{**evse, "status": "CHARGING"} if evse["uid"] in busy else evse for evse in location["evses"]],
        }
        for location in locations
    ]


def _location(party: dict[str, Any], number: int, town: Town, kind: Kind, generator: random.Random) -> dict[str, Any]:
    street = generator.choice(kind.streets)
    return {
        "id": f"ZLD{number:03d}",
        "type": kind.location_type,
        "name": kind.name.format(street=street, town=town.name),
        "address": f"{street} {generator.randrange(1, 120)}",
        "city": town.name,
        "postal_code": f"{town.postal_code + generator.randrange(8)} {''.join(generator.choices(LETTERS, k=2))}",
        "country": "NLD",
        "coordinates": {
            "latitude": f"{town.latitude + generator.uniform(-SOUTH_NORTH, SOUTH_NORTH):.6f}",
            "longitude": f"{town.longitude + generator.uniform(-WEST_EAST, WEST_EAST):.6f}",
        },
        "evses": [_evse(party, number, position, kind, generator) for position in range(1, kind.evses + 1)],
        "operator": party["business_details"],
        **({"facilities": list(kind.facilities)} if kind.facilities else {}),
        "time_zone": "Europe/Amsterdam",
        "opening_times": _opening_times(kind),
        "charging_when_closed": kind.hours is None,
        "energy_mix": {
            "is_green_energy": True,
            "energy_sources": [{"source": "WIND", "percentage": 80}, {"source": "SOLAR", "percentage": 20}],
        },
    }


def _opening_times(kind: Kind) -> dict[str, Any]:
    if kind.hours is None:
        return {"twentyfourseven": True}
    opens, closes = kind.hours
    days = range(MONDAY, SATURDAY + 1)
    return {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": day, "period_begin": opens, "period_end": closes} for day in days],
    }


def _evse(party: dict[str, Any], number: int, position: int, kind: Kind, generator: random.Random) -> dict[str, Any]:
    country_code, party_id = party["country_code"], party["party_id"]
    fast = kind.fast and position % 2 == 1
    tariff_id = kind.tariff_id if fast or not kind.fast else "ZLD-AC"
    return {
        "uid": f"ZLD{number:03d}-{position}",
        "evse_id": f"{country_code}*{party_id}*E{number:04d}{position:02d}",
        "status": generator.choice(STATUSES),
        "capabilities": [
            "REMOTE_START_STOP_CAPABLE",
            "RESERVABLE",
            "RFID_READER",
            *([] if fast else ["UNLOCK_CAPABLE"]),
        ],
        "connectors": _fast_connectors(tariff_id) if fast else [_socket(tariff_id, number)],
        "physical_reference": str(position),
        **({"floor_level": "-1"} if kind.location_type == "UNDERGROUND_GARAGE" else {}),
        "parking_restrictions": ["EV_ONLY"],
    }


def _socket(tariff_id: str, number: int) -> dict[str, Any]:
    """A Type 2 socket of 11 or 22 kW: 230 V to neutral on three phases (section 8.3.3)."""
    return {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "voltage": 230,
        "amperage": 32 if number % 3 == 0 else 16,
        "tariff_id": tariff_id,
    }


def _fast_connectors(tariff_id: str) -> list[dict[str, Any]]:
    """A DC charger of 100 kW with its older plug of 50 kW."""
    plugs = (("1", "IEC_62196_T2_COMBO", 250), ("2", "CHADEMO", 125))
    return [
        {
            "id": connector_id,
            "standard": standard,
            "format": "CABLE",
            "power_type": "DC",
            "voltage": 400,
            "amperage": amperage,
            "tariff_id": tariff_id,
        }
        for connector_id, standard, amperage in plugs
    ]
