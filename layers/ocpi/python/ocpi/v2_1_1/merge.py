"""Merging a PATCH into what is stored (OCPI 2.1.1 section 3.1.3.3, reading A-10). Works on canonical plain objects.

A field that is given replaces the stored one, whole; ``None`` clears it. Lists whose elements have an identity are
different: an element is merged into the one that has its identity, or added, and none is ever taken away, because
some partners send all elements and others only those that changed.
"""

from collections.abc import Mapping
from typing import Any

from ocpi.parts import are_parts

KEYED = {"evses": "uid", "connectors": "id", "charging_periods": "start_date_time"}
"""The lists of 2.1.1 whose elements have an identity, and the field that holds it."""

_SERIES = frozenset({"charging_periods"})
"""Keyed lists that are kept in the order of their key, and whose elements are replaced whole."""

Document = dict[str, Any]


def merge(stored: Document, patch: Document, *, keyed: Mapping[str, str] = KEYED) -> Document:
    """A new object: ``stored`` with ``patch`` merged into it. Neither is changed.

    Both are plain objects as :func:`ocpi.v2_1_1.model.check` and :func:`~ocpi.v2_1_1.model.check_patch` give them. An
    empty or cleared keyed list changes nothing. The result may lack fields, so check it against the full model.
    """
    merged = dict(stored)
    for name, value in patch.items():
        if name in keyed and _is_keyed(value, keyed[name]):
            known = stored.get(name)
            if value:
                merged[name] = _merged_list(name, known if are_parts(known, keyed[name]) else [], value, keyed)
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def _is_keyed(value: Any, key: str) -> bool:
    return value is None or are_parts(value, key)


def _merged_list(name: str, stored: list[Document], given: list[Document], keyed: Mapping[str, str]) -> list[Document]:
    key = keyed[name]
    merged = list(stored)
    places = {element[key]: place for place, element in enumerate(stored)}
    for element in given:
        place = places.setdefault(element[key], len(merged))
        if place == len(merged):
            merged.append({})
        merged[place] = element if name in _SERIES else merge(merged[place], element, keyed=keyed)
    return sorted(merged, key=lambda element: str(element[key])) if name in _SERIES else merged
