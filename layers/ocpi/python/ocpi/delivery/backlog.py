"""How far deliveries are behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.delivery.instants import seconds_of
from ocpi.store.deliveries import HELD, DeliveryState
from ocpi.store.port import PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner, Store

LOOKED_AT = 100
"""Of what is pending for a partner, in the order in which it is due: what is tried next is what waits longest, but for
what has failed by itself."""


def behind(store: Store, partner: Partner) -> int:
    """How many objects a partner has not got: those that wait, and those that it refused."""
    states = (DeliveryState.PENDING, DeliveryState.FAILED)
    return sum(store.deliveries.count(partner.id, state) for state in states)


def oldest_undelivered(store: Store, clock: Callable[[], float]) -> int | None:
    """For how many seconds the oldest change waits that is on its way to a registered partner; ``None``: none does."""
    waiting = [
        delivery.since
        for partner in store.partners.list()
        if partner.status is PartnerStatus.REGISTERED
        for delivery in store.deliveries.page(partner.id, DeliveryState.PENDING, LOOKED_AT).deliveries
        if delivery.due != HELD
    ]
    return max(0, int(clock() - seconds_of(min(waiting)))) if waiting else None
