"""What of all that is due has to be sent to a partner, and what is settled without a request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.pauses import LONGEST_PAUSE_SECONDS
from ocpi.delivery.recipients import DELETABLE, ONCE, is_for, switched_on, takes
from ocpi.delivery.recording import delivered
from ocpi.objects.poisoned import read_many
from ocpi.store.deliveries import HELD, Delivery
from ocpi.store.port import OWN, Collection, Conflict, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.delivery.recording import Recording
    from ocpi.store.port import Partner, Record, Store


@dataclass(frozen=True, slots=True)
class Choosing:
    """Reads the objects as they are now."""

    store: Store
    recording: Recording

    def to_send(self, partner: Partner, due: Sequence[Delivery], at: str) -> list[tuple[Delivery, Record | None]]:
        """Of what is due, what is to be sent; the rest is settled here."""
        keys = [Key(Collection(OWN, each.key.module), each.key.object_id) for each in due]
        settled: list[tuple[Delivery, Delivery]] = []
        gone: list[Delivery] = []
        items: list[tuple[Delivery, Record | None]] = []
        for delivery, record in zip(due, read_many(self.store.objects, keys), strict=True):
            module = delivery.key.module
            if isinstance(record, Exception):
                settled.append((delivery, _postponed(delivery, at)))
                continue
            # One that was never sent is deleted all the same: the partner may have pulled it.
            if module not in DELETABLE if record is None else not is_for(partner, record):
                gone.append(delivery)
            elif record is not None and _is_up_to_date(delivery, record):
                settled.append((delivery, delivered(delivery, record, at)))
            elif not takes(partner, module) or not switched_on(partner, module):
                settled.append((delivery, replace(delivery, due=HELD)))
            else:
                items.append((delivery, record))
        if settled:
            self.recording.write(settled, at)
        if gone:
            self.recording.forget(gone, at)
        return self._begun(items)

    def not_begun(self, items: Sequence[tuple[Delivery, Record | None]], at: str) -> None:
        """Take back what was noted of these: nothing of them was sent."""
        noted = _noted(items)
        if noted:
            self.recording.write([(each, each) for each in noted], at)

    def _begun(self, items: list[tuple[Delivery, Record | None]]) -> list[tuple[Delivery, Record | None]]:
        """Note of what must not be sent twice that it is about to be sent. What was marked meanwhile waits."""
        first = _noted(items)
        noted = self.store.deliveries.put_many([replace(each, unsure=True) for each in first]) if first else []
        written = {each.key: result for each, result in zip(first, noted, strict=True)}
        begun: list[tuple[Delivery, Record | None]] = []
        for delivery, record in items:
            match written.get(delivery.key, delivery):
                case Conflict():
                    continue
                case Delivery() as now:
                    begun.append((replace(delivery, revision=now.revision), record))
        return begun


def _postponed(delivery: Delivery, at: str) -> Delivery:
    """To be looked at again in a while: somebody may have put the object right."""
    due = instant_at(seconds_of(at) + LONGEST_PAUSE_SECONDS)
    return replace(delivery, due=due, message="the object cannot be read here: run python -m ocpi.doctor")


def _noted(items: Sequence[tuple[Delivery, Record | None]]) -> list[Delivery]:
    return [each for each, record in items if record is not None and not each.unsure and _must_be_noted(each)]


def _is_up_to_date(delivery: Delivery, record: Record) -> bool:
    if delivery.key.module in ONCE:
        return delivery.holds is not None
    return delivery.holds == record.write


def _must_be_noted(delivery: Delivery) -> bool:
    """Whether the partner could come to hold something without our ever knowing, and that would matter: a CDR, or a
    tariff that would have to be deleted.
    """
    return delivery.key.module in ONCE or (delivery.key.module in DELETABLE and delivery.holds is None)
