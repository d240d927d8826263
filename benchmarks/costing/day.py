"""An operator, and how often everything happens in its day.

The figures come from a description of public French charging data (110,366 sessions of 45 days in winter 2024/25,
29,109 charge points; github.com/MTES-MCT/qualicharge). What is derived of them, and what is assumed, says each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

EVSES_A_LOCATION = 29_109 / 4_584
"""6.35; derived: charge points by locations."""
SESSIONS_AN_EVSE = 110_366 / 4_802 / 45
"""0.51 a day; derived: all sessions, by the charge points that the 40,000 published ones of them are at, by days.
Charge points without any session are not among them, so it is rather too high.
"""
SESSION_MINUTES = 35.5
"""Derived: the mean of the 40,000 sessions (median 29.7)."""
MINUTES_BETWEEN_METER_READINGS = 10
"""Assumed: what a charge point system tells us of while somebody charges."""
UPDATES_A_SESSION = SESSION_MINUTES / MINUTES_BETWEEN_METER_READINGS
CHANGES_A_SESSION = 2
"""Of the EVSE's status: charging and available again."""
OTHER_CHANGES_AN_EVSE = 0.1
"""Assumed, a day: out of order, and in order again, once in twenty days."""
ASKED_IN_REAL_TIME = 299 / 5_000
"""Derived: the cards whose whitelist is NEVER. Every session begins with a card or a command."""
COMMANDS_A_SESSION = 0.3
"""Assumed: three of ten are started by an app."""
TOKENS_A_PARTNER = 5_000
"""As many as the data has."""
TOKEN_CHANGES = TOKENS_A_PARTNER / 730
"""6.8 a day; derived: `last_updated` of 5,000 tokens lies within two years. All are pushed, and the pull finds them."""
PULLS = 24 / 6
"""A day; the template's PullHours."""
POLLS = 24
"""Assumed: a partner asks for locations that changed every hour, although it is pushed them."""
FULL_POLLS = 1
"""Assumed, a day: for all locations, all tariffs, and the day's sessions and CDRs."""
PAGE = 100
"""Assumed: the ``limit`` of a partner's requests."""
TARIFFS = 4
"""Assumed."""
MINUTES = 1_440
SWEEPS = 24
SWEEP_HOURS = 4
"""How far an hourly sweep looks back."""
DAYS_KEPT = 365
"""Sessions and CDRs in the table: the bill is that of an operator after a year."""
RECONCILED_DAYS = 30
"""Whose sessions and CDRs a weekly reconciliation compares."""
EXCHANGE_DAYS = 14


@dataclass(frozen=True)
class Operator:
    """``evses`` charge points; ``partners`` eMSPs, to each of which an equal share of sessions belongs: none is of an
    own customer.
    """

    evses: int
    partners: int

    @property
    def name(self) -> str:
        """``500 EVSEs, 5 partners``."""
        return f"{self.evses:,} EVSEs, {self.partners} partners"

    @property
    def locations(self) -> int:
        """Of ours."""
        return max(1, round(self.evses / EVSES_A_LOCATION))

    @property
    def sessions(self) -> float:
        """A day."""
        return self.evses * SESSIONS_AN_EVSE

    @property
    def changes(self) -> float:
        """Of statuses, a day."""
        return self.sessions * CHANGES_A_SESSION + self.evses * OTHER_CHANGES_AN_EVSE

    @property
    def history(self) -> float:
        """Sessions and CDRs that are kept."""
        return self.written_in(DAYS_KEPT)

    def written_in(self, days: float) -> float:
        """Sessions and CDRs."""
        return self.sessions * 2 * days

    def changed_within(self, hours: float) -> float:
        """Locations of which a status changed: the same one is met again and again."""
        return self.locations * (1 - math.exp(-self.changes * hours / 24 / self.locations))


def pages(documents: float, limit: int) -> float:
    """Requests for so many documents, at least one."""
    return max(1, math.ceil(documents / limit))


def cold_starts(invocations: float, minutes_kept: float) -> float:
    """A day, of a function called at random so often a day, whose environments end after so many idle minutes."""
    return invocations * math.exp(-invocations * minutes_kept / MINUTES)
