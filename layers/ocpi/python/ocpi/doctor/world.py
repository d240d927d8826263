"""Partners, tokens and parties, which other entries refer to: few enough to be held in memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpi.doctor.entry import Shelf
    from ocpi.store.port import Grant, Partner, Store


@dataclass(frozen=True, slots=True)
class World:
    """As of one moment. ``unreadable`` are ids of partners that are there and cannot be read."""

    shelf: Shelf
    partners: dict[str, Partner]
    unreadable: set[str]
    grants: dict[str, Grant]
    claims: dict[tuple[str, str], str]
    listed: dict[str, set[str]] = field(default_factory=dict)
    """By hash of a token, the partners that name it as theirs."""

    @classmethod
    def look(cls, shelf: Shelf) -> World:
        """Read it all."""
        partners, unreadable = shelf.partners()
        listed: defaultdict[str, set[str]] = defaultdict(set)
        for partner in partners:
            for token_hash in partner.grants:
                listed[token_hash].add(partner.id)
        parties = [(partner.role, partner.party.upper()) for partner in partners if partner.party is not None]
        return cls(
            shelf,
            {partner.id: partner for partner in partners},
            unreadable,
            shelf.grants(list(listed)),
            shelf.claims(parties),
            dict(listed),
        )

    @property
    def store(self) -> Store:
        """The store that all is in."""
        return self.shelf.store

    def knows(self, partner_id: str) -> bool:
        """Whether there is such a partner, be it one that cannot be read."""
        return partner_id in self.partners or partner_id in self.unreadable
