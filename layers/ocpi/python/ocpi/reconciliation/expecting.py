"""Which of our objects a partner is expected to hold as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.delivery.instants import seconds_of
from ocpi.delivery.recipients import MODULES, came_after_registration, switched_on, takes
from ocpi.store.deliveries import DeliveryState

if TYPE_CHECKING:
    from ocpi.store.deliveries import Delivery
    from ocpi.store.port import Partner, Record

ON_ITS_WAY_SECONDS = 120.0
"""So long after a write nobody wonders that the partner does not have it, whether its delivery is noted or not."""


def compared_modules(partner: Partner) -> list[str]:
    """The modules that can be compared: those the partner has an endpoint for, and is pushed."""
    return [name for name in MODULES[partner.role] if takes(partner, name) and switched_on(partner, name)]


def is_on_its_way(record: Record, delivery: Delivery | None, now: float) -> bool:
    """Whether the partner gets the object anyway; ``now`` in seconds since 1970."""
    if delivery is not None and delivery.state is DeliveryState.PENDING:
        return True
    held = delivery is not None and delivery.holds == record.write
    return not held and seconds_of(record.received) > now - ON_ITS_WAY_SECONDS


def is_expected(partner: Partner, record: Record, delivery: Delivery | None) -> bool:
    """Whether the partner should have the object. One that it was never sent because it has not changed since it
    registered may have been pulled, or not.
    """
    return delivery is not None or came_after_registration(partner, record)
