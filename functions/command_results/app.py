"""The worker on CommandResults: answers of charge points and deadlines come in, results go out to the eMSPs.

A message is one of ``{"command_id", "result"}`` (a charge point system may put it there itself),
``{"command_id", "timeout": true}`` (the deadline) and ``{"command_id", "deliver": true}`` (a result that is recorded
already).
"""

from __future__ import annotations

from typing import Any

from ocpi import strict_json
from ocpi.commands.answers import RECEIVED, RESULTS, Answers
from ocpi.commands.changes import load_command
from ocpi.commands.command import LONGEST_ID
from ocpi.commands.delivering import Delivering, Undeliverable
from ocpi.deployment import command_results, command_results_dead, partner_client, store, vault
from ocpi.errors import Refused
from ocpi.observability import logger
from ocpi.queues.messages import dead_letter
from ocpi.queues.worker import Again, batch_handler
from ocpi.store.port import Key
from ocpi.times import now_wire, parse_instant


class Poisoned(Exception):
    """Nothing will ever become of this message; the text says why."""


def work_on(body: str, receipt: str) -> None:
    """One message; raises :class:`Again`. One that is of no use goes to the dead-letter queue with the reason."""
    try:
        pause = _pause_after(_read(body))
    except (Poisoned, Undeliverable, Refused) as error:
        command_results_dead().send(dead_letter(str(error), body))
        logger.warning("a result was given up", reason=type(error).__name__)
        return
    if pause is not None:
        command_results().postpone(receipt, pause)
        raise Again(f"in {pause} s")


def _read(body: str) -> dict[str, Any]:
    try:
        message: dict[str, Any] = strict_json.read(body)
    except (strict_json.BrokenJson, strict_json.RefusedJson) as error:
        raise Poisoned(f"the message is not JSON that is taken: {error}") from None
    command_id = message.get("command_id") if isinstance(message, dict) else None
    if not isinstance(command_id, str) or len(command_id) > LONGEST_ID:
        raise Poisoned("the message names no command_id")
    if "result" in message and message["result"] not in RESULTS:
        raise Poisoned(f"result must be one of {', '.join(RESULTS)}")
    if not (message.get("timeout") is True or message.get("deliver") is True or "result" in message):
        raise Poisoned("the message holds neither result, timeout nor deliver")
    return message


def _pause_after(message: dict[str, Any]) -> int | None:
    """Do what a message says; the seconds after which it is to come again, or ``None``."""
    objects, command_id = store().objects, message["command_id"]
    if "result" in message:
        Answers(objects).take(command_id, message["result"])
    elif message.get("timeout") is True and not _has_timed_out(command_id):
        return _until_deadline(command_id)
    return Delivering(objects, store().partners, vault(), partner_client()).deliver(Key(RECEIVED, command_id))


def _has_timed_out(command_id: str) -> bool:
    """Whether the deadline has decided, now or at an earlier delivery of this message, whose result is not out yet."""
    answers = Answers(store().objects)
    command = answers.time_out(command_id) or load_command(store().objects, Key(RECEIVED, command_id))
    return command is not None and command.state == "timed_out"


def _until_deadline(command_id: str) -> int | None:
    """``None`` if the charge point was faster; otherwise the message came too early by so many seconds."""
    command = load_command(store().objects, Key(RECEIVED, command_id))
    if command is None or command.state != "pending":
        return None
    left = parse_instant(command.expires_at) - parse_instant(now_wire())
    return max(1, int(left.total_seconds()))


handler = batch_handler(work_on)
