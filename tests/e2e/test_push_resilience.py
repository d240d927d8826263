"""Pushes to partners that are down, slow or broken: each ends with the current state of every object."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.gateway import running_gateway
from tests.support.ids import fresh_id
from tests.support.keeping_partner import CUT_OFF, LOST, SECONDS, TRUNCATED, KeepingPartner, keeping_partner
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.keeping_partner import Push

STATUSES = ("CHARGING", "BLOCKED", "OUTOFORDER")


def put_location(operator: Operator, name: str, status: str = "AVAILABLE") -> None:
    location = fixture("location_min", id=name, evses=[fixture("evse_min", uid="E-1", status=status)])
    del location["last_updated"]
    assert operator.put_object("locations", location).status_code in (200, 201)


def put_cdr(operator: Operator, partner: KeepingPartner) -> str:
    cdr = fixture("cdr_min", id=fresh_id("C"))
    answer = operator.put(f"/2.1.1/cdrs/{cdr['id']}", json=cdr, params={"partner": partner.partner_id})
    assert answer.status_code == 201, answer.text
    return str(cdr["id"])


def first_time(reply: Reply, method: str) -> Callable[[Push], Reply | None]:
    """Answer the first request of a method so, and no other."""
    left = [reply]
    return lambda push: left.pop() if push.method == method and left else None


def status_at(partner: KeepingPartner, name: str) -> str | None:
    held = partner.held("locations", name)
    return None if held is None else str(held["evses"][0]["status"])


@pytest.mark.req("TF-59")
def test_a_partner_that_was_down_gets_the_current_state_of_each_object_once_oldest_first(
    operator: Operator, keeping: KeepingPartner
) -> None:
    known, new = [fresh_id("L") for _ in range(3)], [fresh_id("L") for _ in range(3)]
    for name in known:
        put_location(operator, name)
        keeping.wait_for(name)
    keeping.wait_in_sync()
    keeping.server.go_down()
    for status in STATUSES:
        for name in known + new:
            put_location(operator, name, status)
    wait_until(lambda: keeping.behind == 6, SECONDS)
    assert sum(each["attempts"] for each in keeping.deliveries("pending")) <= 6

    before = len(keeping.pushes)
    keeping.server.come_up()
    keeping.retry()
    keeping.wait_in_sync()
    arrived = keeping.pushes[before:]
    assert sorted(push.path.split("/")[3] for push in arrived) == sorted(known + new)
    assert {push.path.split("/")[3] for push in arrived[:3]} == set(known)
    assert {status_at(keeping, name) for name in known + new} == {"OUTOFORDER"}


def test_a_partner_that_answers_with_errors_only_is_tried_few_times(
    operator: Operator, keeping: KeepingPartner
) -> None:
    keeping.spoil = lambda _: Reply(503)
    names = [fresh_id("L") for _ in range(10)]
    for status in STATUSES:
        for name in names:
            put_location(operator, name, status)
    wait_until(lambda: keeping.behind == 10, SECONDS)
    time.sleep(1)
    assert 1 <= len(keeping.pushes) <= 10
    before = len(keeping.pushes)
    keeping.spoil = lambda _: None
    keeping.wait_in_sync()
    assert sorted(push.path.split("/")[3] for push in keeping.pushes[before:]) == sorted(names)
    assert {status_at(keeping, name) for name in names} == {"OUTOFORDER"}


@pytest.mark.req("TF-59")
def test_a_partner_that_is_behind_is_tried_again_when_it_calls_us(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.server.go_down()
    name = fresh_id("L")
    put_location(operator, name)
    for attempts in range(1, 8):
        wait_until(lambda tried=attempts: _attempts(keeping) >= tried, SECONDS)  # type: ignore[misc] # mypy and defaults
        keeping.retry()
    wait_until(lambda: _attempts(keeping) >= 8, SECONDS)
    waiting = keeping.delivery(name)
    assert (waiting["state"], waiting["http_status"], waiting["ocpi_status"]) == ("pending", None, None)
    assert waiting["message"]
    keeping.server.come_up()
    called = time.monotonic()
    assert keeping.get(keeping.endpoint("tariffs")).status_code == 200
    keeping.wait_in_sync()
    assert time.monotonic() - called < 8
    assert status_at(keeping, name) == "AVAILABLE"


def _attempts(partner: KeepingPartner) -> int:
    return max((each["attempts"] for each in partner.deliveries()), default=0)


PASSING = {
    "500": Reply(500, b"oops"),
    "503_in_html": Reply(503, b"<html>busy</html>", {"Content-Type": "text/html"}),
    "408": Reply(408),
    "401": Reply.ocpi(status=401, status_code=2001),
    "403": Reply.ocpi(status=403, status_code=2001),
    "429": Reply(429),
    "ocpi_3000": Reply.ocpi(status_code=3000, status_message="later"),
    "lost": LOST,
    "truncated": TRUNCATED,
    "cut_off": CUT_OFF,
}


def test_what_fails_in_passing_is_tried_again_and_arrives(operator: Operator) -> None:
    name = fresh_id("L")
    with ExitStack() as stack:
        partners = {
            failure: stack.enter_context(keeping_partner(operator)).joined(token_encoding="plain")
            for failure in PASSING
        }
        for failure, partner in partners.items():
            partner.spoil = first_time(PASSING[failure], "PUT")
        put_location(operator, name)
        for failure, partner in partners.items():
            partner.wait_for(name, 2)
            partner.wait_in_sync()
            assert partner.said(name) == [f"PUT locations/NL/EXA/{name}"] * 2, failure
            done = partner.delivery(name)
            assert (done["state"], done["attempts"], done["http_status"]) == ("delivered", 2, 201), failure
            assert (done["message"], done["next_attempt_at"]) == (None, None), failure


def test_retry_after_is_kept_even_when_the_operator_retries(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.spoil = first_time(Reply(429, headers={"Retry-After": "3"}), "PUT")
    name = fresh_id("L")
    put_location(operator, name)
    keeping.wait_for(name)
    wait_until(lambda: _attempts(keeping) == 1, SECONDS)
    put_location(operator, name, "CHARGING")
    put_location(operator, fresh_id("L"))
    wait_until(lambda: keeping.behind == 2, SECONDS)
    assert keeping.retry() == 2
    keeping.retry(all=True)
    keeping.get(keeping.endpoint("tariffs"))
    keeping.wait_in_sync()
    times = [push.at for push in keeping.pushes]
    assert 3 <= times[1] - times[0] < 7
    assert status_at(keeping, name) == "CHARGING"


@pytest.mark.parametrize(
    "refusal",
    [
        Reply.ocpi(status_code=2001, status_message="no such field"),
        Reply.ocpi(status=400, status_code=2000, status_message="no such field"),
        Reply(422, b"no such field"),
    ],
    ids=["200_and_2001", "400", "422_without_envelope"],
)
def test_what_is_refused_is_kept_with_its_answer_and_not_repeated_until_the_object_changes(
    operator: Operator, keeping: KeepingPartner, refusal: Reply
) -> None:
    name = fresh_id("L")
    keeping.spoil = lambda push: refusal if push.path.endswith(name) else None
    put_location(operator, name)
    wait_until(lambda: len(keeping.deliveries("failed")) == 1, SECONDS)
    (failed,) = keeping.deliveries("failed")
    code = refusal.body and refusal.body[:1] == b"{"
    assert (failed["object_id"], failed["http_status"], failed["attempts"]) == (name, refusal.status, 1)
    assert (failed["ocpi_status"] is not None) == bool(code)
    assert "no such field" in failed["message"]
    assert failed["next_attempt_at"] is None

    put_location(operator, name)  # the same again changes nothing
    other = fresh_id("L")
    put_location(operator, other)
    keeping.wait_for(other)
    wait_until(lambda: keeping.behind == 1, SECONDS)
    assert len(keeping.about(name)) == 1

    keeping.spoil = lambda _: None
    put_location(operator, name, "BLOCKED")
    keeping.wait_in_sync()
    assert len(keeping.about(name)) == 2
    assert status_at(keeping, name) == "BLOCKED"


def test_what_was_refused_is_sent_again_when_the_partner_changes(operator: Operator, keeping: KeepingPartner) -> None:
    name = fresh_id("L")
    keeping.spoil = lambda _: Reply.ocpi(status_code=2001)
    put_location(operator, name)
    wait_until(lambda: len(keeping.deliveries("failed")) == 1, SECONDS)
    keeping.set(explicit_nulls=True)
    keeping.wait_for(name, 2)
    wait_until(lambda: keeping.delivery(name)["state"] == "failed", SECONDS)
    keeping.spoil = lambda _: None
    renewed = keeping.call("PUT", keeping.endpoint("credentials"), json=keeping.credentials())
    keeping.token = renewed.json()["data"]["token"]
    keeping.wait_in_sync()
    assert status_at(keeping, name) == "AVAILABLE"


def test_a_partner_that_takes_its_time_gets_each_state_once(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.spoil_answer = lambda _: Reply.ocpi(wait=3)
    name = fresh_id("L")
    put_location(operator, name)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert keeping.said(name) == [f"PUT locations/NL/EXA/{name}"]


def test_a_partner_that_hangs_and_an_object_that_always_fails_hold_up_nothing_else(
    operator: Operator, keeping: KeepingPartner
) -> None:
    poisoned, name = fresh_id("L"), fresh_id("L")
    with keeping_partner(operator) as hanging, keeping_partner(operator) as picky:
        hanging.joined().spoil = lambda _: Reply(wait=6)
        picky.joined().spoil = lambda push: Reply(500) if poisoned in push.path else None
        put_location(operator, poisoned)
        hanging.wait_for(poisoned)
        picky.wait_for(poisoned)
        began = time.monotonic()
        put_location(operator, name)
        for partner in (keeping, picky):
            partner.wait_for(name)
            assert partner.about(name)[0].at - began < 4
        wait_until(lambda: picky.behind == 1, SECONDS)


def test_the_answer_to_a_cdr_gets_lost_and_the_partner_has_it_then_it_is_not_sent_again(
    operator: Operator, keeping: KeepingPartner
) -> None:
    keeping.spoil_answer = first_time(LOST, "POST")
    name = put_cdr(operator, keeping)
    keeping.wait_for(name, 2)
    keeping.wait_in_sync()
    assert [push.said for push in keeping.pushes] == ["POST cdrs", f"GET cdrs/{name}"]
    assert len(keeping.posted) == 1
    assert keeping.delivery(name)["state"] == "delivered"


@pytest.mark.parametrize("failure", [LOST, Reply(500)], ids=["lost", "500"])
def test_a_cdr_that_did_not_arrive_is_looked_for_and_sent_again(
    operator: Operator, keeping: KeepingPartner, failure: Reply
) -> None:
    keeping.spoil = first_time(failure, "POST")
    name = put_cdr(operator, keeping)
    keeping.wait_for(name, 3)
    keeping.wait_in_sync()
    assert [push.said for push in keeping.pushes] == ["POST cdrs", f"GET cdrs/{name}", "POST cdrs"]
    assert [cdr["id"] for cdr in keeping.posted] == [name]


def test_no_older_state_arrives_after_a_newer_one_at_a_slow_partner(
    operator: Operator, keeping: KeepingPartner
) -> None:
    session = fixture("session_min", id=fresh_id("S"), status="ACTIVE", kwh=0)
    operator.put(f"/2.1.1/sessions/{session['id']}", json=session, params={"partner": keeping.partner_id})
    keeping.wait_for(session["id"])
    keeping.spoil_answer = lambda _: Reply.ocpi(wait=0.2)
    for kwh in range(1, 31):
        assert operator.patch(f"/2.1.1/sessions/{session['id']}", json={"kwh": kwh}).status_code == 200
    wait_until(lambda: keeping.held("sessions", session["id"])["kwh"] == 30, SECONDS)
    keeping.wait_in_sync()
    seen: list[Any] = [push.body["kwh"] for push in keeping.about(session["id"])]
    assert seen == sorted(set(seen))
    assert len(seen) < 31
    times = [push.body["last_updated"] for push in keeping.about(session["id"])]
    assert times == sorted(times)
    assert keeping.held("sessions", session["id"]) == operator.get(f"/2.1.1/sessions/{session['id']}").json()


@pytest.mark.req("TF-59")
def test_an_outage_of_ours_costs_nothing_but_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    names = [fresh_id("L") for _ in range(3)]
    with ExitStack() as stack:
        with running_gateway(data=data) as gateway, Operator(gateway) as operator:
            partner = stack.enter_context(KeepingPartner(operator)).joined()
            partner.server.go_down()
            for name in names:
                put_location(operator, name)
            wait_until(lambda: partner.behind == 3, SECONDS)
            gateway.process.kill()
            gateway.process.wait()
        partner.server.come_up()
        with running_gateway(data=data) as gateway, Operator(gateway) as operator:
            partner.operator = operator
            partner.wait_in_sync()
    assert sorted(partner.objects) == sorted(f"locations/NL/EXA/{name}" for name in names)
