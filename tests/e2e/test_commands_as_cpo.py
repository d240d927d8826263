"""An eMSP commands our charge points: answered at once, and later at its response_url exactly once (chapter 13)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended, problem
from tests.support.commands import (
    TYPES,
    GatewayQueues,
    Inbox,
    accepted,
    answer,
    body_of,
    command,
    pending,
    place,
    post,
    session,
    shown,
    start,
)
from tests.support.gateway import Gateway, running_gateway
from tests.support.ids import fresh_id
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 4
"""A charge point has so long to answer."""


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    with running_gateway(environ={"OCPI_COMMAND_SECONDS": str(SECONDS)}) as running:
        yield running


@pytest.mark.req("CMD-01", "CMD-03", "CMD-04", "CMD-14", "CMD-24")
@pytest.mark.parametrize("command_type", TYPES)
def test_each_command_is_accepted_at_once_stored_and_put_on_the_queue(
    operator: Operator, emsp: PlayedPartner, location_id: str, queues: GatewayQueues, inbox: Inbox, command_type: str
) -> None:
    body = body_of(operator, emsp, location_id, command_type, inbox, unknown={"kept": 1})
    queues.take("CommandRequests")
    command_id = accepted(operator, emsp, command_type, body)
    request = {name: value for name, value in body.items() if name != "response_url"}
    stored = shown(operator, command_id)
    assert stored == {
        "id": command_id,
        "partner": emsp.partner_id,
        "direction": "received",
        "type": command_type,
        "request": request,
        "state": "pending",
        "response": "ACCEPTED",
        "result": None,
        "requested_at": stored["requested_at"],
        "expires_at": stored["expires_at"],
        "answered_at": None,
        "delivered_at": None,
        "error": None,
    }
    assert stored["requested_at"] < stored["expires_at"]
    (message,) = queues.take("CommandRequests")
    assert message == {
        "command_id": command_id,
        "type": command_type,
        "partner": emsp.partner_id,
        "request": request,
        "requested_at": stored["requested_at"],
        "expires_at": stored["expires_at"],
    }


@pytest.mark.req("CMD-02")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("command_type", [*TYPES, "FOO"])
def test_only_post_is_a_method_of_a_command(emsp: PlayedPartner, method: str, command_type: str) -> None:
    reply = emsp.call(method, emsp.endpoint("commands", command_type), json={})
    ended(reply, 405, 2000)
    assert reply.headers["Allow"] == "POST"


@pytest.mark.req("CMD-25", "CMD-26")
@pytest.mark.parametrize("command_type", ["FOO", "CANCEL_RESERVATION", "start_session", "START_SESSION%20"])
def test_an_unknown_command_is_not_found(emsp: PlayedPartner, inbox: Inbox, command_type: str) -> None:
    reply = post(emsp, command_type, command("START_SESSION", inbox.url))
    assert (reply.status_code, reply.json()["status_code"] // 1000) == (404, 2)
    assert inbox.requests == []


REQUIRED = {
    "RESERVE_NOW": ("response_url", "token", "expiry_date", "reservation_id", "location_id"),
    "START_SESSION": ("response_url", "token", "location_id"),
    "STOP_SESSION": ("response_url", "session_id"),
    "UNLOCK_CONNECTOR": ("response_url", "location_id", "evse_uid", "connector_id"),
}


WRONG: tuple[Any, ...] = (None, 7.5, [], {"x": 1})


@pytest.mark.req("CMD-12", "CMD-13", "CMD-14", "CMD-19")
@pytest.mark.parametrize("command_type", TYPES)
def test_a_command_without_a_required_field_is_invalid_and_brings_no_result(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox, command_type: str
) -> None:
    body = body_of(operator, emsp, location_id, command_type, inbox)
    before = len(pending(operator))
    for name in REQUIRED[command_type]:
        rest = {key: value for key, value in body.items() if key != name}
        for changed in (rest, *({**rest, name: wrong} for wrong in WRONG)):
            reply = post(emsp, command_type, changed)
            ended(reply, 200, 2001)
            assert f"/{name}" in reply.json()["status_message"]
    assert len(pending(operator)) <= before
    assert inbox.requests == []


@pytest.mark.req("CMD-12", "CMD-13")
@pytest.mark.parametrize(
    ("command_type", "changes"),
    [
        ("RESERVE_NOW", {"reservation_id": "x"}),
        ("RESERVE_NOW", {"reservation_id": 10**30}),
        ("RESERVE_NOW", {"expiry_date": "tomorrow"}),
        ("RESERVE_NOW", {"token": {"uid": "1"}}),
        ("START_SESSION", {"token": "04A1B2C3D4E5F6"}),
        ("START_SESSION", {"evse_uid": 100}),
        ("START_SESSION", {"location_id": "L" * 40}),
        ("STOP_SESSION", {"session_id": ""}),
        ("UNLOCK_CONNECTOR", {"connector_id": 1}),
    ],
)
def test_a_command_with_a_wrong_field_is_invalid(
    operator: Operator,
    emsp: PlayedPartner,
    location_id: str,
    inbox: Inbox,
    command_type: str,
    changes: dict[str, Any],
) -> None:
    ended(post(emsp, command_type, body_of(operator, emsp, location_id, command_type, inbox) | changes), 200, 2001)


@pytest.mark.parametrize("body", [None, [], "ACCEPTED", 1, True])
def test_a_body_that_is_no_object_is_invalid(emsp: PlayedPartner, body: Any) -> None:
    reply = emsp.call("POST", emsp.endpoint("commands", "START_SESSION"), content=json.dumps(body))
    ended(reply, 200, 2001)


def test_a_body_that_is_no_json_is_a_bad_request(emsp: PlayedPartner) -> None:
    for text in ("", "{", "response_url=x"):
        reply = emsp.call("POST", emsp.endpoint("commands", "START_SESSION"), content=text)
        assert (reply.status_code, reply.json()["status_code"]) == (400, 2001)


@pytest.mark.parametrize("unknown", ["\uffff\x07\ufffe", {"deep": [[[{}]]]}, 10**18])
def test_unknown_fields_are_kept_whatever_they_hold(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox, unknown: Any
) -> None:
    command_id = start(operator, emsp, location_id, inbox, unknown=unknown)
    assert shown(operator, command_id)["request"]["unknown"] == unknown


def test_a_command_that_no_queue_takes_is_invalid_and_brings_no_result(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    before = len(pending(operator))
    body = body_of(operator, emsp, location_id, "START_SESSION", inbox, unknown="x" * 300_000)
    ended(post(emsp, "START_SESSION", body), 200, 2001)
    assert len(pending(operator)) <= before


@pytest.mark.parametrize("command_type", ["RESERVE_NOW", "START_SESSION"])
def test_a_token_that_is_not_the_callers_is_rejected_and_asked_of_no_charge_point(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox, command_type: str
) -> None:
    ours = fixture("token_max", uid=fresh_id("U"), auth_id=fresh_id("NL-EXA-"))
    assert operator.put_object("tokens", ours).status_code == 201
    before = len(pending(operator))
    body = body_of(operator, emsp, location_id, command_type, inbox, token=ours)
    assert data_of(post(emsp, command_type, body)) == {"result": "REJECTED"}
    assert len(pending(operator)) <= before
    assert inbox.requests == []


@pytest.mark.req("CMD-15", "CMD-16", "SC-05")
@pytest.mark.parametrize(
    ("command_type", "changes"),
    [
        *((command_type, {"location_id": "nowhere"}) for command_type in TYPES if command_type != "STOP_SESSION"),
        *((command_type, {"evse_uid": "nothing"}) for command_type in TYPES if command_type != "STOP_SESSION"),
        ("UNLOCK_CONNECTOR", {"connector_id": "nothing"}),
    ],
)
def test_a_place_that_is_not_ours_is_an_unknown_location(
    operator: Operator,
    emsp: PlayedPartner,
    location_id: str,
    inbox: Inbox,
    command_type: str,
    changes: dict[str, Any],
) -> None:
    before = pending(operator)
    reply = post(emsp, command_type, body_of(operator, emsp, location_id, command_type, inbox, **changes))
    assert (reply.status_code, reply.json()["status_code"]) == (200, 2003)
    assert reply.json()["data"] == {"result": "REJECTED"}
    assert len(pending(operator)) <= len(before)


def refused(reply: Any) -> str:
    """The word with which a command is turned down at once."""
    return str(data_of(reply)["result"])


@pytest.mark.req("CMD-23")
@pytest.mark.parametrize("command_type", ["RESERVE_NOW", "START_SESSION", "UNLOCK_CONNECTOR", "STOP_SESSION"])
def test_an_evse_without_the_capability_does_not_support_it(
    operator: Operator, emsp: PlayedPartner, inbox: Inbox, command_type: str
) -> None:
    location_id = place(operator, "RFID_READER")
    assert (
        refused(post(emsp, command_type, body_of(operator, emsp, location_id, command_type, inbox))) == "NOT_SUPPORTED"
    )


@pytest.mark.req("CMD-39")
@pytest.mark.parametrize("command_type", ["RESERVE_NOW", "START_SESSION", "UNLOCK_CONNECTOR"])
def test_an_evse_that_was_removed_rejects_it(
    operator: Operator, emsp: PlayedPartner, inbox: Inbox, command_type: str
) -> None:
    location_id = place(operator)
    assert operator.delete(f"/2.1.1/locations/{location_id}/evses/E-100").is_success
    assert refused(post(emsp, command_type, body_of(operator, emsp, location_id, command_type, inbox))) == "REJECTED"


@pytest.mark.req("CMD-22")
@pytest.mark.parametrize(
    "expiry_date", ["2020-01-01T00:00:00Z", "2024-03-05T10:11:12", "2025-06-01T00:00:00.999+02:00"]
)
def test_a_reservation_that_has_expired_is_rejected(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox, expiry_date: str
) -> None:
    body = body_of(operator, emsp, location_id, "RESERVE_NOW", inbox, expiry_date=expiry_date)
    assert refused(post(emsp, "RESERVE_NOW", body)) == "REJECTED"


@pytest.mark.req("CMD-17", "CMD-18")
def test_a_session_that_does_not_exist_or_is_another_emsps_is_unknown(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    foreign = session(operator, other, location_id)
    for session_id in ("nothing", foreign):
        reply = post(emsp, "STOP_SESSION", command("STOP_SESSION", inbox.url, session_id=session_id))
        assert refused(reply) == "UNKNOWN_SESSION"
    body = command("STOP_SESSION", Inbox(other).url, session_id=foreign)
    assert data_of(post(other, "STOP_SESSION", body)) == {"result": "ACCEPTED"}


@pytest.mark.req("CMD-07")
def test_what_is_not_accepted_brings_no_result_even_after_the_deadline(
    operator: Operator, emsp: PlayedPartner, location_id: str
) -> None:
    unable, inboxes = place(operator, "RFID_READER"), [Inbox(emsp) for _ in range(4)]
    post(emsp, "START_SESSION", command("START_SESSION", inboxes[0].url, location_id=unable))
    post(emsp, "START_SESSION", command("START_SESSION", inboxes[1].url, location_id="nowhere"))
    post(emsp, "STOP_SESSION", command("STOP_SESSION", inboxes[2].url, session_id="nothing"))
    post(emsp, "START_SESSION", command("START_SESSION", inboxes[3].url, location_id=location_id, token=...))
    sentinel = Inbox(emsp)
    start(operator, emsp, location_id, sentinel)
    assert sentinel.wait() == [{"result": "TIMEOUT"}]
    assert [inbox.requests for inbox in inboxes] == [[]] * 4


@pytest.mark.req("CMD-38")
@pytest.mark.parametrize(
    "url",
    [
        "no URL",
        "",
        "/results/1",
        "file:///etc/passwd",
        "ftp://127.0.0.1/results/1",
        "gopher://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2:8081/results/1",
        "http://localhost:8081/results/1",
        "http://[::1]:8081/results/1",
        "http://2130706433/results/1",
        "http://elsewhere.example/results/1",
        "https://user:secret@127.0.0.1/results/1",
        "http://127.0.0.1:22/results/1",
        "http://127.0.0.1/" + "x" * 300,
    ],
)
def test_a_response_url_that_is_not_the_partners_is_invalid(
    operator: Operator, emsp: PlayedPartner, location_id: str, url: str
) -> None:
    before = len(pending(operator))
    ended(post(emsp, "START_SESSION", command("START_SESSION", url, location_id=location_id)), 200, 2001)
    assert len(pending(operator)) <= before


NO_ANSWERS: tuple[Any, ...] = (
    {},
    {"result": None},
    {"result": "accepted"},
    {"result": "ACCEPTED", "more": 1},
    [],
    "ACCEPTED",
)


def test_an_answer_that_is_none_is_invalid_and_one_to_no_command_is_not_found(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    command_id = start(operator, emsp, location_id, inbox)
    for body in NO_ANSWERS:
        problem(operator.post(f"/2.1.1/commands/{command_id}/result", json=body), 422)
    problem(operator.post(f"/2.1.1/commands/{command_id}/result", content="{"), 400)
    for unknown in ("nothing", command_id[:-1], "0" * 32, "a%2Fb", "x" * 2000):
        problem(answer(operator, unknown), 404)
        problem(operator.get(f"/2.1.1/commands/{unknown}"), 404)
    problem(operator.get(f"/2.1.1/commands/{command_id}/result"), 405)
    problem(operator.delete(f"/2.1.1/commands/{command_id}"), 405)
    assert shown(operator, command_id)["state"] == "pending"


def test_commands_are_listed_by_state_and_direction_oldest_first(
    operator: Operator, emsp: PlayedPartner, location_id: str
) -> None:
    inboxes = [Inbox(emsp) for _ in range(3)]
    ids = [start(operator, emsp, location_id, inbox) for inbox in inboxes]
    listed = [item["id"] for item in pending(operator)]
    assert [item for item in listed if item in ids] == ids
    answer(operator, ids[0])
    assert ids[0] not in [item["id"] for item in pending(operator)]
    everything = operator.get("/2.1.1/commands", params={"limit": 1000}).json()
    assert everything["total"] == len(everything["items"])
    assert ids[0] in [item["id"] for item in everything["items"] if item["state"] == "answered"]
    assert operator.get("/2.1.1/commands", params={"direction": "sent"}).json()["items"] == []
    first = operator.get("/2.1.1/commands", params={"limit": 1}).json()
    second = operator.get("/2.1.1/commands", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [first["items"][0], second["items"][0]] == everything["items"][:2]
    for query in ({"state": "open"}, {"direction": "both"}, {"limit": "x"}, {"cursor": "x"}):
        problem(operator.get("/2.1.1/commands", params=query), 400)


def test_no_partner_sees_commands(emsp: PlayedPartner) -> None:
    for path in ("", "/", "/START_SESSION/1"):
        reply = emsp.get(emsp.endpoints["commands"].rstrip("/") + path)
        assert reply.status_code in (404, 405)
        assert "data" not in reply.json()


@pytest.mark.req("CMD-20", "CMD-21")
def test_a_reservation_sent_again_under_its_id_replaces_the_first_and_ids_are_each_emsps_own(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, location_id: str, queues: GatewayQueues
) -> None:
    queues.take("CommandRequests")
    first, foreign, again = (
        accepted(
            operator,
            partner,
            "RESERVE_NOW",
            command("RESERVE_NOW", Inbox(partner).url, location_id=location_id, reservation_id=1),
        )
        for partner in (emsp, other, emsp)
    )
    replaced = {message["command_id"]: message.get("replaces") for message in queues.take("CommandRequests")}
    assert replaced == {first: None, foreign: None, again: first}


def test_only_a_registered_emsp_may_command(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    url, body = emsp.endpoint("commands", "START_SESSION"), command("START_SESSION", inbox.url, location_id=location_id)
    invited = operator.invite("EMSP")
    for token in ("nope", invited.token):
        assert emsp.call("POST", url, token=token, json=body).status_code == 401
    with PlayedPartner("CPO", "FR", "XYZ") as cpo:
        cpo.register(operator.invite("CPO"))
        assert cpo.call("POST", url, json=body).status_code in (401, 403, 404)
    assert inbox.requests == []
