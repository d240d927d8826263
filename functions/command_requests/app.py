"""The worker on CommandRequests, for operators whose charge point system wants commands sent to a URL of its own.

Each command is POSTed there, signed as Standard Webhooks, until the system takes it (any 2xx) or the deadline has
passed. It may answer ``{"result": …}`` right there, or later as any other system does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.commands.answers import RECEIVED, RESULTS, Answers, delivery_message
from ocpi.commands.changes import load_command
from ocpi.commands.command import LONGEST_ID
from ocpi.deployment import command_requests, command_requests_dead, command_results, partner_client, store
from ocpi.errors import Refused
from ocpi.observability import logger
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.outbound.webhook_keys import webhook_keys_reader
from ocpi.outbound.webhook_signature import signed_headers
from ocpi.queues.messages import dead_letter
from ocpi.queues.worker import Again, batch_handler
from ocpi.settings import settings
from ocpi.store.port import Key
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer

REQUEST_SECONDS = 5.0
PAUSE_SECONDS = 2
"""Between tries; a command lives for half a minute."""

webhook_keys = webhook_keys_reader(settings().webhook_secret)


def work_on(body: str, receipt: str) -> None:
    """Offer one command to the charge point system; raises :class:`Again`. A message that is no command goes to the
    dead-letter queue with the reason.
    """
    command_id = _command_id(body)
    command = load_command(store().objects, Key(RECEIVED, command_id)) if command_id else None
    if command is None:
        command_requests_dead().send(dead_letter("the message names no command of ours", body))
        return
    if command.is_due_for_delivery:
        # Answered, here or by another way; the process may have died before it said so.
        command_results().send(delivery_message(command))
    if command.state != "pending" or now_wire() >= command.expires_at:
        return
    try:
        answer = _post(body, command.id)
        reason = None if 200 <= answer.http_status < 300 else f"HTTP {answer.http_status}"
    except PartnerUnreachable as error:
        # Not its detail: an operator may have put a key into the URL.
        reason = error.kind
    if reason is not None:
        logger.warning("the charge point system did not take a command", reason=reason)
        command_requests().postpone(receipt, PAUSE_SECONDS)
        raise Again(reason)
    _take(answer, command.id)


def _command_id(body: str) -> str | None:
    try:
        message = strict_json.read(body)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return None
    command_id = message.get("command_id") if isinstance(message, dict) else None
    return command_id if isinstance(command_id, str) and len(command_id) <= LONGEST_ID else None


def _post(body: str, command_id: str) -> Answer:
    keys, at = webhook_keys(), int(time.time())
    return partner_client().request(
        "POST",
        str(settings().command_hook),
        token=None,
        body=body,
        headers=signed_headers(keys.current, body, message_id=f"command_{command_id}", at=at, previous=keys.previous),
        deadline=REQUEST_SECONDS,
    )


def _take(answer: Answer, command_id: str) -> None:
    """An answer that is the result as well."""
    data = answer.envelope().data
    result = data.get("result") if isinstance(data, dict) else None
    if result not in RESULTS:
        return
    try:
        command = Answers(store().objects).take(command_id, str(result))
    except Refused as error:
        logger.warning("the answer of the charge point system came too late", reason=error.detail)
        return
    command_results().send(delivery_message(command))


handler = batch_handler(work_on)
