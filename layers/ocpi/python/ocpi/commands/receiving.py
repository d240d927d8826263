"""A command that an eMSP partner sends us: taken in, and passed on to the operator's charge point system.

    partner ──POST──▶ checked, looked up ──▶ stored, with its deadline
                                         ──▶ CommandResults, delayed until the deadline: TIMEOUT if still pending
                                         ──▶ CommandRequests: the charge point system's
            ◀── ACCEPTED ────────────────────

If the process dies in between, what is stored is looked at again when it is due: no command stays pending.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.commands.changes import add_command, change_command, load_command
from ocpi.commands.command import COLLECTIONS, Command, new_command_id
from ocpi.faults import Fault, Invalid
from ocpi.objects.looks import after_seconds
from ocpi.queues.limits import MAX_BODY_BYTES
from ocpi.queues.messages import message_text
from ocpi.queues.port import MAX_DELAY_SECONDS
from ocpi.store.port import OWN, Collection, Draft, Key
from ocpi.store.update import update
from ocpi.times import now_wire

if TYPE_CHECKING:
    from ocpi.queues.port import Queue
    from ocpi.store.port import Objects, Partner, Record

Document = dict[str, Any]

RESERVATIONS = Collection(OWN, "reservations")
"""Which commands asked for the reservation of a partner, the last one first, by location and the partner's id of it."""

KEPT_COMMANDS = 10
"""Of each reservation: any of them but the last may have been refused, and the one before it hold still."""

GRACE_SECONDS = 5
"""After the deadline, before a stored command is looked at whatever became of its messages."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """``seconds`` is how long a charge point has to answer."""

    objects: Objects
    requests: Queue
    results: Queue
    seconds: int
    version: str

    def take(self, partner: Partner, command_type: str, body: Document) -> Command:
        """Store a command that nothing speaks against, and pass it on."""
        now, command_id = now_wire(), new_command_id()
        request = {name: value for name, value in body.items() if name != "response_url"}
        expires_at = after_seconds(now, self.seconds)
        command = Command(
            id=command_id,
            version=self.version,
            partner=partner.id,
            direction="received",
            type=command_type,
            request=request,
            response_url=body["response_url"],
            requested_at=now,
            expires_at=expires_at,
            response="ACCEPTED",
            next_look_at=after_seconds(expires_at, GRACE_SECONDS),
        )
        _refuse_long(request_message(command, replaces=command_id))
        add_command(self.objects, command)
        try:
            self._pass_on(partner, command)
        except Exception:
            # The partner is not going to hear that it was accepted, so no result may follow (section 13.2.1.1).
            change_command(self.objects, command.key, _withdrawn)
            raise
        return command

    def _pass_on(self, partner: Partner, command: Command) -> None:
        self.results.send(timeout_message(command), delay_seconds=min(self.seconds, MAX_DELAY_SECONDS))
        # Last of all in the store: a reservation never points to a command that does not exist.
        replaces = self._replaced(partner, command) if command.type == "RESERVE_NOW" else None
        self.requests.send(request_message(command, replaces))

    def _replaced(self, partner: Partner, command: Command) -> str | None:
        """The command whose reservation this one takes the place of. Reservation ids are the partner's own (A-59)."""
        name = f"{partner.party}/{command.request['location_id']}/{command.request['reservation_id']}"

        def decide(record: Record | None) -> Draft:
            made = strict_json.write({"command_ids": [command.id, *_command_ids(record)][:KEPT_COMMANDS]})
            return Draft(self.version, made, last_updated=command.requested_at)

        before = update(self.objects, Key(RESERVATIONS, name), decide).before
        return next((command_id for command_id in _command_ids(before) if self._may_hold(command_id)), None)

    def _may_hold(self, command_id: str) -> bool:
        """Whether a command has made a reservation, or still may."""
        command = load_command(self.objects, Key(COLLECTIONS["received"], command_id))
        return command is not None and (command.state == "pending" or command.result == "ACCEPTED")


def _command_ids(record: Record | None) -> list[str]:
    return list(strict_json.read(record.document)["command_ids"]) if record is not None else []


def timeout_message(command: Command) -> str:
    """What arrives on CommandResults at the deadline."""
    return strict_json.write({"command_id": command.id, "timeout": True})


def request_message(command: Command, replaces: str | None = None) -> str:
    """What the charge point system finds on CommandRequests; ``replaces``: the command whose reservation ends."""
    message = {
        "command_id": command.id,
        "type": command.type,
        "partner": command.partner,
        "request": command.request,
        "requested_at": command.requested_at,
        "expires_at": command.expires_at,
        "replaces": replaces,
    }
    return message_text({name: value for name, value in message.items() if value is not None})


def _withdrawn(command: Command) -> Command | None:
    if command.state != "pending":
        return None  # a charge point system that does not wait for the queue was faster
    reason = "it could not be passed on to the charge point system"
    return replace(command, state="undeliverable", response=None, error=reason, next_look_at=None)


def _refuse_long(message: str) -> None:
    if len(message.encode()) > MAX_BODY_BYTES:
        raise Invalid([Fault("", f"the command is longer than the {MAX_BODY_BYTES} bytes that a queue takes")])
