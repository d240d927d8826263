"""Working on a job within so much time, from wherever it stands.

    ┌▶ step ▶ save ─┐
    └───────────────┘ ... out of time: give the lease back, message to the next worker

A worker that dies leaves what it saved last and a lease that ends; upkeep then has another one go on. So every step
may be done twice.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from ocpi.jobs.job import LOOK_MINUTES, J, JobKind, ended_draft, job_draft, running_draft
from ocpi.objects.looks import after_seconds
from ocpi.observability import logger
from ocpi.queues.port import MAX_DELAY_SECONDS
from ocpi.store.port import Conflict
from ocpi.times import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.port import Objects, Record

LEASE_SECONDS = 270
"""How long a worker may take from one step to the next, before another one may think that it died."""
SLEPT_SECONDS = 10
"""A longer wait is left to the queue: a function that sleeps is paid for."""


@dataclass(slots=True)
class Held(Generic[J]):
    """A job that this worker holds the lease of, and its record."""

    job: J
    record: Record


@dataclass(frozen=True, slots=True)
class Working(Generic[J]):
    """Works on jobs of one kind, whose messages are on ``queue``. ``now`` gives ``YYYY-MM-DDTHH:MM:SS.ffffffZ``,
    ``monotonic`` and ``sleep`` are in seconds.
    """

    kind: JobKind[J]
    objects: Objects
    queue: Queue
    now: Callable[[], str]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def work(self, job_id: str, seconds: float, step: Callable[[Held[J]], float]) -> None:
        """Go on with a job until it is through, or so many seconds have passed; then with a message to the next one.

        ``step`` makes one step and saves; it returns the seconds from its beginning on in which the next one must not
        be made. A job that is not there, has ended, or is worked on by another is left alone.
        """
        held, ends = self._leased(job_id), self.monotonic() + seconds
        try:
            while held is not None and held.job.state == "running":
                began = self.monotonic()
                pause = step(held) if began < ends else 0.0
                left = pause - (self.monotonic() - began)
                if began >= ends or left > SLEPT_SECONDS:
                    self._hand_on(held, max(0.0, left))
                    return
                if left > 0:
                    self.sleep(left)
        except Conflict:
            # Another worker thought that this one had died, and goes on.
            logger.warning("a job was taken over", kind=self.kind.name, job=job_id)

    def save(self, held: Held[J], job: J) -> None:
        """Write down how far the job has come. Raises :class:`Conflict` if somebody else has it now."""
        now = normalise(self.now())
        job = replace(job, leased_until=after_seconds(now, LEASE_SECONDS))
        held.record = self.objects.put(held.record.key, running_draft(job, now), expected=held.record.revision)
        held.job = job

    def end(self, held: Held[J], job: J) -> None:
        """Write down that it is over. Raises :class:`Conflict` if somebody else has it now."""
        now = normalise(self.now())
        job = replace(job, ended_at=now, leased_until=None)
        held.record = self.objects.put(held.record.key, ended_draft(job, now), expected=held.record.revision)
        held.job = job

    def _leased(self, job_id: str) -> Held[J] | None:
        known = self.kind.load(self.objects, job_id)
        if known is None or known[0].state != "running":
            return None
        held, now = Held(*known), normalise(self.now())
        if held.job.leased_until is not None and held.job.leased_until > now:
            return None
        try:
            self.save(held, replace(held.job, worker=secrets.token_hex(8), started_at=held.job.started_at or now))
        except Conflict:
            return None
        return held

    def _hand_on(self, held: Held[J], seconds: float) -> None:
        delay = min(math.ceil(seconds), MAX_DELAY_SECONDS)
        job = replace(held.job, worker=None, leased_until=None)
        due = after_seconds(normalise(self.now()), delay + LOOK_MINUTES * 60)
        held.record = self.objects.put(held.record.key, job_draft(job, due=due), expected=held.record.revision)
        self.queue.send(self.kind.message(job.id), delay_seconds=delay)
