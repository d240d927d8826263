"""The id of an object stands in the URL and again in the body; they must be one (section 3.1.4.1)."""

from __future__ import annotations

from typing import Any

from ocpi.faults import Fault, Invalid


def require_same_id(body: dict[str, Any], field: str, wanted: str, *, folds: bool = False) -> None:
    """Refuse a body whose id is another than the URL's. A patch may leave it out (reading A-12). ``folds``: letter
    case does not count.
    """
    same = body.get(field) == wanted or (folds and str(body.get(field)).lower() == wanted.lower())
    if field in body and not same:
        raise Invalid([Fault(f"/{field}", "is not the id in the URL")])
