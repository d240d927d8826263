"""How the demo writes instants: it is a client of the operator API and does without the server's code."""

from __future__ import annotations

from datetime import UTC, datetime


def to_wire(instant: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ`` of an aware datetime; fractions are cut off."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
