"""The id of an object stands in the URL and again in the body; they must be one (section 3.1.4.1)."""

from __future__ import annotations

from typing import Any

from ocpi.faults import Fault, Invalid


def require_same_id(body: dict[str, Any], field: str, wanted: str) -> None:
    """Refuse a body whose id is another than the URL's. A patch may leave it out (reading A-12)."""
    if field in body and body[field] != wanted:
        raise Invalid([Fault(f"/{field}", "is not the id in the URL")])
