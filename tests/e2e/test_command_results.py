"""What becomes of a command reaches the eMSP at its response_url exactly once, whatever happens (section 13.2.2)."""

from __future__ import annotations

import email.utils
import json
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.answers import data_of, problem
from tests.support.commands import (
    GatewayQueues,
    Inbox,
    accepted,
    answer,
    command,
    delivered,
    pending,
    place,
    post,
    shown,
    start,
)
from tests.support.gateway import Gateway, running_gateway
from tests.support.ids import fresh_id
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.partner_server import Received

SECONDS = 2
"""A charge point has so long to answer."""
RACES = 40


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    with running_gateway(environ={"OCPI_COMMAND_SECONDS": str(SECONDS)}) as running:
        yield running


@pytest.mark.req("CMD-05", "CMD-06", "CMD-08", "CMD-09", "CMD-11")
@pytest.mark.parametrize("result", ["ACCEPTED", "REJECTED", "NOT_SUPPORTED", "TIMEOUT", "UNKNOWN_SESSION"])
def test_the_charge_points_answer_goes_bare_to_exactly_the_response_url(
    operator: Operator, emsp: PlayedPartner, location_id: str, result: str
) -> None:
    path = f"/odd//path;x=1/%2F%20/{fresh_id()}"
    url = f"{emsp.server.url}{path}?q=a%20b&q=c+d&empty="
    emsp.server.on("POST", path, Reply.ocpi())
    began = time.monotonic()
    command_id = accepted(operator, emsp, "START_SESSION", command("START_SESSION", url, location_id=location_id))
    assert time.monotonic() - began < 1
    reply = answer(operator, command_id, result)
    assert (reply.status_code, reply.json()["state"], reply.json()["result"]) == (202, "answered", result)
    now = delivered(operator, command_id)
    (got,) = emsp.server.received("POST", path)
    assert (got.json(), got.query) == ({"result": result}, "q=a%20b&q=c+d&empty=")
    assert got.headers["authorization"] == f"Token {emsp.issued}"
    assert got.headers["content-type"].startswith("application/json")
    assert (now["state"], now["result"], now["error"]) == ("answered", result, None)
    assert now["requested_at"] <= now["answered_at"] <= now["delivered_at"]


