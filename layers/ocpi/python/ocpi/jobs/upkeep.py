"""What is done about jobs by the clock, and how somebody is told to work on one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from ocpi.jobs.job import J, JobKind, ended_draft, running_draft
from ocpi.objects.looks import after_minutes
from ocpi.observability import logger
from ocpi.store.port import Conflict
from ocpi.times import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Objects, Record

MAX_DAYS = 7
"""A job that has not ended after this long dies whenever somebody works on it; another week would change nothing."""
NEVER_ENDED = f"it was taken up again and again, and had not ended after {MAX_DAYS} days"


@dataclass(frozen=True, slots=True)
class JobUpkeep(Generic[J]):
    """``queue`` opens the queue of this kind; ``now`` gives ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""

    kind: JobKind[J]
    objects: Objects
    queue: Callable[[], Queue]
    now: Callable[[], str]

    def look_at(self, record: Record) -> None:
        """Have a job that made no progress gone on with, or given up after a week; forget one that ended long ago."""
        job = self.kind.read(record.document)
        if job.state != "running":
            self.objects.delete(record.key, expected=record.revision)
            return
        now = normalise(self.now())
        if after_minutes(job.requested_at, MAX_DAYS * 24 * 60) < now:
            given_up = replace(job, state="failed", ended_at=now, worker=None, leased_until=None, error=NEVER_ENDED)
            with suppress(Conflict):  # as below
                self.objects.put(record.key, ended_draft(given_up, now), expected=record.revision)
            return
        with suppress(Conflict):  # somebody works on it after all
            self.objects.put(record.key, running_draft(job, now), expected=record.revision)
            self.send(job)

    def send(self, job: J) -> None:
        """Have somebody work on it. If that fails, upkeep does it later."""
        try:
            self.queue().send(self.kind.message(job.id))
        except Exception:  # noqa: BLE001 - whatever the queue has, the job is stored and looked at again
            logger.exception("a job could not be put on its queue", kind=self.kind.name)
