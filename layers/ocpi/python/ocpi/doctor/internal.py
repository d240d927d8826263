"""What is kept as an object and is none: commands, which must have a deadline, and jobs, which must be looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi.commands.command import Command, command_draft, command_from
from ocpi.doctor.entry import Flaw
from ocpi.doctor.names import WIRE
from ocpi.pull.outage import LAST_RUN
from ocpi.pull.scheduling import SCHEDULES, schedule_draft, schedule_from
from ocpi.pull.sync import SYNCS, sync_from
from ocpi.reconciliation.reconciliation import RECONCILIATIONS, reconciliation_from
from ocpi.times import now_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.doctor.world import World
    from ocpi.store.port import Draft, Record

    Correct = Callable[[dict[str, Any], str | None], Iterator[Flaw]]

BESIDE = ("last_updated", "audience", "lookup", "due")


@dataclass(frozen=True, slots=True)
class CommandFlaws:
    """Of one command, received or sent."""

    record: Record
    correct: Correct

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong with it. Whatever waits is looked at when it is due, and so none stays pending."""
        try:
            command = command_from(self.record.document)
            draft = command_draft(command)
        except Exception:  # noqa: BLE001 - whatever it is, it is no command
            yield Flaw("is not a command", "delete it by hand: nobody will be answered")
            return
        if command.key != self.record.key:
            yield Flaw("is kept under another id than its document's", "delete it by hand: nobody will be answered")
            return
        if _waits(command) and not _is_instant(command.next_look_at):
            yield from self._due_now(command)
        else:
            yield from self.correct(_beside(draft, self.record), None)

    def _due_now(self, command: Command) -> Iterator[Flaw]:
        mended = command_draft(replace(command, next_look_at=now_wire()))
        changes = {**_beside(mended, self.record), "due": mended.due, "document": mended.document}
        yield from self.correct(changes, "waits without a deadline")


@dataclass(frozen=True, slots=True)
class JobFlaws:
    """Of what is kept under ``jobs``: syncs, reconciliations, and what is noted for them."""

    record: Record
    world: World
    correct: Correct
    delete: Callable[[], bool]

    def flaws(self, document: Any) -> Iterator[Flaw]:
        """What is wrong with it. All of these are made anew when they are needed."""
        collection = self.record.key.collection
        if collection in (SYNCS, RECONCILIATIONS):
            read: Callable[[str], Any] = sync_from if collection == SYNCS else reconciliation_from
            yield from self._job(read)
        elif collection == SCHEDULES:
            yield from self._schedule()
        elif self.record.key == LAST_RUN or collection.module == "reconciling":
            if not isinstance(document, str) or (self.record.key == LAST_RUN and not _is_instant(document)):
                yield self._removable("says nothing")
        elif collection.module.startswith("seen-"):
            yield from self._seen(document)
        else:
            yield Flaw("is a note of an unknown kind", "delete it by hand, if nobody knows what it is")

    def _job(self, read: Callable[[str], Any]) -> Iterator[Flaw]:
        try:
            job = read(self.record.document)
        except Exception:  # noqa: BLE001 - whatever it is, it is no job
            yield self._removable("is not a job")
            return
        if job.id != self.record.key.id:
            yield self._removable("is kept under another id than its document's")
            return
        due = self.record.due if _is_instant(self.record.due) else now_wire()
        # Of a job that ended long ago whoever finds it due forgets it.
        what = None if due == self.record.due else "is looked at no more"
        changes = {"audience": job.partner, "due": due, "last_updated": job.requested_at}
        yield from self.correct(changes, what)

    def _schedule(self) -> Iterator[Flaw]:
        try:
            schedule = schedule_from(self.record)
            draft = schedule_draft(schedule)
            right = schedule.partner == self.record.key.id and all(map(_is_instant, schedule.next.values()))
        except Exception:  # noqa: BLE001 - whatever it is, it is no schedule
            right = False
        if not right or not {"pull", "full"} <= schedule.next.keys():
            yield self._removable("is not the schedule of a partner")
        elif not self.world.knows(schedule.partner):
            yield self._removable("is the schedule of a partner that is not there")
        else:
            yield from self.correct(_beside(draft, self.record), None)

    def _seen(self, document: Any) -> Iterator[Flaw]:
        if not isinstance(document, list) or not all(isinstance(each, str) for each in document):
            yield self._removable("names no ids")

    def _removable(self, what: str) -> Flaw:
        return Flaw(what, "delete it: it is made anew", self.delete)


def _waits(command: Command) -> bool:
    return command.state == "pending" or command.is_due_for_delivery


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and WIRE.fullmatch(value) is not None


def _beside(draft: Draft, record: Record) -> dict[str, Any]:
    """What a draft has beside its document; a look that failed is made again later than the document says."""
    changes = {name: getattr(draft, name) for name in BESIDE}
    if draft.due is None or _is_instant(record.due):
        changes["due"] = record.due
    return changes
