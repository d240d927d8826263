"""Commands that are due: whose messages were lost with the process that should have sent them, or that ended late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.commands.answers import LOOK_AGAIN_SECONDS, Answers, delivery_message
from ocpi.commands.changes import change_command
from ocpi.commands.command import Command, command_from
from ocpi.objects.looks import after_seconds
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.queues.port import Queue
    from ocpi.store.port import Objects, Record


@dataclass(frozen=True, slots=True)
class CommandUpkeep:
    """Looks at commands that are due and puts them back on their way."""

    objects: Objects
    results: Queue

    def look_at(self, record: Record) -> None:
        """See to one command that is due; it is not due again at once, whatever comes of it."""
        command = command_from(record.document)
        if command.direction == "sent":
            change_command(self.objects, command.key, _unanswered)
            return
        Answers(self.objects).time_out(command.id)
        on_its_way = change_command(self.objects, command.key, _looked_at)
        if on_its_way is not None and on_its_way.is_due_for_delivery:
            self.results.send(delivery_message(on_its_way))


def _looked_at(command: Command) -> Command | None:
    if command.next_look_at is None:
        return None
    waits = command.state == "pending" or command.is_due_for_delivery
    return replace(command, next_look_at=after_seconds(now_wire(), LOOK_AGAIN_SECONDS) if waits else None)


def _unanswered(command: Command) -> Command | None:
    """A command of ours that the CPO never answered."""
    if command.state != "pending":
        return replace(command, next_look_at=None) if command.next_look_at else None
    return replace(command, state="timed_out", next_look_at=None)
