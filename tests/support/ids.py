"""Ids for tests: as they stand in a URL, ones that no other test has, and ones that URLs make hard."""

from __future__ import annotations

from itertools import count
from urllib.parse import quote

AWKWARD_IDS = ("a/b", "a b", "a+b", "100%", "NL*WMC*E1", "%2F", "a?b#c&d=e", "~;,:@!$'()=")
"""What the specification allows in an id and a URL has to carry encoded (reading A-45)."""

_numbers = count(1)


def fresh_id(prefix: str = "X") -> str:
    """An id that is new in this process."""
    return f"{prefix}-{next(_numbers)}"


def in_url(*segments: str) -> str:
    """Path segments, each with everything encoded that a URL would take for its own."""
    return "/".join(quote(segment, safe="") for segment in segments)
