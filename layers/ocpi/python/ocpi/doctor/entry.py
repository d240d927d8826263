"""What a look at a store goes over, and what it may find wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ocpi.store.check_counters import Counters
    from ocpi.store.port import Grant, Partner, Store

Kind = Literal["object", "partner", "grant", "claim", "delivery", "channel", "exchange", "failures", "other"]


class Unreadable(Exception):
    """An entry cannot be taken for what it should be; the message says why, and repeats nothing of its content."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Which partner holds a party (``NL-TNM``, in capitals)."""

    role: str
    party: str
    partner_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a table or a row of a file, as it is there. ``name`` is what it is called in a finding: no token, and
    no uid of a card.
    """

    kind: Kind
    address: tuple[Any, ...]
    name: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an entry, and what is to be done about it. ``repair`` does that, where it is safe, on the
    condition that the entry is as it was read; it returns whether it did.
    """

    what: str
    remedy: str
    repair: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw and where it is."""

    name: str
    flaw: Flaw


class Shelf(Protocol):
    """What each adapter has for this. Nothing that it reads is changed by reading."""

    @property
    def store(self) -> Store:
        """The store that all is in."""

    @property
    def counters(self) -> Counters:
        """Its counters."""

    def flaws_as_a_whole(self) -> Iterator[Finding]:
        """What is wrong with the database itself."""

    def pages(self) -> Iterator[list[Entry]]:
        """Everything, a page at a time."""

    def again(self, entry: Entry) -> Entry | None:
        """The entry as it is now, strongly consistent; ``None`` if it is gone."""

    def read(self, entry: Entry) -> Any:
        """What the entry is: a Record, Partner, Grant, Claim, Delivery, Channel or Exchange; ``None`` for others.
        Raises :class:`Unreadable`.
        """

    def unreadable(self, entry: Entry) -> Iterator[Flaw]:
        """What keeps an entry from being read, with repairs of what is only a hint."""

    def beside(self, entry: Entry, thing: Any) -> Iterator[Flaw]:
        """What is kept beside a thing, to find it by, and does not agree with it."""

    def delete(self, entry: Entry) -> bool:
        """Remove it if it is as it was read; whether it did."""

    def partners(self) -> tuple[list[Partner], set[str]]:
        """All that can be read, and the ids of those that cannot."""

    def grants(self, hashes: Sequence[str]) -> dict[str, Grant]:
        """Those of these that are there and can be read."""

    def claims(self, parties: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Who holds these parties, each a role and ``NL-TNM``."""

    def claim(self, partner: Partner) -> bool:
        """Give a partner its party, if nobody has it; whether it did."""

    def cost(self) -> str:
        """What the look has cost, in words."""
