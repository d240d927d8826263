"""Results that did not reach a partner, offered to it once more because the operator asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ocpi.commands.answers import DELIVERY_SECONDS, LOOK_AGAIN_SECONDS, RECEIVED, delivery_message
from ocpi.commands.changes import change_command
from ocpi.commands.command import Command, State, command_from
from ocpi.objects.looks import after_seconds
from ocpi.store.port import PageQuery
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.queues.port import Queue
    from ocpi.store.port import Objects

STATES: tuple[State, ...] = ("answered", "timed_out", "undeliverable")
PAGE = 1000


def retry_results(objects: Objects, results: Queue, partner_id: str) -> int:
    """Send the results of a partner's commands that it has not got and that are not older than 15 minutes; how many."""
    oldest = after_seconds(now_wire(), -DELIVERY_SECONDS)
    waiting = [
        command
        for state in STATES
        for command in _recent(objects, state, oldest)
        if command.partner == partner_id and command.delivered_at is None
    ]
    revived = [change_command(objects, command.key, _revived) or command for command in waiting]
    on_their_way = [command for command in revived if command.is_due_for_delivery]
    for command in on_their_way:
        results.send(delivery_message(command))
    return len(on_their_way)


def _recent(objects: Objects, state: State, oldest: str) -> list[Command]:
    query = PageQuery(RECEIVED, limit=PAGE, order="last_updated", updated_from=oldest, audience=state)
    return [command_from(document) for document in objects.page(query).documents]


def _revived(command: Command) -> Command | None:
    if command.state != "undeliverable" or command.result is None:
        return None
    state: State = "timed_out" if command.result == "TIMEOUT" else "answered"
    look = after_seconds(now_wire(), LOOK_AGAIN_SECONDS)
    return replace(command, state=state, error=None, sending_until=None, next_look_at=look)
