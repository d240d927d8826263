"""The regular comparison of what partners got with what there is: streams keep a day, give up records that fail each
time, and messages expire.

Every hour what arrived of late, or came to have its audience, what was updated of late by its ``last_updated``, and
what is held though its module is switched on. Every week everything: what is left to that is an object that was there
already and was given, by the operator, a ``last_updated`` that is long past; and what was deleted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ocpi.delivery.catching_up import Job, all_jobs, start
from ocpi.delivery.instants import instant_at
from ocpi.delivery.recipients import MODULES
from ocpi.delivery.wake_ups import WakeUp
from ocpi.times import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Partner, Store

HOURLY = timedelta(hours=1)
WEEKLY = timedelta(days=7)
LOOKS_BACK_SECONDS = 4 * 3600.0
"""Longer than from one hourly comparison to the next, should one or two fail to happen."""


def sweep(store: Store, queue: Queue, partner: Partner, clock: Callable[[], float], *, full: bool) -> None:
    """Have a partner's deliveries compared with what it may see, by whoever delivers to it."""
    jobs = [Job("held", module) for module in MODULES[partner.role]]
    if full:
        jobs += all_jobs(partner)
    else:
        since = instant_at(clock() - LOOKS_BACK_SECONDS)
        jobs += all_jobs(partner, updated_from=normalise(since))
        jobs += [Job("arrived", module, updated_from=since) for module in MODULES[partner.role]]
    start(store.channels, partner.id, jobs)
    WakeUp(partner.id, "due").send(queue)
