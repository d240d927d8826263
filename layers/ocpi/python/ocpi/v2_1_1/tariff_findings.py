"""What is odd about a Tariff without making it invalid (OCPI 2.1.1 chapter 11)."""

from typing import Any


def tariff_findings(tariff: dict[str, Any]) -> list[str]:
    """Sentences such as ``/elements/…: …``, none if all is well. ``tariff`` is canonical.

    The last element is what applies when no other does, and for that it must have no restrictions (section 11.3.1).
    """
    last = len(tariff["elements"]) - 1
    if not tariff["elements"][last].get("restrictions"):
        return []
    return [f"/elements/{last}/restrictions: leave charging without a price that no other element has one for"]
