"""Commands POSTed to the operator's own charge point system, signed after the Standard Webhooks scheme."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.commands import GatewayQueues, Inbox, answer, command, delivered, pending, post, shown
from tests.support.gateway import Gateway, running_gateway
from tests.support.partner_server import PartnerServer, Reply, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.partner_server import Received
    from tests.support.party import Operator, PlayedPartner

HOOK = "/charge-points"


@pytest.fixture(scope="module")
def system() -> Iterator[PartnerServer]:
    """The operator's charge point system."""
    with PartnerServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared_gateway(system: PartnerServer) -> Iterator[Gateway]:
    environ = {"OCPI_COMMAND_HOOK_URL": f"{system.url}{HOOK}", "OCPI_COMMAND_SECONDS": "4"}
    with running_gateway(environ=environ) as running:
        yield running


def started(operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox) -> None:
    body = command("START_SESSION", inbox.url, location_id=location_id)
    assert post(emsp, "START_SESSION", body).json()["data"] == {"result": "ACCEPTED"}


def is_signed(gateway: Gateway, request: Received) -> bool:
    """As a receiver verifies it (standard-webhooks.md, "Verifying webhook authenticity")."""
    secret = (gateway.data / "webhook.secret").read_text(encoding="utf-8").strip().removeprefix("whsec_")
    stamp, message_id = request.headers["webhook-timestamp"], request.headers["webhook-id"]
    assert abs(int(stamp) - time.time()) < 60
    signed = f"{message_id}.{stamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in request.headers["webhook-signature"].split(" ")


def test_a_command_is_posted_signed_and_answered_later(
    shared_gateway: Gateway,
    operator: Operator,
    emsp: PlayedPartner,
    system: PartnerServer,
    location_id: str,
) -> None:
    system.on("POST", HOOK, Reply(204))
    inbox, before = Inbox(emsp), len(system.received("POST", HOOK))
    body = command("START_SESSION", inbox.url, location_id=location_id, unknown="é \U0001f50c \uffff")
    assert post(emsp, "START_SESSION", body).json()["data"] == {"result": "ACCEPTED"}
    wait_until(lambda: len(system.received("POST", HOOK)) > before)
    request = system.received("POST", HOOK)[-1]
    assert is_signed(shared_gateway, request)
    assert "authorization" not in request.headers
    (waiting,) = pending(operator)
    assert request.json() == {
        "command_id": waiting["id"],
        "type": "START_SESSION",
        "partner": emsp.partner_id,
        "request": {name: value for name, value in body.items() if name != "response_url"},
        "requested_at": waiting["requested_at"],
        "expires_at": waiting["expires_at"],
    }
    assert answer(operator, waiting["id"]).status_code == 202
    assert inbox.wait() == [{"result": "ACCEPTED"}]
    assert len(system.received("POST", HOOK)) == before + 1


def test_the_system_may_answer_right_there(
    operator: Operator, emsp: PlayedPartner, system: PartnerServer, location_id: str
) -> None:
    system.on("POST", HOOK, Reply.json({"result": "REJECTED"}))
    inbox = Inbox(emsp)
    started(operator, emsp, location_id, inbox)
    assert inbox.wait() == [{"result": "REJECTED"}]


@pytest.mark.parametrize("failure", [Reply(500), Reply(404), Reply(raw=[]), Reply(302, headers={"Location": "/else"})])
def test_a_system_that_fails_is_tried_again_with_the_same_id(
    shared_gateway: Gateway,
    operator: Operator,
    emsp: PlayedPartner,
    system: PartnerServer,
    location_id: str,
    failure: Reply,
) -> None:
    system.on("POST", HOOK, failure, Reply.json({"result": "ACCEPTED"}))
    inbox, before = Inbox(emsp), len(system.received("POST", HOOK))
    started(operator, emsp, location_id, inbox)
    assert inbox.wait() == [{"result": "ACCEPTED"}]
    first, second = system.received("POST", HOOK)[before:]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert is_signed(shared_gateway, second)


@pytest.mark.parametrize(
    "reply", [Reply(200), Reply.json([]), Reply.json({"result": "PERHAPS"}), Reply(200, b"<html>")]
)
def test_any_other_answer_means_that_it_was_taken_and_timeout_comes_without_a_result(
    operator: Operator, emsp: PlayedPartner, system: PartnerServer, location_id: str, reply: Any
) -> None:
    system.on("POST", HOOK, reply)
    inbox, before = Inbox(emsp), len(system.received("POST", HOOK))
    started(operator, emsp, location_id, inbox)
    wait_until(lambda: len(system.received("POST", HOOK)) > before)
    (waiting,) = pending(operator)
    answer(operator, waiting["id"], "UNKNOWN_SESSION")
    assert inbox.wait() == [{"result": "UNKNOWN_SESSION"}]
    assert len(system.received("POST", HOOK)) == before + 1


def test_a_system_that_is_away_costs_a_timeout_and_nothing_more(
    operator: Operator, emsp: PlayedPartner, system: PartnerServer, location_id: str
) -> None:
    system.on("POST", HOOK, Reply(503))
    inbox = Inbox(emsp)
    started(operator, emsp, location_id, inbox)
    (waiting,) = pending(operator)
    assert inbox.wait() == [{"result": "TIMEOUT"}]
    now = delivered(operator, waiting["id"])
    assert now["state"] == shown(operator, waiting["id"])["state"] == "timed_out"
    tries = len(system.received("POST", HOOK))
    time.sleep(3)
    assert len(system.received("POST", HOOK)) == tries


def test_a_message_that_is_no_command_ends_in_the_dead_letter_queue_and_harms_no_other(
    shared_gateway: Gateway, operator: Operator, emsp: PlayedPartner, system: PartnerServer, location_id: str
) -> None:
    system.on("POST", HOOK, Reply.json({"result": "ACCEPTED"}))
    queues, inbox = GatewayQueues(shared_gateway), Inbox(emsp)
    poison = ["{", "[]", "{}", '{"command_id": "nothing"}', '{"command_id": 1}']
    for body in poison:
        queues.put("CommandRequests", body)
    started(operator, emsp, location_id, inbox)
    assert inbox.wait() == [{"result": "ACCEPTED"}]
    dead = queues.wait_for("CommandRequestsDead", len(poison))
    queues.close()
    assert {letter["message"] for letter in dead} == set(poison)
    assert all(letter["reason"] for letter in dead)
