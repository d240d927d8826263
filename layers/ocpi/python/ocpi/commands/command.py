"""A command as it is kept, from the request to the delivery of its result.

    pending ──answer in time──▶ answered ──▶ delivered_at            (received: the eMSP took the result)
       │                           └──15 minutes of trying──▶ undeliverable
       └──deadline──▶ timed_out ──▶ delivered_at, or undeliverable

A command that we sent begins pending, is answered by the CPO's result, or at once when the CPO does not accept it;
undeliverable when the CPO could not be reached. Every step is one conditional write, so of two that race one wins.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from ocpi import strict_json
from ocpi.store.port import OWN, Collection, Draft, Key

if TYPE_CHECKING:
    from ocpi.store.port import Record

Direction = Literal["received", "sent"]
State = Literal["pending", "answered", "timed_out", "undeliverable"]
COLLECTIONS: dict[Direction, Collection] = {
    "received": Collection(OWN, "commands-received"),
    "sent": Collection(OWN, "commands-sent"),
}
"""Where commands are kept. Their audience is their state: no partner's, so no partner ever sees one in a list."""

STATES: tuple[State, ...] = ("pending", "answered", "timed_out", "undeliverable")
DIRECTIONS: tuple[Direction, ...] = ("received", "sent")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``partner`` is the partner's id; ``request`` is the OCPI request without its ``response_url``.

    ``response`` is what was answered at once, ``result`` what the charge point said, both words of
    CommandResponseType. Instants are ``YYYY-MM-DDTHH:MM:SSZ``. ``next_look_at`` is when it is looked at again
    whatever happens to its messages; ``sending_until`` is set while somebody is delivering its result, and between
    two tries: nobody else begins one before then.
    """

    id: str
    version: str
    partner: str
    direction: Direction
    type: str
    request: dict[str, Any]
    response_url: str
    requested_at: str
    expires_at: str
    state: State = "pending"
    response: str | None = None
    result: str | None = None
    answered_at: str | None = None
    delivered_at: str | None = None
    error: str | None = None
    attempts: int = 0
    next_look_at: str | None = None
    sending_until: str | None = None
    later_results: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Where it is kept."""
        return Key(COLLECTIONS[self.direction], self.id)

    @property
    def is_due_for_delivery(self) -> bool:
        """Whether a received command has a result that its partner has not got yet."""
        return self.direction == "received" and self.state in ("answered", "timed_out") and self.delivered_at is None


LONGEST_ID = 64
"""Of a command in a message: what is longer is none of ours, and no key of a database."""


def new_command_id() -> str:
    """An id for a command: 128 random bits, as it also stands in URLs that partners call."""
    return secrets.token_hex(16)


def command_draft(command: Command) -> Draft:
    """What is stored of a command."""
    return Draft(
        version=command.version,
        document=strict_json.write({name: _plain(value) for name, value in asdict(command).items()}),
        last_updated=command.answered_at or command.requested_at,
        audience=command.state,
        due=command.next_look_at,
    )


def command_from(document: str) -> Command:
    """A command from what is stored of it."""
    stored = strict_json.read(document)
    known = {field.name for field in fields(Command)}
    values = {name: value for name, value in stored.items() if name in known}
    return Command(**{**values, "later_results": tuple(values.get("later_results", ()))})


def command_of(record: Record | None) -> Command | None:
    """The command of a record, or ``None`` if there is none."""
    return command_from(record.document) if record is not None else None


def shown(command: Command) -> dict[str, Any]:
    """A command as the operator sees it."""
    return {
        "id": command.id,
        "partner": command.partner,
        "direction": command.direction,
        "type": command.type,
        "request": command.request,
        "state": command.state,
        "response": command.response,
        "result": command.result,
        "requested_at": command.requested_at,
        "expires_at": command.expires_at,
        "answered_at": command.answered_at,
        "delivered_at": command.delivered_at,
        "error": command.error,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
