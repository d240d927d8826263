"""The charge point's answer to a received command, whichever way it comes: taken once, and only in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.commands.changes import change_command, load_command
from ocpi.commands.command import COLLECTIONS, Command, State
from ocpi.errors import StateConflict
from ocpi.objects.looks import after_seconds
from ocpi.objects.received import require
from ocpi.store.port import Key
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.store.port import Objects

RECEIVED = COLLECTIONS["received"]

RESULTS = ("ACCEPTED", "REJECTED", "NOT_SUPPORTED", "TIMEOUT", "UNKNOWN_SESSION")
"""CommandResponseType (section 13.4.1)."""

DELIVERY_SECONDS = 15 * 60
"""How long a result is offered to the partner: a driver is waiting, and later it is worth nothing."""

LOOK_AGAIN_SECONDS = 60
"""After an answer was taken, before it is seen to whether its message was lost."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What charge points answer."""

    objects: Objects

    def take(self, command_id: str, result: str) -> Command:
        """Record an answer; the same again is welcome. Returns the command.

        Raises :class:`~ocpi.errors.NotFound` for a command that we did not receive, :class:`StateConflict` for
        another answer than the one recorded, and after the deadline.
        """

        def change(command: Command) -> Command | None:
            if command.state != "pending":
                return self._repeated(command, result)
            now = now_wire()
            if now > command.expires_at:
                raise StateConflict(f"the deadline was {command.expires_at}")
            return _answered(command, "answered", result, now)

        key = Key(RECEIVED, command_id)
        command = change_command(self.objects, key, change) or load_command(self.objects, key)
        return require(command, "command")

    def time_out(self, command_id: str) -> Command | None:
        """The deadline: a command that is still pending has been answered with TIMEOUT from now on. Returns the command
        if it was that, ``None`` if an answer was faster or it is too early.
        """

        def change(command: Command) -> Command | None:
            now = now_wire()
            if command.state != "pending" or now < command.expires_at:
                return None
            return _answered(command, "timed_out", "TIMEOUT", now)

        return change_command(self.objects, Key(RECEIVED, command_id), change)

    @staticmethod
    def _repeated(command: Command, result: str) -> None:
        if command.state == "timed_out":
            raise StateConflict(f"the deadline was {command.expires_at}; TIMEOUT has been answered")
        if command.result != result:
            raise StateConflict(f"{command.result} has been answered already")


def delivery_message(command: Command) -> str:
    """What goes on CommandResults for a result that has been recorded already."""
    return strict_json.write({"command_id": command.id, "deliver": True})


def _answered(command: Command, state: State, result: str, now: str) -> Command:
    return replace(
        command,
        state=state,
        result=result,
        answered_at=now,
        next_look_at=after_seconds(now, LOOK_AGAIN_SECONDS),
    )
