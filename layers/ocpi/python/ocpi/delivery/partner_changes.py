"""What a change of a partner means for what is delivered to it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ocpi.delivery.catching_up import Job, all_jobs, start
from ocpi.delivery.channel import change_channel
from ocpi.delivery.upkeep import FORGOTTEN_AT_ONCE
from ocpi.delivery.wake_ups import WakeUp
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Partner, Store

CALLED_EVERY_SECONDS = 5.0
"""A partner that is behind may call many times a second; it is tried again once in a while."""
_called: dict[str, float] = {}


def settings_changed(store: Store, queue: Queue, partner: Partner) -> None:
    """Settings, credentials, endpoints or status are others now: what was refused may be taken, and what was held may
    go.

    The change itself is stored already, so nothing that fails here fails it.
    """
    try:
        # A higher limit counts at once: the pace that was kept is that of the lower one.
        change_channel(store.channels, partner.id, lambda channel: replace(channel, paced_until=None))
        start(store.channels, partner.id, [Job("failed"), Job("waiting"), *all_jobs(partner)])
        WakeUp(partner.id, "retry").send(queue)
    except Exception:  # noqa: BLE001 - see above
        logger.exception("deliveries do not know of a changed partner", partner=partner.id)


def partner_left(store: Store, partner_id: str) -> None:
    """Forget about deliveries to a partner. What fails here, or is more than is done at once, upkeep does later."""
    try:
        store.deliveries.forget(partner_id, FORGOTTEN_AT_ONCE)
    except Exception:  # noqa: BLE001 - the partner has left
        logger.exception("deliveries of a partner that left remain for now", partner=partner_id)


def partner_called(queue: Callable[[], Queue], partner: Partner) -> None:
    """A sign of life of a partner that is behind: it is tried again. That this fails is no matter of its request."""
    now = time.monotonic()
    if now - _called.get(partner.id, -CALLED_EVERY_SECONDS) < CALLED_EVERY_SECONDS:
        return
    _called[partner.id] = now
    try:
        WakeUp(partner.id, "called").send(queue())
    except Exception:  # noqa: BLE001 - see above
        logger.exception("nobody was told that a partner called", partner=partner.id)
