"""A job: what is kept of work that outlives the process that does it.

    running ──▶ done
       └──────▶ failed

Whoever works on it holds its lease and writes down after each step how far it came; who dies is followed by another
one, who goes on there. Every write is conditional, so of two at once the later one loses.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from ocpi import strict_json
from ocpi.objects.looks import after_minutes
from ocpi.queues.messages import message_text
from ocpi.store.port import Draft, Key
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Collection, Objects, Record

LOOK_MINUTES = 5
"""So long after its last progress a job is thought to have died."""
KEPT_DAYS = 30

State = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """``partner`` is the partner's id. ``worker`` works on it until ``leased_until``; instants have whole seconds.
    ``error`` is why it failed as a whole.
    """

    id: str
    partner: str
    requested_at: str
    state: State = "running"
    started_at: str | None = None
    ended_at: str | None = None
    error: str | None = None
    worker: str | None = None
    leased_until: str | None = None


J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class JobKind(Generic[J]):
    """Jobs of one kind: where they are kept, what a message calls one (``{"sync": "<id>"}``), and how one is made of
    what is stored, which is the JSON text of its fields.
    """

    collection: Collection
    name: str
    read: Callable[[str], J]

    def key(self, job_id: str) -> Key:
        """Where a job is kept."""
        return Key(self.collection, job_id)

    def load(self, objects: Objects, job_id: str) -> tuple[J, Record] | None:
        """The job of this id, with its record."""
        record = objects.get(self.key(job_id))
        return (self.read(record.document), record) if record is not None else None

    def message(self, job_id: str) -> str:
        """What goes on the queue of this kind."""
        return message_text({self.name: job_id})


def new_job_id() -> str:
    """An id for a job."""
    return secrets.token_hex(16)


def job_draft(job: Job, *, due: str) -> Draft:
    """What is stored of a job; ``due`` is when upkeep looks at it, whatever happens to its messages."""
    return Draft(VERSION, strict_json.write(asdict(job)), job.requested_at, audience=job.partner, due=due)


def running_draft(job: Job, now: str) -> Draft:
    """What is stored of a job that has just made progress."""
    return job_draft(job, due=after_minutes(now, LOOK_MINUTES))


def ended_draft(job: Job, now: str) -> Draft:
    """What is stored of a job that has just ended."""
    return job_draft(job, due=after_minutes(now, KEPT_DAYS * 24 * 60))
