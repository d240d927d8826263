"""Results of commands that we sent: the first counts, and whatever comes after it is harmless (section 13.2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ocpi.commands.answers import RESULTS
from ocpi.commands.changes import change_command, load_command
from ocpi.commands.command import COLLECTIONS, Command
from ocpi.errors import NotFound
from ocpi.faults import Fault, Invalid
from ocpi.objects.looks import after_seconds
from ocpi.store.port import Key
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Partner

OPEN_SECONDS = 24 * 3600
"""After the deadline, while a ``response_url`` still takes results."""
KEPT_RESULTS = 10
"""Of results that come after the first: recorded, the last so many, and without any effect."""


def take_result(objects: Objects, partner: Partner, command_type: str, command_id: str, body: Any) -> None:
    """Take the result of a command that this partner was sent. One that comes too late is recorded as well.

    Raises :class:`NotFound` for a command that it was not sent, and a day after the deadline; :class:`Invalid` for what
    is no result.
    """
    key = Key(COLLECTIONS["sent"], command_id)
    command = load_command(objects, key)
    if command is None or (command.partner, command.type) != (partner.id, command_type):
        raise NotFound("there is no such command")
    if now_wire() > after_seconds(command.expires_at, OPEN_SECONDS):
        raise NotFound("the time for a result of this command is over")
    result = _result_in(body)

    def change(now: Command) -> Command:
        if now.result is not None:
            return replace(now, later_results=(*now.later_results, result)[-KEPT_RESULTS:])
        state = now.state if now.state == "timed_out" else "answered"
        return replace(now, result=result, state=state, answered_at=now_wire(), next_look_at=None)

    change_command(objects, key, change)


def _result_in(body: Any) -> str:
    """The word in a result: a bare object, as the specification has it, a string, or in an envelope (reading A-32)."""
    inner = body.get("data", body) if isinstance(body, dict) else body
    word = inner.get("result") if isinstance(inner, dict) else inner
    if word not in RESULTS:
        raise Invalid([Fault("/result", f"must be one of {', '.join(RESULTS)}")])
    return str(word)
