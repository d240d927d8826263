"""A made-up charging network of the size and shape of a real one: benchmarks need no data from elsewhere.

The shape is that of the French network that the figures of before were taken with (4,584 locations with 29,109 EVSEs,
5,000 cards, a few of which charge far more often than the others): numbers of EVSEs a location, sizes of documents,
fields that are there or not. Everything is invented; the same seed gives the same bytes. Where a benchmark is given
a file or folder, it takes the network from there: gzip, one JSON object a line.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("locations", "tariffs", "tokens", "sessions", "cdrs")
BEGIN = datetime(2024, 11, 1, tzinfo=UTC)
TOWNS = ("Saint-Malo", "Cubnezais", "Bligny-sur-Ouche", "Wittersdorf", "Villeurbanne", "Sainte-Genevieve-des-Bois")
STREETS = ("Imp. de la Peupleraie", "Rue d'Altkirch", "Avenue du General Leclerc", "Aire de La Foret - A6", "N7")
OPERATORS = ("Charge Nord", "Electrons de l'Ouest", "Vallee Mobilite SAS", "Parkings du Centre")
STATUSES = ("AVAILABLE",) * 16 + ("CHARGING",) * 3 + ("OUTOFORDER",)
SOCKETS = (
    {"standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "voltage": 230, "amperage": 32},
    {"standard": "IEC_62196_T2_COMBO", "format": "CABLE", "power_type": "DC", "voltage": 400, "amperage": 250},
    {"standard": "CHADEMO", "format": "CABLE", "power_type": "DC", "voltage": 400, "amperage": 125},
)


@dataclass(frozen=True)
class Size:
    """How many there are of each; as many CDRs as sessions, each of a session."""

    locations: int = 4_584
    tokens: int = 5_000
    sessions: int = 40_000


def lines_of(module: str, path: Path | None = None, size: Size | None = None) -> list[bytes]:
    """The objects of a module, a line of JSON each: of a file if there is one, else made up."""
    if path is None:
        return [json.dumps(value, separators=(",", ":")).encode() for value in made_up(size or Size())[module]]
    with gzip.open(path) as file:
        return [line.rstrip(b"\n") for line in file if line.strip()]


@cache
def made_up(size: Size, seed: int = 1) -> dict[str, list[dict[str, Any]]]:
    """The objects of each module."""
    random = Random(seed)
    tariffs = [_tariff(number) for number in range(26)]
    locations = [_location(random, number) for number in range(size.locations)]
    tokens = [_token(random, number) for number in range(size.tokens)]
    # The first of a hundred cards charges about five times as often as the others.
    often = [5 if number % 100 == 0 else 1 for number in range(size.tokens)]
    cards = random.choices(tokens, often, k=size.sessions)
    sessions = [_session(random, number, card["auth_id"], locations) for number, card in enumerate(cards)]
    cdrs = [_cdr(session, tariffs) for session in sessions]
    return {"locations": locations, "tariffs": tariffs, "tokens": tokens, "sessions": sessions, "cdrs": cdrs}


def _time(random: Random, days: int = 730) -> str:
    return _text(BEGIN + timedelta(seconds=random.randrange(days * 86_400)))


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tariff(number: int) -> dict[str, Any]:
    price = round(0.21 + number / 100, 4)
    components = [{"type": "ENERGY", "price": price, "step_size": 1}]
    elements: list[dict[str, Any]] = [{"price_components": components}]
    if number % 3 == 0:
        night = [{"type": "ENERGY", "price": round(price - 0.05, 4), "step_size": 1}]
        elements.insert(0, {"price_components": night, "restrictions": {"start_time": "22:00", "end_time": "06:00"}})
    return {
        "id": f"KWH-{number:02}",
        "currency": "EUR",
        "tariff_alt_text": [{"language": "en", "text": f"{price} EUR/kWh excl. VAT"}],
        "elements": elements,
        "last_updated": _text(BEGIN + timedelta(days=number)),
    }


def _location(random: Random, number: int) -> dict[str, Any]:
    # Half of all locations have five EVSEs or fewer, one in a hundred more than 25.
    evses = [_evse(random, number, n) for n in range(min(73, max(1, round(random.lognormvariate(1.61, 0.7)))))]
    town, operator = random.choice(TOWNS), {"name": random.choice(OPERATORS)}
    location = {
        "id": f"FRSYNP{number:06}",
        "type": random.choice(("ON_STREET", "PARKING_LOT", "PARKING_GARAGE", "OTHER")),
        "name": f"{operator['name']} - {town}",
        "address": f"{random.randrange(1, 200)} {random.choice(STREETS)}",
        "city": town,
        "postal_code": f"{random.randrange(1000, 96000):05}",
        "country": "FRA",
        "coordinates": {"latitude": f"{random.uniform(43, 50):.6f}", "longitude": f"{random.uniform(-1.5, 7):.6f}"},
        "evses": evses,
        "operator": operator,
        "owner": operator,
        "time_zone": "Europe/Paris",
        "opening_times": {"twentyfourseven": True},
        "last_updated": max(evse["last_updated"] for evse in evses),
    }
    if random.random() < 0.4:
        location |= {"suboperator": {"name": f"{town} Recharge"}, "facilities": ["SUPERMARKET"]}
    return location


def _evse(random: Random, location: int, number: int) -> dict[str, Any]:
    sockets = random.choices(SOCKETS, (6, 3, 1), k=1 if random.random() < 0.77 else 2)
    last_updated = _time(random)
    evse = {
        "uid": f"FRSYNE{location:06}{number:02}",
        "evse_id": f"FR*SYN*E{location:06}*{number:02}",
        "status": random.choice(STATUSES),
        "capabilities": ["REMOTE_START_STOP_CAPABLE", "RFID_READER"],
        "connectors": [
            {
                "id": str(place + 1),
                **socket,
                "tariff_id": f"KWH-{random.randrange(26):02}",
                "last_updated": last_updated,
            }
            for place, socket in enumerate(sockets)
        ],
        "last_updated": last_updated,
    }
    return evse | ({"parking_restrictions": ["EV_ONLY", "CUSTOMERS"]} if random.random() < 0.33 else {})


def _token(random: Random, number: int) -> dict[str, Any]:
    return {
        "uid": f"04{random.getrandbits(48):012X}",
        "type": "RFID",
        "auth_id": f"FR-SYN-C{number:08}",
        "visual_number": f"SYNTHETIC-{number:06}",
        "issuer": "Made-up Mobility",
        "valid": random.random() < 0.97,
        "whitelist": "ALLOWED",
        "language": random.choice(("fr", "en", "de", "es")),
        "last_updated": _time(random),
    }


def _session(random: Random, number: int, auth_id: str, locations: list[dict[str, Any]]) -> dict[str, Any]:
    start = BEGIN + timedelta(days=30, seconds=number * 95)
    seconds = random.randrange(600, 14_400)
    kwh = round(random.uniform(2, 70), 3)
    place = random.choice(locations)
    evse = random.choice(place["evses"])
    dimensions = [{"type": "ENERGY", "volume": kwh}, {"type": "TIME", "volume": round(seconds / 3600, 4)}]
    return {
        "id": f"S{number:08}{random.getrandbits(44):012X}",
        "start_datetime": _text(start),
        "end_datetime": _text(start + timedelta(seconds=seconds)),
        "kwh": kwh,
        "auth_id": auth_id,
        "auth_method": "WHITELIST",
        "location": {**place, "evses": [{**evse, "status": "AVAILABLE", "connectors": evse["connectors"][:1]}]},
        "currency": "EUR",
        "charging_periods": [{"start_date_time": _text(start), "dimensions": dimensions}],
        "total_cost": round(kwh * 0.45, 4),
        "status": "COMPLETED",
        "last_updated": _text(start + timedelta(seconds=seconds + 100)),
    }


def _cdr(session: dict[str, Any], tariffs: list[dict[str, Any]]) -> dict[str, Any]:
    chosen = session["location"]["evses"][0]["connectors"][0]["tariff_id"]
    same = ("auth_id", "auth_method", "location", "currency", "charging_periods", "total_cost")
    return {
        "id": f"C{session['id'][1:]}",
        "start_date_time": session["start_datetime"],
        "stop_date_time": session["end_datetime"],
        **{name: session[name] for name in same},
        "tariffs": [tariff for tariff in tariffs if tariff["id"] == chosen],
        "total_energy": session["kwh"],
        "total_time": session["charging_periods"][0]["dimensions"][1]["volume"],
        "last_updated": session["last_updated"],
    }
