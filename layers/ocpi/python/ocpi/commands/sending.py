"""A command that we, as an eMSP, send to a CPO partner (section 13.2.1).

The command is stored before it is sent, since its result may come before the CPO's immediate answer has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.commands.answers import RESULTS
from ocpi.commands.changes import add_command, change_command
from ocpi.commands.command import Command, new_command_id
from ocpi.commands.partner_calls import session_with
from ocpi.errors import StateConflict
from ocpi.objects.looks import after_seconds
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.registration.partner_api import endpoint_url
from ocpi.store.port import PartnerStatus
from ocpi.times import now_wire
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Objects, Partner
    from ocpi.vault.port import Vault

REQUEST_SECONDS = 20.0
RESULT_SECONDS = 15 * 60
"""How long a CPO may take for the result; after that the command counts as timed out."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends commands to CPO partners. ``base_url`` is what our URLs begin with."""

    objects: Objects
    vault: Vault
    client: PartnerClient
    version: str
    base_url: str

    def send(self, partner: Partner, command_type: str, request: Document) -> Command:
        """Send a command and return it with the CPO's immediate answer. ``request`` is complete but for
        ``response_url``. Raises :class:`StateConflict` for a partner that cannot be sent any.
        """
        url = endpoint_url(partner.endpoints, "commands")
        if partner.status is not PartnerStatus.REGISTERED or partner.token is None:
            raise StateConflict(f"the partner is {partner.status}, not REGISTERED")
        if url is None:
            raise StateConflict("the partner has no commands endpoint")
        command = self._stored(partner, command_type, request)
        body = strict_json.write({**request, "response_url": command.response_url})
        try:
            session = session_with(partner, self.vault, self.client, seconds=REQUEST_SECONDS)
            answer = session.send("POST", f"{url.rstrip('/')}/{command_type}", body)
        except PartnerUnreachable as error:
            return self._failed(command, error.detail)
        except SealBroken as error:
            return self._failed(command, str(error))
        response, problem = _response_in(answer)
        if problem is not None:
            from ocpi.exchanges.quoted import quoted  # noqa: PLC0415 - for what fails only

            # Some partners quote the card that they were sent.
            return self._failed(command, quoted(problem, {"request": request}), response)
        return self._responded(command, str(response))

    def _stored(self, partner: Partner, command_type: str, request: Document) -> Command:
        now, command_id = now_wire(), new_command_id()
        expires_at = after_seconds(now, RESULT_SECONDS)
        command = Command(
            id=command_id,
            version=self.version,
            partner=partner.id,
            direction="sent",
            type=command_type,
            request=request,
            response_url=f"{self.base_url}/ocpi/emsp/{self.version}/commands/{command_type}/{command_id}",
            requested_at=now,
            expires_at=expires_at,
            next_look_at=expires_at,
        )
        add_command(self.objects, command)
        return command

    def _responded(self, command: Command, response: str) -> Command:
        """With the immediate answer. A command that was not accepted has ended; a result that was faster stays."""

        def change(now: Command) -> Command:
            if response == "ACCEPTED" or now.result is not None:
                return replace(now, response=response)
            return replace(now, response=response, state="answered", answered_at=now_wire(), next_look_at=None)

        return change_command(self.objects, command.key, change) or command

    def _failed(self, command: Command, reason: str, response: str | None = None) -> Command:
        def change(now: Command) -> Command:
            if now.result is not None:
                return replace(now, error=reason, response=response)
            return replace(now, error=reason, response=response, state="undeliverable", next_look_at=None)

        return change_command(self.objects, command.key, change) or command


def _response_in(answer: Answer) -> tuple[str | None, str | None]:
    """The word that a CPO answered at once, as an object or as a mere string (reading A-30); and what is wrong."""
    data = answer.envelope().data
    word = data.get("result") if isinstance(data, dict) else data
    response = word if word in RESULTS else None
    problem = answer.problem()
    if problem is None and response is None:
        problem = "the answer holds no CommandResponse"
    if answer.http_status == 200 and response not in (None, "ACCEPTED"):
        # A refusal with a status code beside it, as 2003 for an unknown location (reading A-31), is a refusal.
        problem = None
    return response, problem
