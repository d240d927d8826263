"""Going over a store: what looks wrong is read once more before it is believed, since others write meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ocpi.doctor.deliveries import DeliveryChecks, channel_flaws
from ocpi.doctor.entry import Claim, Flaw, Unreadable
from ocpi.doctor.partners import claim_flaws, grant_flaws, partner_flaws
from ocpi.doctor.records import record_flaws
from ocpi.doctor.remedies import REMOVABLE
from ocpi.doctor.world import World
from ocpi.store.deliveries import Channel, Delivery
from ocpi.store.port import Grant, Partner, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.doctor.entry import Entry, Shelf
    from ocpi.store.port import Key

MOST_REPAIRS = 5
"""Of one entry, one after the other: some are possible only after others."""


@dataclass(slots=True)
class Examination:
    """``wait`` is so many seconds before what looks wrong is read again."""

    shelf: Shelf
    wait: float
    _world: World | None = field(default=None, init=False)

    def findings(self) -> Iterator[tuple[Entry, list[Flaw]]]:
        """What is wrong, and stayed so, entry by entry."""
        self._world = World.look(self.shelf)
        for page in self.shelf.pages():
            suspects = [entry for entry in page if any(True for _ in self.flaws(entry))]
            if not suspects:
                continue
            time.sleep(self.wait)
            self._world = World.look(self.shelf)
            for suspect in suspects:
                entry = self.shelf.again(suspect)
                flaws = list(self.flaws(entry)) if entry is not None else []
                if entry is not None and flaws:
                    yield entry, flaws

    def mended(self, entry: Entry) -> list[Flaw]:
        """Carry out the repairs of an entry, and say which flaws are left."""
        found: Entry | None = entry
        for _ in range(MOST_REPAIRS):
            found = self.shelf.again(entry)
            self._world = World.look(self.shelf)
            flaws = list(self.flaws(found)) if found is not None else []
            repairs = [flaw.repair for flaw in flaws if flaw.repair is not None]
            if not repairs:
                return flaws
            repairs[0]()
        return flaws

    def flaws(self, entry: Entry) -> Iterator[Flaw]:
        """What is wrong with an entry as it was read."""
        delete = partial(self.shelf.delete, entry)
        try:
            thing = self.shelf.read(entry)
        except Unreadable:
            for flaw in self.shelf.unreadable(entry):
                is_removable = flaw.repair is None and entry.kind in REMOVABLE
                yield Flaw(flaw.what, flaw.remedy, delete) if is_removable else flaw
            return
        yield from self._of(thing, delete)
        yield from self.shelf.beside(entry, thing)

    def _of(self, thing: Any, delete: Any) -> Iterator[Flaw]:
        world = self._world or World.look(self.shelf)
        match thing:
            case Record():
                return record_flaws(thing, world, delete)
            case Partner():
                return partner_flaws(thing, world)
            case Grant():
                return grant_flaws(thing, world, delete)
            case Claim():
                return claim_flaws(thing, world, delete)
            case Delivery():
                return DeliveryChecks(world, self._exists).flaws(thing, delete)
            case Channel():
                return channel_flaws(thing, world, delete)
        return iter(())

    def _exists(self, key: Key) -> bool:
        """Whether there is an object, be it one that cannot be read."""
        try:
            return self.shelf.store.objects.get(key) is not None
        except Exception:  # noqa: BLE001 - whatever it is, it is there
            return True
