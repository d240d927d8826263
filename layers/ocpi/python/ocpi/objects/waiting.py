"""Own objects that wait: for a token to become known, or to leave a state in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ocpi.objects.audience import find_audience, waiting_lookup
from ocpi.objects.documents import read_document
from ocpi.objects.own import OwnWrites
from ocpi.store.update import update, update_many
from ocpi.times import now_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.objects.own import Rules
    from ocpi.store.port import Objects, Record
    from ocpi.store.update import Decide


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a store. ``rules_of`` gives the rules of a module, ``pending_minutes`` is how long a session may
    be pending.
    """

    objects: Objects
    rules_of: Callable[[str], Rules | None]
    pending_minutes: int

    def settle(self, token: Record) -> int:
        """Give what waited for a token that was stored just now its audience; how many objects there were.

        They may be thousands, so they are written in batches, and the token's other holders are looked up once.
        """
        waiting = self.objects.find(waiting_lookup(read_document(token)["auth_id"]))
        audience_of = cache(lambda auth_id: find_audience(self.objects, auth_id, token))
        looks = [(record.key, self._look(record, audience_of)) for record in waiting]
        for outcome in update_many(self.objects, looks):
            if isinstance(outcome, Exception):
                raise outcome
        return len(waiting)

    def look_at(self, record: Record) -> None:
        """See to one object that waits, or is due; whatever comes of it, it is not due again at once."""
        update(self.objects, record.key, self._look(record))

    def _look(self, record: Record, audience_of: Callable[[str], str | None] | None = None) -> Decide:
        rules = self.rules_of(record.key.collection.module)
        if rules is None:
            raise LookupError(f"an object of {record.key.collection} waits, and that module has no rules")
        writes = OwnWrites(rules, self.objects, self.pending_minutes, audience_of=audience_of)
        return writes.look_again(record.key, now_wire())
