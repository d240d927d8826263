"""Commands that eMSP partners send to our charge points (OCPI 2.1.1, section 13.2.1).

Answered at once: whether the charge point does it comes later, to ``response_url``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.commands.lookups import Lookups, UnknownLocation
from ocpi.commands.named_tokens import names_anothers_token
from ocpi.commands.receiving import Receiving
from ocpi.commands.response_url import check_response_url
from ocpi.deployment import address_guard, command_requests, command_results, store
from ocpi.objects.received import require
from ocpi.settings import settings
from ocpi.transport.envelope import failure, success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.transport.status_codes import StatusCode
from ocpi.v2_1_1 import VERSION, models

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def post_command(call: Call, caller: Caller) -> Answer:
    """Take a command in, or say at once why not."""
    command_type = call.path["command"]
    body = models.check(require(models.COMMANDS.get(command_type), "command"), call.json())
    check_response_url(address_guard(), caller.partner, body["response_url"])
    try:
        objection = Lookups(store().objects, str(caller.partner.party)).objection(command_type, body)
    except UnknownLocation as error:
        return failure(StatusCode.UNKNOWN_LOCATION, str(error), data=_response("REJECTED"))
    # Last of all: what can be turned down otherwise tells nobody which tokens others have given us.
    if objection is None and names_anothers_token(store(), caller.partner, settings().party, body):
        objection = "REJECTED"
    if objection is None:
        _receiving().take(caller.partner, command_type, body)
    return success(_response(objection or "ACCEPTED"))


def _receiving() -> Receiving:
    return Receiving(store().objects, command_requests(), command_results(), settings().command_seconds, VERSION)


def _response(result: str) -> str:
    return strict_json.write({"result": result})


RESOURCES = [
    OcpiResource("CPO", "2.1.1/commands"),
    OcpiResource("CPO", "2.1.1/commands/{command:segment}", POST=post_command),
]
