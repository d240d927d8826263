"""Writing down what became of tries.

While an object is under way it may be marked again, because it was written again. Its delivery then is no longer at the
revision that was read; what the partner took is noted all the same, and it stays pending.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.outcome import Ending
from ocpi.delivery.recipients import ONCE
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Conflict
from ocpi.store.update import TRIES, Busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.delivery.outcome import Outcome
    from ocpi.store.deliveries import Deliveries, Delivery
    from ocpi.store.port import Record


@dataclass(frozen=True, slots=True)
class Tried:
    """A try: the delivery as it was read, the object that was read for it at the instant ``at``, what came of it."""

    delivery: Delivery
    record: Record | None
    at: str
    outcome: Outcome


def delivered(delivery: Delivery, record: Record, now: str) -> Delivery:
    """The delivery of an object that the partner holds as it is."""
    return replace(
        delivery, state=DeliveryState.DELIVERED, since=now, due=None, holds=record.write, message=None, unsure=False
    )


def after_try(tried: Tried, now: str, *, due: str | None) -> Delivery:
    """What a delivery becomes; ``due`` is for one that failed in passing (``None``: as it was)."""
    outcome, delivery = tried.outcome, tried.delivery
    if outcome.ending is Ending.BEGUN:
        return _begun(tried)
    told = replace(
        delivery,
        attempts=delivery.attempts + 1,
        last_attempt_at=tried.at,
        http_status=outcome.http_status,
        ocpi_status=outcome.ocpi_status,
        message=outcome.message,
    )
    if outcome.ending is Ending.TAKEN and tried.record is not None:
        return replace(delivered(told, tried.record, now), url=outcome.url or delivery.url)
    if outcome.ending is Ending.PASSING:
        return replace(told, due=due or delivery.due, unsure=_stays_unsure(tried))
    return replace(told, state=DeliveryState.FAILED, since=now, due=None, unsure=_stays_unsure(tried))


def _begun(tried: Tried) -> Delivery:
    """What the next try need not do again: it sends what the partner may hold a part of, or refused a part of, as a
    whole; and what was looked for in vain it sends at once.
    """
    delivery = replace(tried.delivery, last_attempt_at=tried.at)
    return replace(delivery, unsure=False) if delivery.key.module in ONCE else replace(delivery, holds=None)


def _stays_unsure(tried: Tried) -> bool:
    """Whether the partner may hold something that it never said it took. What was so before the try stays so, unless it
    was a look that settled it: then the object was sent again and this answer is about that.
    """
    if tried.delivery.key.module in ONCE:
        return tried.outcome.unsure
    return tried.delivery.unsure or tried.outcome.unsure


@dataclass(frozen=True, slots=True)
class Recording:
    """Writes many at a time."""

    deliveries: Deliveries

    def write(self, changes: Sequence[tuple[Delivery, Delivery]], now: str) -> None:
        """Write each second of a pair over the first, which is how the delivery was read."""
        left = list(changes)
        for _ in range(TRIES):
            if not left:
                return
            written = self.deliveries.put_many([replace(new, revision=old.revision) for old, new in left])
            lost = [pair for pair, result in zip(left, written, strict=True) if isinstance(result, Conflict)]
            stored = self.deliveries.get_many([old.key for old, _ in lost])
            left = [
                (known, _merged(known, old, new, now))
                for (old, new), known in zip(lost, stored, strict=True)
                if known is not None  # the partner has left, and everything about it is forgotten
            ]
        raise Busy("deliveries are being written by many at once")

    def forget(self, gone: Sequence[Delivery], now: str) -> None:
        """Delete deliveries of which nothing remains to be known; one that was marked meanwhile stays,
        and holds nothing.
        """
        results = self.deliveries.delete_many(gone)
        lost = [each for each, result in zip(gone, results, strict=True) if isinstance(result, Conflict)]
        self.write([(each, replace(each, holds=None, unsure=False)) for each in lost], now)


def _merged(known: Delivery, old: Delivery, new: Delivery, now: str) -> Delivery:
    if new.key.module in ONCE and DeliveryState.DELIVERED in (known.state, new.state):
        return known if known.state is DeliveryState.DELIVERED else replace(new, revision=known.revision)
    holds = new.holds if known.holds in (old.holds, new.holds) else None
    waiting = known.state is DeliveryState.PENDING
    return replace(
        new,
        state=DeliveryState.PENDING,
        since=known.since if waiting else now,
        due=new.due or (known.due if waiting else now),
        holds=holds,
        revision=known.revision,
    )
