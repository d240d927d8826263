"""Results of commands that we sent to CPO partners, each at its own ``response_url`` (OCPI 2.1.1, section 13.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.commands.results_of_ours import take_result
from ocpi.deployment import store
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def post_result(call: Call, caller: Caller) -> Answer:
    """Take the result of a command that this partner was sent."""
    take_result(store().objects, caller.partner, call.path["command"], call.path["command_id"], call.json())
    return success()


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/commands"),
    OcpiResource("EMSP", "2.1.1/commands/{command:segment}/{command_id:segment}", POST=post_result),
]
