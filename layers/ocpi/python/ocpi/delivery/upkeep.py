"""Partners that something is due for, and nobody knows: a message was lost, or whoever delivered died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.delivery.channel import is_leased, resting_until
from ocpi.delivery.instants import instant_at
from ocpi.delivery.wake_ups import WakeUp
from ocpi.observability import logger
from ocpi.store.port import PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Partner, Store


FORGOTTEN_AT_ONCE = 2000
"""Of what is known about a partner that has left: the rest is for the next minute."""


@dataclass(frozen=True, slots=True)
class DeliveryUpkeep:
    """``clock`` is in seconds since 1970."""

    store: Store
    queue: Queue
    clock: Callable[[], float]

    def wake(self) -> int:
        """Wake whoever has something due, and forget who has left; for how many partners that failed."""
        return sum(not self._sees_to(partner) for partner in self.store.partners.list())

    def _sees_to(self, partner: Partner) -> bool:
        try:
            if partner.status is PartnerStatus.UNREGISTERED:
                self._forget(partner)
            elif partner.status is PartnerStatus.REGISTERED and self._is_due(partner):
                WakeUp(partner.id, "due").send(self.queue)
        except Exception:  # noqa: BLE001 - whatever it is, the other partners are due as well
            logger.exception("upkeep of the deliveries to a partner failed", partner=partner.id)
            return False
        return True

    def _forget(self, partner: Partner) -> None:
        # What was marked while the partner left has no channel.
        left = (
            self.store.channels.get(partner.id).revision or self.store.deliveries.page(partner.id, None, 1).deliveries
        )
        if left:
            self.store.deliveries.forget(partner.id, FORGOTTEN_AT_ONCE)

    def _is_due(self, partner: Partner) -> bool:
        channel, now = self.store.channels.get(partner.id), self.clock()
        if is_leased(channel, now):
            return False
        if channel.catch_up is not None:
            return True
        if resting_until(channel) > now:
            return False
        if channel.behind_since is not None:
            return True
        return bool(self.store.deliveries.due(partner.id, instant_at(now), 1))
