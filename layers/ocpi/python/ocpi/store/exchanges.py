"""The part of the store port that keeps the exchange log: every OCPI request, in and out, for a while.

What is kept holds no token and no uid of a card: see :mod:`ocpi.exchanges`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DAYS = 400
"""The longest that exchanges are kept."""

NOBODY = "-"
"""In the place of a partner: requests of which nobody knows who sent them."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``at`` is when it began, as :func:`ocpi.store.clock.instant` gives it; ``partner_id``
    may be :data:`NOBODY`. ``path`` is redacted. ``module`` and ``object_id`` are what it was about, if it was about one
    object; ``subject`` is under which that is found (a token's is made of a digest). The statuses are ``None`` when
    there was no answer; ``problem`` says why, or what was wrong with the answer. ``body`` is JSON text: the redacted
    request and answer, of which one explains a refusal.
    """

    at: str
    partner_id: str
    direction: Literal["in", "out"]
    method: str
    path: str
    http_status: int | None
    ocpi_status: int | None
    milliseconds: int
    correlation_id: str
    module: str | None = None
    object_id: str | None = None
    subject: str | None = None
    problem: str | None = None
    body: str | None = None

    @classmethod
    def read(cls, document: str) -> Exchange:
        """The exchange of which :meth:`written` made this text."""
        return cls(**{"http_status": None, "ocpi_status": None, **json.loads(document)})

    def written(self) -> str:
        """As JSON text, for a database to keep."""
        members = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps({name: value for name, value in members.items() if value is not None}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ExchangeQuery:
    """Which exchanges, newest first: of one partner or of all, about one ``subject``, between two instants (from
    inclusive, to exclusive), in one ``direction``, with one HTTP status or class of it (``4`` is 400 to 499, ``0``: no
    answer), with one OCPI status. The instants are prefixes of an ``at``, without ``Z``: ``2026-01-31T10:00:00``.
    Without ``at_from`` as far back as anything is kept.
    """

    limit: int
    partner_id: str | None = None
    subject: str | None = None
    http_status: int | None = None
    ocpi_status: int | None = None
    direction: Literal["in", "out"] | None = None
    at_from: str | None = None
    at_to: str | None = None
    after: str | None = None

    @property
    def is_picky(self) -> bool:
        """Whether it takes only some of what is found by partner, subject and time."""
        return (self.http_status, self.ocpi_status, self.direction) != (None, None, None)

    def takes(self, exchange: Exchange) -> bool:
        """Whether an exchange has the statuses and the direction that are asked for."""
        if self.direction not in (None, exchange.direction) or self.ocpi_status not in (None, exchange.ocpi_status):
            return False
        if self.http_status is None:
            return True
        given = exchange.http_status or 0
        return self.http_status == (given if self.http_status >= 100 else given // 100)


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """Exchanges, newest first; ``next`` is the position after the last, or ``None`` when there is nothing more."""

    exchanges: list[Exchange]
    next: str | None


class Exchanges(Protocol):
    """The exchange log. What is older than it is kept may still be there, and is never returned."""

    def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
        """Keep these for so many days."""

    def page(self, query: ExchangeQuery) -> ExchangePage:
        """A page of the log. A page may be short, or even empty, although more follows."""


def end_of_life(at: str, days: int) -> datetime:
    """When an exchange that began at this instant is kept no longer."""
    return datetime.fromisoformat(at).astimezone(UTC) + timedelta(days=days)
