"""Copies of other objects inside sessions and CDRs: the location, and the tariffs that applied."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

Document = dict[str, Any]

_HOLDERS = ("location", "tariffs", "evses", "connectors")
"""Fields that hold objects with a ``last_updated`` of their own."""


def stamped(document: Document, at: str, stored: Document | None = None) -> Document:
    """With ``last_updated`` in every embedded object that has none: that of the one at the same place in ``stored``, if
    there is one, and otherwise ``at``. The object's own is left alone.
    """
    filled, known = dict(document), stored or {}
    for name in _HOLDERS:
        value, before = filled.get(name), known.get(name)
        if isinstance(value, dict):
            filled[name] = _filled(value, at, before)
        elif isinstance(value, list):
            befores = before if isinstance(before, list) else []
            filled[name] = [_filled(item, at, there) for item, there in zip_longest(value, befores[: len(value)])]
    return filled


def _filled(embedded: Document, at: str, before: Any) -> Document:
    known = before if isinstance(before, dict) else {}
    last_updated = embedded.get("last_updated") or known.get("last_updated", at)
    return stamped({**embedded, "last_updated": last_updated}, at, known)
