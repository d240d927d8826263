"""What a complete list does not show any more: tariffs go, EVSEs become ``REMOVED``.

Sources: OCPI 2.1.1 sections 8.1 and 11.1.2, readings A-51 and A-53: only a complete list without filter says that
something is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.objects.documents import read_document
from ocpi.objects.poisoned import read_one, readable
from ocpi.objects.received import taking
from ocpi.store.port import Conflict, Key, PageQuery
from ocpi.store.update import TRIES, Busy

if TYPE_CHECKING:
    from ocpi.pull.sync import ModulePull
    from ocpi.store.port import Collection, Objects
    from ocpi.v2_1_1.taking_rules import TakingRules

BATCH = 500


@dataclass(frozen=True, slots=True)
class Removing:
    """Goes through what there is of a module and removes what is not among the ids ``seen`` (in lower case)."""

    objects: Objects
    rules: TakingRules
    collection: Collection
    seen: frozenset[str]

    def next_batch(self, pull: ModulePull) -> tuple[ModulePull, bool]:
        """One batch, from where the pull says; whether that was the last one."""
        page = self.objects.page(PageQuery(self.collection, limit=BATCH, after=pull.swept))
        keys = readable(page.documents, lambda document: self._key(strict_json.read(document)), self.collection)
        removed = sum(self._remove(key, str(pull.started_at)) for key in keys if key.folded_id not in self.seen)
        return replace(pull, removed=pull.removed + removed, swept=page.next), page.next is None

    def _key(self, document: dict[str, Any]) -> Key:
        return Key(self.collection, self.rules.object_id(document))

    def _remove(self, key: Key, began_at: str) -> bool:
        """Whether there was something to remove. What was written since the crawl began stays: the partner pushed it
        after its list was read. What cannot be read stays as well, as nobody knows when it was written.
        """
        for _ in range(TRIES):
            record = read_one(self.objects, key)
            if record is None or isinstance(record, Exception) or record.received >= began_at:
                return False
            document = read_document(record)
            left = self.rules.gone(document)
            if left == document:
                return False
            try:
                if left is None:
                    self.objects.delete(record.key, expected=record.revision)
                    return True
                draft = taking(self.rules, record.key, left)(None)
                if draft is not None:
                    self.objects.put(record.key, draft, expected=record.revision)
            except Conflict:
                continue
            return True
        raise Busy(f"an object of {key.collection} is written by many at once")
