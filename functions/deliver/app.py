"""The worker on Deliveries: brings a partner up to date with our objects.

A message is ``{"partner", "why", "noted"}`` (:mod:`ocpi.delivery.wake_ups`). What is to be delivered stands in the
store, so one too many does no harm, and one that is lost costs a minute.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ocpi.delivery.drain import Parts, drain
from ocpi.delivery.wake_ups import NoWakeUp, WakeUp
from ocpi.deployment import deliveries, partner_client, store, vault
from ocpi.observability import logger
from ocpi.queues.worker import batch_handler
from ocpi.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVE_SECONDS = 5.0
"""Of its time that the function leaves unused."""


def work_on(body: str, seconds: float) -> None:
    """One message, with so many seconds for it. One that names no partner is dropped: nobody waits for it."""
    try:
        wake_up = WakeUp.read(body)
    except NoWakeUp as error:
        logger.warning("a wake-up was dropped", reason=str(error))
        return
    ours = settings()
    parts = Parts(
        store(), deliveries(), vault(), partner_client(), (ours.country_code, ours.party_id), time.time, time.sleep
    )
    drain(parts, wake_up, time.time() + seconds - RESERVE_SECONDS)


def handler(event: dict[str, Any], context: Any) -> Any:
    """A batch of messages."""
    seconds: Callable[[], float] = lambda: context.get_remaining_time_in_millis() / 1000  # noqa: E731 - asked for each
    return batch_handler(lambda body, _: work_on(body, seconds()))(event, context)
