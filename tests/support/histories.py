"""Random histories of a collection, and what a page of it is by brute force."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ocpi.store.port import EVERYBODY, PageQuery
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    import random

    from ocpi.store.port import Objects, Record

AUDIENCES = (None, EVERYBODY, "NL-TNM")
ONE_INSTANT = "2026-01-01T00:00:00Z"


@dataclass
class History:
    """Writes objects at random and remembers what is there. ``tied``: all have one timestamp."""

    objects: Objects
    chance: random.Random
    tied: bool = False
    ids: int = 400
    live: dict[str, Record] = field(default_factory=dict)
    addressed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """When each came to be for a party: by which write, and at which instant."""
    writes: int = 0

    def instant(self) -> str:
        """Of two hours' seconds one."""
        second = self.chance.randrange(7200)
        return f"2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"

    def write(self) -> None:
        """Create, update, move or delete an object, or many at once."""
        kind = self.chance.random()
        if kind < 0.01:
            for name in self.chance.sample(sorted(self.live), len(self.live) * 2 // 3):
                self.delete(name)
        elif kind < 0.25 and self.live:
            self.delete(self.chance.choice(sorted(self.live)))
        else:
            self.put(f"l{self.chance.randrange(self.ids)}", self.chance.choice(AUDIENCES))

    def put(self, name: str, audience: str | None) -> None:
        """Create or replace one."""
        self.writes += 1
        expected = self.live[name].revision if name in self.live else None
        last_updated = ONE_INSTANT if self.tied else self.instant()
        self.live[name] = self.objects.put(key(name), draft(name, last_updated, audience), expected=expected)
        if audience in (None, EVERYBODY):
            self.addressed.pop(name, None)
        else:
            self.addressed.setdefault(name, (self.writes, self.live[name].received))

    def delete(self, name: str) -> None:
        """Delete one."""
        self.addressed.pop(name, None)
        self.objects.delete(key(name), expected=self.live.pop(name).revision)

    def query(self) -> PageQuery:
        """Any query."""
        offset = self.chance.choice([0, self.chance.randrange(len(self.live) + 5)])
        query = PageQuery(LOCATIONS, self.chance.randrange(1, 30), offset, audience=self.chance.choice(AUDIENCES))
        query = replace(query, counted=self.chance.random() < 0.8)
        if self.chance.random() < 0.4:
            return replace(query, created_from=self.arrival())
        start, end = (self.chance.choice([None, self.instant(), ONE_INSTANT]) for _ in range(2))
        return replace(query, order="last_updated", updated_from=start, updated_to=end)

    def arrival(self) -> str | None:
        """When one of them came, or any time."""
        instants = [record.received for record in self.live.values()] + [at for _, at in self.addressed.values()]
        return self.chance.choice([None, *instants]) if self.chance.random() < 0.7 else None

    def listed(self, query: PageQuery) -> list[str]:
        """All documents that a query matches, in order."""
        found = {name: one for name, one in self.live.items() if query.audience in (None, one.audience)}
        if query.order == "last_updated":
            low, high = query.updated_from or "", query.updated_to or "~"
            found = {name: one for name, one in found.items() if low <= one.last_updated < high}
            return sorted(found, key=lambda name: (found[name].last_updated, name))
        if query.audience in (None, EVERYBODY):
            places = {name: (0, one.created) for name, one in found.items()}
        else:
            places = {name: self.addressed[name] for name in found}
        since = query.created_from or ""
        return sorted((name for name in found if places[name][1] >= since), key=lambda name: places[name])

    def is_paged_right(self, query: PageQuery) -> bool:
        """Whether a page is what brute force makes it."""
        page, listed = self.objects.page(query), self.listed(query)
        end = query.offset + query.limit
        return (page.documents, page.total, page.next is None) == (
            listed[query.offset : end],
            len(listed) if query.counted else 0,
            end >= len(listed),
        )
