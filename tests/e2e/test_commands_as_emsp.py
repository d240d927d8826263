"""We command a CPO's charge points: its immediate answer, and its result at the response_url that we made (13.2.2)."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.answers import ended, problem
from tests.support.commands import TYPES, command, shown
from tests.support.partner_server import Reply
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

RESULTS = ("ACCEPTED", "REJECTED", "NOT_SUPPORTED", "TIMEOUT", "UNKNOWN_SESSION")
ACCEPTED = Reply.ocpi({"result": "ACCEPTED"})


@pytest.fixture(scope="module")
def other(operator: Operator) -> Iterator[PlayedPartner]:
    """A second CPO."""
    with PlayedPartner("CPO", "FR", "OTH", token="token-b-of-the-other") as partner:
        partner.register(operator.invite("CPO", "Another CPO"))
        yield partner


def path_of(command_type: str) -> str:
    """Where a CPO takes commands."""
    return f"/cpo/2.1.1/commands/{command_type}"


def send(
    operator: Operator, cpo: PlayedPartner, *script: Reply, command_type: str = "START_SESSION", **changes: Any
) -> httpx.Response:
    """Let the operator send a command to a CPO that answers so; accepted unless said."""
    cpo.server.on("POST", path_of(command_type), *script or (ACCEPTED,))
    body = command(command_type, **changes)
    return operator.post(f"/2.1.1/partners/{cpo.partner_id}/commands/{command_type}", json=body)


def sent(operator: Operator, cpo: PlayedPartner, *script: Reply, command_type: str = "START_SESSION") -> Any:
    """The command, which was sent."""
    answer = send(operator, cpo, *script, command_type=command_type)
    assert answer.status_code == 201, answer.text
    assert answer.json() == shown(operator, answer.json()["id"])
    return answer.json()


def response_url(cpo: PlayedPartner, command_type: str = "START_SESSION") -> str:
    """The one that the CPO was given last."""
    return str(cpo.server.received("POST", path_of(command_type))[-1].json()["response_url"])


@pytest.mark.req("CMD-27")
@pytest.mark.parametrize("command_type", TYPES)
def test_each_command_goes_out_with_a_response_url_of_its_own(
    operator: Operator, cpo: PlayedPartner, command_type: str
) -> None:
    first, second = (sent(operator, cpo, command_type=command_type) for _ in range(2))
    requests = cpo.server.received("POST", path_of(command_type))[-2:]
    urls = [request.json()["response_url"] for request in requests]
    for request, url, known in zip(requests, urls, (first, second), strict=True):
        assert request.headers["authorization"] == f"Token {cpo.issued}"
        assert request.json() == command(command_type, url)
        assert url.startswith(cpo.endpoint("commands"))
        assert re.search("[0-9a-f]{32}", url)
        assert known["request"] == command(command_type)
        assert (known["direction"], known["type"], known["partner"]) == ("sent", command_type, cpo.partner_id)
        assert (known["state"], known["response"], known["result"]) == ("pending", "ACCEPTED", None)
    assert urls[0] != urls[1]


@pytest.mark.req("CMD-34")
@pytest.mark.parametrize("word", RESULTS)
@pytest.mark.parametrize("shape", [lambda word: {"result": word}, lambda word: word], ids=["object", "string"])
def test_the_immediate_answer_is_taken_in_both_shapes(
    operator: Operator, cpo: PlayedPartner, shape: Any, word: str
) -> None:
    known = sent(operator, cpo, Reply.ocpi(shape(word)))
    assert (known["response"], known["result"], known["error"]) == (word, None, None)
    assert known["state"] == ("pending" if word == "ACCEPTED" else "answered")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(429, headers={"Retry-After": "5"}),
        Reply.ocpi(status_code=2001),
        Reply.ocpi(status_code=3000),
        Reply.ocpi({"result": "ACCEPTED"}, status_code=2003),
        Reply.ocpi({"result": "REJECTED"}, status_code=3000, status=500),
        Reply.ocpi(status_code=2003, status=404),
        Reply(raw=[]),
        Reply(200, b"<html>"),
        Reply.ocpi(),
        Reply.ocpi({"result": "PERHAPS"}),
        Reply(302, headers={"Location": "/x"}),
    ],
)
def test_a_cpo_that_fails_leaves_the_command_undeliverable_with_the_error(
    operator: Operator, cpo: PlayedPartner, reply: Reply
) -> None:
    before = len(cpo.server.received("POST", path_of("START_SESSION")))
    known = sent(operator, cpo, reply)
    assert (known["state"], known["result"]) == ("undeliverable", None)
    assert known["error"]
    assert len(cpo.server.received("POST", path_of("START_SESSION"))) == before + 1


def test_a_refusal_with_a_status_code_beside_it_is_a_refusal(operator: Operator, cpo: PlayedPartner) -> None:
    known = sent(operator, cpo, Reply.ocpi({"result": "REJECTED"}, status_code=2003))
    assert (known["state"], known["response"], known["error"]) == ("answered", "REJECTED", None)


def test_a_cpo_that_is_away_leaves_the_command_undeliverable(operator: Operator) -> None:
    with PlayedPartner("CPO", "FR", "AWY") as cpo:
        cpo.register(operator.invite("CPO"))
    known = sent(operator, cpo)
    assert known["state"] == "undeliverable"
    assert known["error"]


@pytest.mark.req("CMD-28", "CMD-30")
@pytest.mark.parametrize("word", RESULTS)
@pytest.mark.parametrize(
    "shape",
    [
        lambda word: {"result": word},
        lambda word: word,
        lambda word: {"status_code": 1000, "timestamp": "2026-01-01T00:00:00Z", "data": {"result": word}},
        lambda word: {"status_code": 1000, "timestamp": "2026-01-01T00:00:00Z", "data": word},
    ],
    ids=["bare", "string", "enveloped", "enveloped string"],
)
def test_a_result_is_taken_in_all_three_shapes(operator: Operator, cpo: PlayedPartner, shape: Any, word: str) -> None:
    known = sent(operator, cpo)
    ended(cpo.call("POST", response_url(cpo), json=shape(word)), 200, 1000)
    now = shown(operator, known["id"])
    assert (now["state"], now["response"], now["result"]) == ("answered", "ACCEPTED", word)
    assert now["answered_at"] >= now["requested_at"]


@pytest.mark.req("CMD-32")
@pytest.mark.parametrize(
    "body", [{"result": "SUCCESSFUL"}, {"result": None}, {}, [], "", "accepted", None, 7, {"data": 1}]
)
def test_what_is_no_result_is_invalid_and_changes_nothing(operator: Operator, cpo: PlayedPartner, body: Any) -> None:
    known = sent(operator, cpo)
    ended(cpo.call("POST", response_url(cpo), content=json.dumps(body)), 200, 2001)
    assert cpo.call("POST", response_url(cpo), content="{").status_code == 400
    assert shown(operator, known["id"]) == known


@pytest.mark.req("CMD-29")
def test_only_the_cpo_that_was_asked_may_answer_at_exactly_its_url(
    operator: Operator, cpo: PlayedPartner, other: PlayedPartner, emsp: PlayedPartner
) -> None:
    known = sent(operator, cpo)
    url, body = response_url(cpo), {"result": "ACCEPTED"}
    assert cpo.call("POST", url, token="nope", json=body).status_code == 401
    assert cpo.http.post(url, json=body).status_code == 401
    assert cpo.call("POST", url, token=operator.invite("CPO").token, json=body).status_code == 401
    assert emsp.call("POST", url, json=body).status_code in (401, 403, 404)
    for reply in (
        other.call("POST", url, json=body),
        cpo.call("POST", f"{url}0", json=body),
        cpo.call("POST", url[:-32] + url[-32:].upper().replace("0", "A"), json=body),
        cpo.call("POST", cpo.endpoint("commands", "START_SESSION", "0" * 32), json=body),
        cpo.call("POST", cpo.endpoint("commands", "STOP_SESSION", known["id"]), json=body),
        cpo.call("POST", cpo.endpoint("commands", "FOO", known["id"]), json=body),
    ):
        assert (reply.status_code, reply.json()["status_code"] // 1000) == (404, 2)
        assert "data" not in reply.json()
    assert shown(operator, known["id"]) == known


@pytest.mark.req("CMD-31")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post_is_a_method_of_a_response_url(operator: Operator, cpo: PlayedPartner, method: str) -> None:
    sent(operator, cpo)
    ended(cpo.call(method, response_url(cpo), json={"result": "ACCEPTED"}), 405, 2000)


@pytest.mark.req("CMD-33")
def test_of_several_results_the_first_counts_and_every_one_is_answered(operator: Operator, cpo: PlayedPartner) -> None:
    known = sent(operator, cpo)
    ended(cpo.call("POST", response_url(cpo), json={"result": "ACCEPTED"}), 200, 1000)
    first = shown(operator, known["id"])
    for word in ("ACCEPTED", "REJECTED", "TIMEOUT"):
        ended(cpo.call("POST", response_url(cpo), json={"result": word}), 200, 1000)
    assert shown(operator, known["id"]) == first


@pytest.mark.req("CMD-33")
def test_of_results_at_once_exactly_one_counts(operator: Operator, cpo: PlayedPartner) -> None:
    known = sent(operator, cpo)
    url = response_url(cpo)
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda word: cpo.call("POST", url, json={"result": word}), RESULTS * 2))
    assert [reply.json()["status_code"] for reply in replies] == [1000] * 10
    assert shown(operator, known["id"])["result"] in RESULTS


@pytest.mark.req("CMD-36")
@pytest.mark.parametrize("reply", [ACCEPTED, Reply.ocpi({"result": "REJECTED"}), Reply(500)])
def test_a_result_before_the_immediate_answer_stays(operator: Operator, cpo: PlayedPartner, reply: Reply) -> None:
    codes = []

    def answer_first(request: Any) -> Reply:
        result = cpo.call("POST", request.json()["response_url"], json={"result": "ACCEPTED"})
        codes.append(result.json()["status_code"])
        return reply

    cpo.server.on("POST", path_of("START_SESSION"), answer_first)
    body = command("START_SESSION")
    known = operator.post(f"/2.1.1/partners/{cpo.partner_id}/commands/START_SESSION", json=body).json()
    assert codes == [1000]
    assert (known["state"], known["result"]) == ("answered", "ACCEPTED")


@pytest.mark.parametrize(
    "reply", [Reply.ocpi({"result": "REJECTED"}), Reply(500)], ids=["refused at once", "undeliverable"]
)
def test_a_result_of_a_command_that_had_ended_is_recorded_and_harmless(
    operator: Operator, cpo: PlayedPartner, reply: Reply
) -> None:
    known = sent(operator, cpo, reply)
    ended(cpo.call("POST", response_url(cpo), json={"result": "ACCEPTED"}), 200, 1000)
    assert shown(operator, known["id"])["result"] == "ACCEPTED"


def test_a_command_that_is_not_valid_is_not_sent(operator: Operator, cpo: PlayedPartner) -> None:
    before = len(cpo.server.requests)
    for command_type, changes in (
        ("START_SESSION", {"location_id": ...}),
        ("START_SESSION", {"token": {}}),
        ("RESERVE_NOW", {"reservation_id": "x"}),
        ("STOP_SESSION", {"session_id": None}),
        ("UNLOCK_CONNECTOR", {"connector_id": ...}),
    ):
        problem(send(operator, cpo, command_type=command_type, **changes), 422)
    document = problem(send(operator, cpo, response_url="https://elsewhere.example/"), 422)
    assert document["errors"][0]["pointer"] == "/response_url"
    url = f"/2.1.1/partners/{cpo.partner_id}/commands"
    for text in ("null", "[]", '"START"', "1"):
        problem(operator.post(f"{url}/START_SESSION", content=text), 422)
    problem(operator.post(f"{url}/START_SESSION", content="{"), 400)
    problem(operator.post(f"{url}/CANCEL_RESERVATION", json={}), 404)
    problem(operator.get(f"{url}/START_SESSION"), 405)
    assert len(cpo.server.requests) == before


def test_a_command_goes_only_to_a_cpo_that_is_registered_and_takes_commands(
    operator: Operator, cpo: PlayedPartner, emsp: PlayedPartner
) -> None:
    body = command("STOP_SESSION")
    invited = operator.invite("CPO")
    problem(operator.post(f"/2.1.1/partners/{emsp.partner_id}/commands/STOP_SESSION", json=body), 404)
    problem(operator.post("/2.1.1/partners/nobody/commands/STOP_SESSION", json=body), 404)
    problem(operator.post(f"/2.1.1/partners/{invited.partner_id}/commands/STOP_SESSION", json=body), 409)
    with PlayedPartner("CPO", "FR", "NOC") as without:
        without.serve_versions("credentials", "locations")
        without.register(operator.invite("CPO"))
        problem(operator.post(f"/2.1.1/partners/{without.partner_id}/commands/STOP_SESSION", json=body), 409)
    operator.patch(f"/partners/{cpo.partner_id}", json={"status": "SUSPENDED"})
    problem(send(operator, cpo, command_type="STOP_SESSION"), 409)
    operator.patch(f"/partners/{cpo.partner_id}", json={"status": "REGISTERED"})
    assert sent(operator, cpo, command_type="STOP_SESSION")["state"] == "pending"


def test_commands_that_were_sent_are_listed_apart_and_need_no_answer_of_ours(
    operator: Operator, cpo: PlayedPartner
) -> None:
    known = sent(operator, cpo)
    query = {"direction": "sent", "state": "pending", "limit": "1000"}
    assert known in operator.get("/2.1.1/commands", params=query).json()["items"]
    assert known not in operator.get("/2.1.1/commands", params={"limit": 1000}).json()["items"]
    problem(operator.post(f"/2.1.1/commands/{known['id']}/result", json={"result": "ACCEPTED"}), 404)
    ended(cpo.call("POST", response_url(cpo), json={"result": "ACCEPTED"}), 200, 1000)
    assert urlsplit(response_url(cpo)).query == ""
    listed = operator.get("/2.1.1/commands", params=query).json()["items"]
    assert known["id"] not in [item["id"] for item in listed]