@pytest.mark.req("CMD-09", "CMD-10")
def test_a_charge_point_that_is_silent_is_answered_for_with_timeout_once(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    command_id = start(operator, emsp, location_id, inbox)
    began = time.monotonic()
    assert inbox.wait(seconds=SECONDS + 3) == [{"result": "TIMEOUT"}]
    assert time.monotonic() - began >= SECONDS - 1
    now = delivered(operator, command_id)
    assert (now["state"], now["result"]) == ("timed_out", "TIMEOUT")
    for result in ("ACCEPTED", "TIMEOUT"):
        problem(answer(operator, command_id, result), 409)
    time.sleep(1)
    assert inbox.results == [{"result": "TIMEOUT"}]


def test_the_same_answer_again_is_welcome_and_another_is_not(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    command_id = start(operator, emsp, location_id, inbox)
    for _ in range(3):
        assert answer(operator, command_id, "REJECTED").status_code == 202
    problem(answer(operator, command_id, "ACCEPTED"), 409)
    delivered(operator, command_id)
    assert answer(operator, command_id, "REJECTED").status_code == 202
    time.sleep(0.5)
    assert inbox.results == [{"result": "REJECTED"}]


FAILURES = [
    [Reply.ocpi(status_code=3000, status=500)],
    [Reply(502, b"<html>")],
    [Reply.ocpi(status_code=3001)],
    [Reply(raw=[])],
    [Reply.ocpi(status=401, status_code=2001)] * 2,  # the second with the token in Base64
]


def test_a_partner_that_fails_for_a_moment_gets_the_result_when_it_is_back(
    operator: Operator, emsp: PlayedPartner, location_id: str
) -> None:
    inboxes = [Inbox(emsp, *failures, Reply.ocpi()) for failures in FAILURES]
    ids = [start(operator, emsp, location_id, inbox) for inbox in inboxes]
    for command_id in ids:
        answer(operator, command_id)
    assert [delivered(operator, command_id)["error"] for command_id in ids] == [None] * len(ids)
    time.sleep(0.3)
    assert [len(inbox.results) for inbox in inboxes] == [len(failures) + 1 for failures in FAILURES]


def test_retry_after_is_honoured_as_seconds_and_as_a_date(
    operator: Operator, emsp: PlayedPartner, location_id: str
) -> None:
    moments: dict[str, list[float]] = {}

    def busy(request: Received) -> Reply:
        moments[request.path] = [time.time()]
        asked = "2" if request.query else email.utils.formatdate(time.time() + 3, usegmt=True)
        return Reply.ocpi(status=429, status_code=2000, headers={"Retry-After": asked})

    def taken(request: Received) -> Reply:
        moments[request.path].append(time.time())
        return Reply.ocpi()

    ids = [start(operator, emsp, location_id, Inbox(emsp, busy, taken, query=query)) for query in ("", "?seconds")]
    for command_id in (*ids, *ids):  # the second time must not shorten the wait
        answer(operator, command_id)
    for command_id in ids:
        delivered(operator, command_id)
    waits = [second - first for first, second in moments.values()]
    assert all(1.9 <= wait < 5 for wait in waits), waits


@pytest.mark.parametrize("reply", [Reply.ocpi(status_code=2001), Reply.ocpi(status=404, status_code=2001), Reply(400)])
def test_a_refusal_that_repeating_cannot_mend_is_undeliverable_with_the_reason_in_the_dead_letter_queue(
    operator: Operator, emsp: PlayedPartner, location_id: str, queues: GatewayQueues, reply: Reply
) -> None:
    inbox = Inbox(emsp, reply)
    queues.take("CommandResultsDead")
    command_id = start(operator, emsp, location_id, inbox)
    answer(operator, command_id)
    (dead,) = queues.wait_for("CommandResultsDead", 1)
    now = shown(operator, command_id)
    assert (now["state"], now["result"], now["delivered_at"]) == ("undeliverable", "ACCEPTED", None)
    assert dead["reason"] == now["error"]
    assert command_id in dead["message"]
    assert len(inbox.requests) == 1


def test_a_slow_partner_gets_it_once_and_holds_up_nobody(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, location_id: str
) -> None:
    slow = [Inbox(emsp, Reply.ocpi(wait=3)) for _ in range(3)]
    hanging = [Inbox(emsp, Reply.ocpi(wait=60)) for _ in range(12)]
    slow_ids = [start(operator, emsp, location_id, inbox) for inbox in slow]
    hanging_ids = [start(operator, emsp, location_id, inbox) for inbox in hanging]
    for command_id in (*slow_ids, *hanging_ids):
        assert answer(operator, command_id).status_code == 202
    quick = Inbox(other)
    quick_id = start(operator, other, location_id, quick)
    began = time.monotonic()
    answer(operator, quick_id)
    quick.wait()
    assert time.monotonic() - began < 2
    for command_id, inbox in zip(slow_ids, slow, strict=True):
        delivered(operator, command_id)
        assert inbox.results == [{"result": "ACCEPTED"}]


@pytest.mark.req("CMD-09", "CMD-40")
def test_two_identical_commands_at_once_are_two_commands_with_one_result_each(
    operator: Operator, emsp: PlayedPartner, location_id: str, inbox: Inbox
) -> None:
    body = command("START_SESSION", inbox.url, location_id=location_id)
    before = {item["id"] for item in pending(operator)}
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: post(emsp, "START_SESSION", body), range(2)))
    assert [data_of(reply) for reply in replies] == [{"result": "ACCEPTED"}] * 2
    first, second = [item["id"] for item in pending(operator) if item["id"] not in before]
    assert answer(operator, first, "ACCEPTED").status_code == 202
    assert answer(operator, second, "REJECTED").status_code == 202
    delivered(operator, first)
    delivered(operator, second)
    assert sorted(result["result"] for result in inbox.results) == ["ACCEPTED", "REJECTED"]


@pytest.mark.req("CMD-09", "CMD-10")
def test_results_that_race_with_the_deadline_have_exactly_one_outcome_and_one_delivery(
    operator: Operator, emsp: PlayedPartner, location_id: str
) -> None:
    inboxes = [Inbox(emsp) for _ in range(RACES)]
    bodies = [command("START_SESSION", inbox.url, location_id=location_id) for inbox in inboxes]
    before = {item["id"] for item in pending(operator)}
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        for reply in pool.map(lambda body: post(emsp, "START_SESSION", body), bodies):
            assert data_of(reply) == {"result": "ACCEPTED"}
    ids = [item["id"] for item in pending(operator) if item["id"] not in before]
    assert len(ids) == RACES

    def race(command_id: str) -> int:
        time.sleep(max(0, began + SECONDS + random.uniform(-0.3, 0.9) - time.monotonic()))
        return answer(operator, command_id, "REJECTED").status_code

    with ThreadPoolExecutor(20) as pool:
        codes = dict(zip(ids, pool.map(race, ids), strict=True))
    assert set(codes.values()) <= {202, 409}
    for command_id, code in codes.items():
        now = delivered(operator, command_id)
        expected = ("answered", "REJECTED") if code == 202 else ("timed_out", "TIMEOUT")
        assert (now["state"], now["result"]) == expected
    time.sleep(1)
    assert [len(inbox.requests) for inbox in inboxes] == [1] * RACES
    told = sorted(inbox.results[0]["result"] for inbox in inboxes)
    assert told == sorted(shown(operator, command_id)["result"] for command_id in ids)


