"""Sending a partner everything that it did not get, because the operator asks for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.delivery.catching_up import CatchingUp, Job, all_jobs, start
from ocpi.delivery.recipients import ADDRESSED, takes
from ocpi.delivery.wake_ups import WakeUp
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import OWN, Collection, PageQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Partner, Store

AT_ONCE_SECONDS = 5.0
"""So long the operator waits; what is not marked by then the one who delivers does."""


@dataclass(frozen=True, slots=True)
class Retry:
    """``clock`` is in seconds since 1970."""

    store: Store
    queue: Queue
    clock: Callable[[], float]

    def everything_missed(self, partner: Partner, *, everything: bool) -> int:
        """Have what the partner did not get sent again, or with ``everything`` all that it may see; how much that is.
        What is held because its module is switched off stays held, and is not counted.
        """
        # In this order nothing is counted twice: what is pending already no comparison marks, but for that of all.
        jobs = deque([Job("waiting"), Job("failed", everything=True), *all_jobs(partner, everything=everything)])
        ends, count = self.clock() + AT_ONCE_SECONDS, 0
        catching_up = CatchingUp(self.store, self.clock)
        while jobs and self.clock() < ends:
            job = jobs.popleft()
            marked, rest = catching_up.page(partner, job)
            count += marked if _is_counted(job, everything=everything) else 0
            if rest is not None:
                jobs.appendleft(rest)
        if jobs:
            start(self.store.channels, partner.id, jobs)
            count += sum(self._left(partner, job) for job in jobs if _is_counted(job, everything=everything))
        WakeUp(partner.id, "retry").send(self.queue)
        return count

    def _left(self, partner: Partner, job: Job) -> int:
        """How many a job is about at most; 0 where it looks for what few are."""
        match job.what:
            case "failed":
                return self.store.deliveries.count(partner.id, DeliveryState.FAILED)
            case "objects" if job.everything and takes(partner, str(job.module)):
                audience = partner.party if job.module in ADDRESSED else None
                return self.store.objects.page(
                    PageQuery(Collection(OWN, str(job.module)), limit=1, audience=audience)
                ).total
            case _:
                return 0


def _is_counted(job: Job, *, everything: bool) -> bool:
    """A comparison of all has what waits and what failed in it."""
    return not everything or job.what in ("objects", "gone")
