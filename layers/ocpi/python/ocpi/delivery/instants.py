"""Between seconds since 1970, with which one reckons, and the text that the store keeps of an instant."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_at(seconds: float) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffffZ``, as :mod:`ocpi.store.deliveries` has it."""
    whole, fraction = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


def seconds_of(instant: str | None) -> float:
    """Seconds since 1970 of such a text; 0 for none."""
    return datetime.fromisoformat(instant).timestamp() if instant is not None else 0.0
