"""``/operator/2.1.1/commands``: what partners want of our charge points, and what we want of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lists import list_objects
from partners import known_partner

from ocpi import strict_json
from ocpi.commands.answers import RESULTS, Answers, delivery_message
from ocpi.commands.changes import load_command
from ocpi.commands.command import COLLECTIONS, STATES, command_from, shown
from ocpi.deployment import command_results, partner_client, store, vault
from ocpi.errors import BadParameter, NotFound
from ocpi.faults import Fault, Invalid
from ocpi.objects.received import require
from ocpi.store.port import Key
from ocpi.transport.operator_surface import OperatorResource, answer_json
from ocpi.v2_1_1 import VERSION, models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.transport.message import Answer, Call

PLACEHOLDER = "https://response.invalid/"
"""Stands for the ``response_url``, which is made when the command is sent."""


def get_commands(call: Call) -> Answer:
    """Commands of a direction and state, oldest first."""
    collection = COLLECTIONS["sent" if _choice(call, "direction", ("received", "sent")) == "sent" else "received"]
    return list_objects(
        call,
        collection,
        audience=_choice(call, "state", STATES),
        order="created",
        read=command_from,
        show=lambda command: strict_json.write(shown(command)),
    )


def get_command(call: Call) -> Answer:
    """One command."""
    keys = [Key(collection, call.path["id"]) for collection in COLLECTIONS.values()]
    found = [command for key in keys if (command := load_command(store().objects, key)) is not None]
    return answer_json(shown(require(found[0] if found else None, "command")))


def post_result(call: Call) -> Answer:
    """The charge point's answer: recorded, and on its way to the partner through CommandResults."""
    body = call.json()
    if not isinstance(body, dict) or body.keys() != {"result"} or body["result"] not in RESULTS:
        raise Invalid([Fault("/result", f"is required, alone, and one of {', '.join(RESULTS)}")])
    command = Answers(store().objects).take(call.path["id"], body["result"])
    if command.is_due_for_delivery:
        command_results().send(delivery_message(command))
    return answer_json(shown(command), http_status=202)


def send_command(call: Call) -> Answer:
    """Send a command to a CPO."""
    from ocpi.commands.sending import Sending  # noqa: PLC0415 - the rest of this API goes without

    partner, command_type = known_partner(call), call.path["command"]
    model = require(models.COMMANDS.get(command_type), "command")
    if partner.role != "CPO":
        raise NotFound("commands go to partners that are CPO")
    body = call.json()
    if isinstance(body, dict) and "response_url" in body:
        raise Invalid([Fault("/response_url", "is made by us; leave it out")])
    request = models.check(model, {**body, "response_url": PLACEHOLDER} if isinstance(body, dict) else body)
    del request["response_url"]
    sending = Sending(store().objects, vault(), partner_client(), VERSION, call.base_url)
    return answer_json(shown(sending.send(partner, command_type, request)), http_status=201)


def _choice(call: Call, name: str, choices: Sequence[str]) -> str | None:
    value = call.query.get(name)
    if value is not None and value not in choices:
        raise BadParameter(name, f"must be one of {', '.join(choices)}")
    return value


RESOURCES = [
    OperatorResource("/2.1.1/commands", GET=get_commands),
    OperatorResource("/2.1.1/commands/{id:segment}", GET=get_command),
    OperatorResource("/2.1.1/commands/{id:segment}/result", POST=post_result),
    OperatorResource("/2.1.1/partners/{id:segment}/commands/{command:segment}", POST=send_command),
]
