"""Which objects a crawl has seen, kept beside its sync page by page, for as long as it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.store.port import Collection, Conflict, Draft, Key
from ocpi.store.update import update
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocpi.store.port import Objects


@dataclass(frozen=True, slots=True)
class Seen:
    """The ids of one module in one sync, as keys of the store compare them."""

    objects: Objects
    sync_id: str
    module: str

    def add(self, page: int, ids: Iterable[str]) -> None:
        """Note the ids of a page, counted from 0; a page that is fetched again replaces what it was."""
        document = strict_json.write(sorted({identity.lower() for identity in ids}))
        chunk = Draft(VERSION, document, last_updated="2000-01-01T00:00:00Z")
        update(self.objects, self._key(page), lambda _: chunk)

    def read(self, pages: int) -> frozenset[str]:
        """All ids of so many pages."""
        records = self.objects.get_many([self._key(page) for page in range(pages)])
        return frozenset(identity for record in records if record for identity in strict_json.read(record.document))

    def forget(self, pages: int) -> None:
        """Nobody asks any more."""
        for record in self.objects.get_many([self._key(page) for page in range(pages)]):
            if record is not None:
                try:
                    self.objects.delete(record.key, expected=record.revision)
                except Conflict:
                    continue  # another worker is at it too

    def _key(self, page: int) -> Key:
        return Key(Collection("jobs", f"seen-{self.sync_id}-{self.module}"), str(page))
