"""What tests of commands share: bodies, the partner's inbox for results, and the queues of a running gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ocpi.queues.sqlite import SQLiteQueues
from tests.support.answers import data_of
from tests.support.ids import fresh_id
from tests.support.partner_server import Reply, wait_until
from tests.support.party import fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.gateway import Gateway
    from tests.support.partner_server import Received, Script
    from tests.support.party import Operator, PlayedPartner

TYPES = ("RESERVE_NOW", "START_SESSION", "STOP_SESSION", "UNLOCK_CONNECTOR")
CAPABLE = ("RESERVABLE", "REMOTE_START_STOP_CAPABLE", "UNLOCK_CAPABLE")


class Inbox:
    """A ``response_url`` of its own at a partner, scripted as :meth:`PartnerServer.on`."""

    def __init__(self, partner: PlayedPartner, *script: Script, query: str = "") -> None:
        self.path = f"/results/{fresh_id('R')}"
        self.url = f"{partner.server.url}{self.path}{query}"
        self._partner = partner
        partner.server.on("POST", self.path, *script or (Reply.ocpi(),))

    @property
    def requests(self) -> list[Received]:
        """What arrived."""
        return self._partner.server.received("POST", self.path)

    @property
    def results(self) -> list[Any]:
        """The bodies of what arrived."""
        return [request.json() for request in self.requests]

    def wait(self, count: int = 1, seconds: float = 10) -> list[Any]:
        """The bodies, as soon as there are so many."""
        wait_until(lambda: len(self.requests) >= count, seconds)
        return self.results


def place(operator: Operator, *capabilities: str, **changes: Any) -> str:
    """A location of ours with one EVSE ``E-100`` and its connectors; its id."""
    evse = fixture("evse_max", uid="E-100", capabilities=list(capabilities or CAPABLE), **changes)
    location = fixture("location_max", id=fresh_id("L"), evses=[evse])
    answer = operator.put_object("locations", location)
    assert answer.status_code == 201, answer.text
    return str(location["id"])


def session(operator: Operator, emsp: PlayedPartner, location_id: str, **changes: Any) -> str:
    """A session of an eMSP at a location of ours; its id."""
    location = operator.get(f"/2.1.1/locations/{location_id}").json()
    value = fixture("session_min", **{"id": fresh_id("S"), "location": location, "status": "ACTIVE", **changes})
    answer = operator.put(f"/2.1.1/sessions/{value['id']}", json=value, params={"partner": emsp.partner_id})
    assert answer.status_code == 201, answer.text
    return str(value["id"])


def command(command_type: str, response_url: Any = ..., /, **changes: Any) -> dict[str, Any]:
    """The body of a command, without ``response_url`` unless given; ``...`` as a value takes a field out."""
    return fixture(f"cmd_{command_type.lower()}", **{"response_url": response_url, **changes})


def post(emsp: PlayedPartner, command_type: str, body: Any) -> httpx.Response:
    """POST a command as the eMSP."""
    return emsp.call("POST", emsp.endpoint("commands", command_type), json=body)


def accepted(operator: Operator, emsp: PlayedPartner, command_type: str, body: Any) -> str:
    """POST a command that is accepted; its id, as the operator sees it. One at a time."""
    before = {item["id"] for item in pending(operator)}
    assert data_of(post(emsp, command_type, body)) == {"result": "ACCEPTED"}
    (new,) = [item["id"] for item in pending(operator) if item["id"] not in before]
    return str(new)


def body_of(
    operator: Operator, emsp: PlayedPartner, place_id: str, command_type: str, inbox: Inbox, **changes: Any
) -> dict[str, Any]:
    """A command that nothing speaks against, but for the changes."""
    if command_type == "STOP_SESSION":
        changes = {"session_id": session(operator, emsp, place_id), **changes}
    else:
        changes = {"location_id": place_id, **changes}
    return command(command_type, inbox.url, **changes)


def start(operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox, **changes: Any) -> str:
    """An accepted START_SESSION; its id."""
    return accepted(
        operator, emsp, "START_SESSION", command("START_SESSION", inbox.url, location_id=location_id) | changes
    )


def pending(operator: Operator) -> list[dict[str, Any]]:
    """The commands that wait for a charge point."""
    items: list[dict[str, Any]] = operator.get("/2.1.1/commands", params={"state": "pending", "limit": 1000}).json()[
        "items"
    ]
    return items


def answer(operator: Operator, command_id: str, result: str = "ACCEPTED") -> httpx.Response:
    """The charge point's answer."""
    return operator.post(f"/2.1.1/commands/{command_id}/result", json={"result": result})


def shown(operator: Operator, command_id: str) -> dict[str, Any]:
    """The command as the operator sees it."""
    found: dict[str, Any] = operator.get(f"/2.1.1/commands/{command_id}").json()
    return found


def delivered(operator: Operator, command_id: str) -> dict[str, Any]:
    """The command, as soon as its result was taken."""
    wait_until(lambda: shown(operator, command_id)["delivered_at"] is not None, 10)
    return shown(operator, command_id)


class GatewayQueues:
    """The queues of a running gateway, as another process sees them."""

    def __init__(self, gateway: Gateway) -> None:
        self._queues = SQLiteQueues(gateway.data / "queues.db")

    def put(self, name: str, body: str) -> None:
        self._queues.send(name, body)

    def take(self, name: str) -> list[Any]:
        """Everything that can be received, as JSON."""
        found = []
        while messages := self._queues.receive(name, 10, 60):
            found += [json.loads(message.body) for message in messages]
            self._queues.delete(message.receipt for message in messages)
        return found

    def wait_for(self, name: str, count: int, seconds: float = 10) -> list[Any]:
        """So many messages, as soon as they are there."""
        found: list[Any] = []

        def enough() -> bool:
            found.extend(self.take(name))
            return len(found) >= count

        wait_until(enough, seconds)
        return found

    def close(self) -> None:
        self._queues.close()
