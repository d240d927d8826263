"""What is to be done about what cannot be mended from what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.doctor.entry import Kind

KEPT_DAYS = 14
"""How long an entry of the exchange log is kept of which nothing says how long: as the template has it."""

LOST: Mapping[Kind, str] = {
    "object": "restore it from a backup, or delete it by hand and write it anew (a received one: pull everything)",
    "partner": "restore it from a backup, or delete it by hand and have the partner register anew",
    "grant": "renew the credentials of its partner, or invite it anew",
    "claim": "delete it by hand, and run this again",
    "delivery": "delete it; the weekly comparison marks it anew, if the partner may not have the object",
    "channel": "delete it; it is made anew",
    "exchange": "delete it; it is an entry of the log",
    "failures": "delete it; it would be forgotten soon",
    "other": "delete it by hand, if nobody knows what it is",
}
REMOVABLE: frozenset[Kind] = frozenset({"channel", "exchange", "failures"})
"""Of these nothing is lost with what cannot be read."""
