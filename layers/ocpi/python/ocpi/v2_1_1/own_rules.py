"""What we ask of Locations that we send ourselves, beyond what we take from others (A-46, A-47; LOC-16 to LOC-23).

All functions take a canonical Location as :func:`ocpi.v2_1_1.model.check` gives it.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ocpi.faults import Fault

Document = dict[str, Any]

_SIX_DECIMALS = re.compile(r"-?[0-9]{1,3}\.[0-9]{6}")
_ALPHA_3 = re.compile(r"[A-Z]{3}")


def completed(location: Document) -> Document:
    """With ``twentyfourseven`` where only regular hours were given: partners differ in which they read (A-15)."""
    hours = location.get("opening_times", {})
    if "regular_hours" not in hours or "twentyfourseven" in hours:
        return location
    return {**location, "opening_times": {**hours, "twentyfourseven": False}}


def tariff_ids(location: Document) -> dict[str, str]:
    """The tariffs that connectors name: id, and the JSON pointer to where it stands first."""
    named: dict[str, str] = {}
    for n, evse in enumerate(location.get("evses", ())):
        for m, connector in enumerate(evse["connectors"]):
            if "tariff_id" in connector:
                named.setdefault(connector["tariff_id"], f"/evses/{n}/connectors/{m}/tariff_id")
    return named


def own_faults(location: Document) -> list[Fault]:
    """What keeps us from sending a Location: coordinates, country, opening hours that end before they begin."""
    return [*_coordinate_faults(location), *_country_faults(location), *_hours_faults(location)]


def own_warnings(location: Document) -> list[str]:
    """What looks like a mistake in a Location and is none by the specification's letter."""
    warnings = []
    sources = location.get("energy_mix", {}).get("energy_sources", ())
    if sources and sum((Decimal(source["percentage"]) for source in sources), Decimal()) != 100:
        warnings.append("/energy_mix/energy_sources: the percentages do not add up to 100")
    hours = location.get("opening_times", {})
    if hours.get("twentyfourseven") and "regular_hours" in hours:
        warnings.append("/opening_times: twentyfourseven is true although there are regular_hours")
    if not location.get("evses"):
        warnings.append("/evses: the location has no EVSE, so partners will not show it")
    return warnings


def _coordinate_faults(location: Document) -> Iterator[Fault]:
    places = [("/coordinates", location["coordinates"])]
    places += [(f"/related_locations/{n}", point) for n, point in enumerate(location.get("related_locations", ()))]
    places += [
        (f"/evses/{n}/coordinates", evse["coordinates"])
        for n, evse in enumerate(location.get("evses", ()))
        if "coordinates" in evse
    ]
    for place, point in places:
        for axis in ("latitude", "longitude"):
            if not _SIX_DECIMALS.fullmatch(point[axis]):
                yield Fault(f"{place}/{axis}", "must have exactly 6 decimals")


def _country_faults(location: Document) -> Iterator[Fault]:
    if not _ALPHA_3.fullmatch(location["country"]):
        yield Fault("/country", "must be three capital letters (ISO 3166-1 alpha-3)")


def _hours_faults(location: Document) -> Iterator[Fault]:
    hours = location.get("opening_times", {})
    for name in ("regular_hours", "exceptional_openings", "exceptional_closings"):
        for index, period in enumerate(hours.get(name, ())):
            # HH:MM and canonical times sort as time does.
            if period["period_end"] <= period["period_begin"]:
                yield Fault(f"/opening_times/{name}/{index}/period_end", "must be later than period_begin")
