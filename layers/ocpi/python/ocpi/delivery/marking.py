"""Noting which objects a partner is to get. What is noted here is never the content: that is read when it is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.recipients import DELETABLE, ONCE, came_after_registration, is_for, switched_on
from ocpi.store.deliveries import HELD, Delivery, DeliveryKey, DeliveryState
from ocpi.store.port import Conflict
from ocpi.store.update import TRIES, Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.store.deliveries import Deliveries
    from ocpi.store.port import Partner, Record

CLOCKS_DIFFER_SECONDS = 2.0
"""By how much clocks of two processes may differ, where the order of two instants decides."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partner that may need to get an object as it is now; ``record`` is ``None`` if it was deleted."""

    partner: Partner
    module: str
    object_id: str
    record: Record | None

    @property
    def key(self) -> DeliveryKey:
        """The delivery that this is about."""
        return DeliveryKey(self.partner.id, self.module, self.object_id)


@dataclass(frozen=True, slots=True)
class Marking:
    """Writes deliveries. ``clock`` is in seconds since 1970."""

    deliveries: Deliveries
    clock: Callable[[], float]

    def changed(self, wanted: Sequence[Wanted]) -> list[Delivery]:
        """Note that these objects were written; what was marked."""
        return self._mark(wanted, _after_change)

    def compared(self, wanted: Sequence[Wanted], *, everything: bool = False) -> list[Delivery]:
        """Note what a partner has missed, as far as is known; ``everything``: all of it, whatever the partner holds."""
        return self._mark(wanted, _for_the_first_time if everything else _if_missed)

    def _mark(self, wanted: Sequence[Wanted], decide: _Decide) -> list[Delivery]:
        left, marked = list({each.key: each for each in wanted}.values()), list[Delivery]()
        for _ in range(TRIES):
            if not left:
                return marked
            now = instant_at(self.clock())
            stored = self.deliveries.get_many([each.key for each in left])
            decided = [
                (each, delivery)
                for each, known in zip(left, stored, strict=True)
                if (delivery := decide(each, known, now)) is not None
            ]
            written = self.deliveries.put_many([delivery for _, delivery in decided]) if decided else []
            marked += [delivery for delivery in written if not isinstance(delivery, Conflict)]
            left = [each for (each, _), result in zip(decided, written, strict=True) if isinstance(result, Conflict)]
        raise Busy("deliveries are being written by many at once")


if TYPE_CHECKING:
    _Decide = Callable[[Wanted, Delivery | None, str], Delivery | None]


def pending(delivery: Delivery, now: str, *, held: bool) -> Delivery:
    """The delivery once more to be tried, at once."""
    waiting = delivery.state is DeliveryState.PENDING
    return replace(
        delivery,
        state=DeliveryState.PENDING,
        since=delivery.since if waiting else now,
        due=HELD if held else now,
        attempts=delivery.attempts if waiting else 0,
    )


def _after_change(wanted: Wanted, known: Delivery | None, now: str) -> Delivery | None:
    if known is None:
        return _new(wanted, now)
    record = wanted.record
    if known.state is DeliveryState.PENDING:
        # Written again as it is: its revision tells whoever is sending right now that there is something newer.
        held = not switched_on(wanted.partner, wanted.module)
        return pending(known, now, held=held) if held is not (known.due == HELD) else known
    if known.state is DeliveryState.DELIVERED and (wanted.module in ONCE or _is_held(known, record)):
        return None
    if known.state is DeliveryState.FAILED and not _changed_since_try(known, record, CLOCKS_DIFFER_SECONDS):
        return None
    return pending(known, now, held=not switched_on(wanted.partner, wanted.module))


def _if_missed(wanted: Wanted, known: Delivery | None, now: str) -> Delivery | None:
    if known is None and not _came_later_than_registration(wanted):
        return None
    if known is not None and known.state is DeliveryState.PENDING:
        return None
    if known is not None and known.state is DeliveryState.FAILED and not _changed_since_try(known, wanted.record, 0.0):
        return None
    return _after_change(wanted, known, now)


def _came_later_than_registration(wanted: Wanted) -> bool:
    """Whether an object surely was written after the partner registered. Of what was written in the very second of its
    registration the stream tells; who compares would send what has been there before as well.
    """
    registered_at, record = wanted.partner.registered_at, wanted.record
    return registered_at is None or record is None or record.received[:19] > registered_at[:19]


def _for_the_first_time(wanted: Wanted, known: Delivery | None, now: str) -> Delivery | None:
    held = not switched_on(wanted.partner, wanted.module)
    if known is None:
        return _first(wanted, now, held=held) if wanted.record is not None else None
    if wanted.module in ONCE:
        return None if known.state is DeliveryState.DELIVERED else pending(known, now, held=held)
    # What it holds is forgotten: it gets the object as a whole.
    return replace(pending(known, now, held=held), holds=None)


def _new(wanted: Wanted, now: str) -> Delivery | None:
    record, held = wanted.record, not switched_on(wanted.partner, wanted.module)
    if record is None:
        # It was never sent, and yet the partner may have pulled it.
        return _first(wanted, now, held=held) if wanted.module in DELETABLE else None
    if not is_for(wanted.partner, record) or not came_after_registration(wanted.partner, record):
        return None
    return _first(wanted, now, held=held)


def _first(wanted: Wanted, now: str, *, held: bool) -> Delivery:
    return Delivery(wanted.key, DeliveryState.PENDING, since=now, due=HELD if held else now)


def _is_held(delivery: Delivery, record: Record | None) -> bool:
    if record is None:
        return delivery.key.module not in DELETABLE
    return delivery.holds == record.write


def _changed_since_try(delivery: Delivery, record: Record | None, doubt: float) -> bool:
    """Whether what was refused has been written since; the try began before the object was read for it. ``doubt``: so
    many seconds before that it may have been as well. Who hears of a change is in doubt, who compares is not.
    """
    if record is None:
        return delivery.key.module in DELETABLE
    tried = seconds_of(delivery.last_attempt_at)
    return seconds_of(record.received) > tried - doubt