def test_a_charge_point_system_may_answer_on_the_queue(
    operator: Operator, emsp: PlayedPartner, location_id: str, queues: GatewayQueues, inbox: Inbox
) -> None:
    command_id = start(operator, emsp, location_id, inbox)
    for _ in range(2):
        queues.put("CommandResults", json.dumps({"command_id": command_id, "result": "ACCEPTED"}))
    assert delivered(operator, command_id)["result"] == "ACCEPTED"
    time.sleep(0.5)
    assert inbox.results == [{"result": "ACCEPTED"}]


def test_poisoned_messages_end_in_the_dead_letter_queue_with_the_reason_and_harm_no_other(
    operator: Operator, emsp: PlayedPartner, location_id: str, queues: GatewayQueues
) -> None:
    queues.take("CommandResultsDead")
    inboxes = [Inbox(emsp) for _ in range(4)]
    ids = [start(operator, emsp, location_id, inbox) for inbox in inboxes]
    poison = ["no JSON", "null", "{}", '{"command_id": "nothing", "result": "ACCEPTED"}', '{"result": "ACCEPTED"}']
    poison += [json.dumps({"command_id": ids[0], "result": "PERHAPS"}), "x" * 200_000]
    for number, body in enumerate(poison):
        queues.put("CommandResults", body)
        if number < len(ids):
            queues.put("CommandResults", json.dumps({"command_id": ids[number], "result": "ACCEPTED"}))
    for inbox in inboxes:
        assert inbox.wait() == [{"result": "ACCEPTED"}]
    dead = queues.wait_for("CommandResultsDead", len(poison))
    assert len(dead) == len(poison)
    assert all(letter["reason"] for letter in dead)
    assert {letter["message"][:100] for letter in dead} == {body[:100] for body in poison}


def test_a_suspended_partner_commands_nothing_and_its_results_wait(
    operator: Operator, other: PlayedPartner, location_id: str
) -> None:
    inbox = Inbox(other)
    command_id = start(operator, other, location_id, inbox)
    assert operator.patch(f"/partners/{other.partner_id}", json={"status": "SUSPENDED"}).status_code == 200
    try:
        reply = post(other, "START_SESSION", command("START_SESSION", inbox.url, location_id=location_id))
        assert reply.status_code == 403
        answer(operator, command_id)
        time.sleep(0.5)
        assert inbox.requests == []
    finally:
        assert operator.patch(f"/partners/{other.partner_id}", json={"status": "REGISTERED"}).status_code == 200
    assert inbox.wait() == [{"result": "ACCEPTED"}]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_whatever_becomes_of_the_process_no_result_is_lost(tmp_path: Path, how: signal.Signals) -> None:
    environ = {"OCPI_COMMAND_SECONDS": "2"}
    with PlayedPartner("EMSP", "DE", "ABC") as emsp:
        silent, answered = Inbox(emsp), Inbox(emsp, Reply.ocpi(status=503, status_code=3000), Reply.ocpi())
        with running_gateway(data=tmp_path / "data", environ=environ) as gateway, Operator(gateway) as operator:
            emsp.register(operator.invite("EMSP"))
            location_id = place(operator)
            silent_id = start(operator, emsp, location_id, silent)
            answered_id = start(operator, emsp, location_id, answered)
            answer(operator, answered_id)
            wait_until(lambda: shown(operator, answered_id)["error"] is not None)
            gateway.stop(how)
        with running_gateway(data=tmp_path / "data", environ=environ) as gateway, Operator(gateway) as operator:
            delivered(operator, silent_id)
            delivered(operator, answered_id)
        assert silent.results == [{"result": "TIMEOUT"}]
        assert answered.results == [{"result": "ACCEPTED"}] * 2
