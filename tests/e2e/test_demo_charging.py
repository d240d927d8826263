"""The demo's charge points behind the real system: what its partner sees from START_SESSION to the CDR."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.demo.tokens import PARTNER, tokens
from tests.support.gateway import ROOT, Gateway, running_gateway
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Invited, Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METERS = {"DEMO_METER_SECONDS": "0.3"}
CARDS = [{**card, "last_updated": "2026-01-01T00:00:00Z"} for card in tokens(PARTNER)]
SECONDS = 20


def registered(gateway: Gateway, partner: PlayedPartner) -> None:
    invitation = json.loads((gateway.data / "demo.json").read_text(encoding="utf-8"))
    partner.register(Invited(invitation["partner_id"], invitation["token"], invitation["versions_url"]))


@pytest.fixture(scope="module")
def demo() -> Iterator[Gateway]:
    with running_gateway(demo=True, environ=METERS) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def operator(demo: Gateway) -> Iterator[Operator]:
    with Operator(demo) as client:
        yield client


@pytest.fixture(scope="module")
def partner(demo: Gateway) -> Iterator[PlayedPartner]:
    with PlayedPartner("EMSP", "NL", "SLP") as played:
        registered(demo, played)
        yield played


def command(partner: PlayedPartner, command_type: str, /, **request: Any) -> str:
    """Send a command; the path where its result is to come, once."""
    path = f"/results/{command_type}/{time.monotonic_ns()}"
    partner.server.on("POST", path, Reply.ocpi())
    body = {**request, "response_url": partner.server.url + path}
    answer = partner.call("POST", partner.endpoint("commands", command_type), json=body)
    assert answer.json()["data"] == {"result": "ACCEPTED"}
    return path


def result(partner: PlayedPartner, path: str) -> str:
    wait_until(lambda: bool(partner.server.received("POST", path)), SECONDS)
    word: str = partner.server.received("POST", path)[0].json()["result"]
    return word


def free_evse(partner: PlayedPartner, power_type: str) -> tuple[str, str]:
    page = partner.get(partner.endpoint("locations") + "?limit=100").json()["data"]
    return next(
        (location["id"], evse["uid"])
        for location in page
        for evse in location["evses"]
        if evse["status"] == "AVAILABLE" and evse["connectors"][0]["power_type"] == power_type
    )


def status(partner: PlayedPartner, location_id: str, uid: str) -> str:
    word: str = partner.get(partner.endpoint("locations", location_id, uid)).json()["data"]["status"]
    return word


def pulled(partner: PlayedPartner, module: str) -> dict[str, dict[str, Any]]:
    page = partner.get(partner.endpoint(module) + "?limit=1000&date_from=2020-01-01T00:00:00Z").json()["data"]
    return {each["id"]: each for each in page}


def warnings_of(operator: Operator, module: str, value: dict[str, Any]) -> Any:
    """What the operator API finds about an object that is as it was."""
    answer = operator.put_object(module, value)
    assert answer.status_code == 200
    assert answer.json()["object"] == value
    return answer.json()["warnings"]


@pytest.mark.req("CMD-06", "CMD-09", "CMD-11", "CMD-35")
def test_a_driver_starts_a_charge_watches_it_stops_it_and_gets_the_cdr(
    operator: Operator, partner: PlayedPartner
) -> None:
    site, uid = free_evse(partner, "DC")
    card = next(each for each in CARDS if each["valid"])
    started = command(partner, "START_SESSION", token=card, location_id=site, evse_uid=uid)
    assert result(partner, started) == "ACCEPTED"

    def session() -> dict[str, Any] | None:
        known = pulled(partner, "sessions").values()
        return next((each for each in known if each["location"]["evses"][0]["uid"] == uid), None)

    wait_until(lambda: session() is not None, SECONDS)
    begun = session() or {}
    assert (begun["status"], begun["auth_id"], begun["auth_method"]) == ("ACTIVE", card["auth_id"], "AUTH_REQUEST")
    assert status(partner, site, uid) == "CHARGING"
    seen = {begun["kwh"]}

    def has_grown() -> bool:
        seen.add((session() or {})["kwh"])
        return len(seen) > 3

    wait_until(has_grown, SECONDS)
    assert min(seen) == begun["kwh"]

    again = command(partner, "START_SESSION", token=CARDS[1], location_id=site, evse_uid=uid)
    assert result(partner, again) == "REJECTED"

    stopped = command(partner, "STOP_SESSION", session_id=begun["id"])
    assert result(partner, stopped) == "ACCEPTED"
    cdr_id = begun["id"].replace("-S", "-C")
    wait_until(lambda: cdr_id in pulled(partner, "cdrs"), SECONDS)
    ended, cdr = pulled(partner, "sessions")[begun["id"]], pulled(partner, "cdrs")[cdr_id]
    assert ended["status"] == "COMPLETED"
    assert (cdr["total_energy"], cdr["total_cost"]) == (ended["kwh"], ended["total_cost"])
    assert cdr["total_energy"] >= max(seen)
    assert warnings_of(operator, "sessions", ended) == warnings_of(operator, "cdrs", cdr) == []
    wait_until(lambda: status(partner, site, uid) == "AVAILABLE", SECONDS)
    time.sleep(1)
    assert [len(partner.server.received("POST", path)) for path in (started, again, stopped)] == [1, 1, 1]


def test_a_session_from_before_the_partner_registered_can_be_stopped(
    operator: Operator, partner: PlayedPartner
) -> None:
    for card in CARDS:
        assert partner.put(partner.own_url("tokens", card["uid"]), card).status_code == 201
    planned = next(each for each in pulled(partner, "sessions").values() if each["status"] == "ACTIVE")
    stopped = command(partner, "STOP_SESSION", session_id=planned["id"])
    assert result(partner, stopped) == "ACCEPTED"
    cdr_id = planned["id"].replace("-S", "-C")
    wait_until(lambda: cdr_id in pulled(partner, "cdrs"), SECONDS)
    assert pulled(partner, "sessions")[planned["id"]]["status"] == "COMPLETED"
    assert warnings_of(operator, "cdrs", pulled(partner, "cdrs")[cdr_id]) == []


def test_an_evse_is_reserved_until_the_expiry_and_a_connector_unlocked(partner: PlayedPartner) -> None:
    site, uid = free_evse(partner, "AC_3_PHASE")
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    at = {"location_id": site, "evse_uid": uid}
    reserved = command(partner, "RESERVE_NOW", token=CARDS[0], expiry_date=expiry, reservation_id=1, **at)
    assert result(partner, reserved) == "ACCEPTED"
    wait_until(lambda: status(partner, site, uid) == "RESERVED")
    unlocked = command(partner, "UNLOCK_CONNECTOR", connector_id="1", **at)
    assert result(partner, unlocked) == "ACCEPTED"
    wait_until(lambda: status(partner, site, uid) == "AVAILABLE", SECONDS)


def test_a_session_goes_on_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with PlayedPartner("EMSP", "NL", "SLP") as partner:
        with running_gateway(demo=True, data=data, environ=METERS) as gateway:
            registered(gateway, partner)
            site, uid = free_evse(partner, "DC")
            started = command(partner, "START_SESSION", token=CARDS[0], location_id=site, evse_uid=uid)
            assert result(partner, started) == "ACCEPTED"
            wait_until(lambda: bool(pulled(partner, "sessions")), SECONDS)
            (before,) = pulled(partner, "sessions").values()
            assert gateway.stop() == 0
            assert "WARNING" not in gateway.output()
        with running_gateway(demo=True, data=data, environ=METERS) as gateway, Operator(gateway) as operator:
            path = f"/2.1.1/sessions/{before['id']}"
            wait_until(lambda: operator.get(path).json()["kwh"] > before["kwh"], SECONDS)
            assert operator.get(path).json()["status"] == "ACTIVE"
            assert operator.get(f"/2.1.1/locations/{site}/evses/{uid}").json()["status"] == "CHARGING"


def test_the_line_of_the_greeting_shows_the_whole_story_more_than_once(tmp_path: Path) -> None:
    with running_gateway(demo=True, data=tmp_path / "data", environ=METERS) as gateway:
        wait_until(lambda: "Ask the operator API" in gateway.output())
        line = next(line for line in gateway.output().splitlines() if "-m local.demo.partner" in line)
        for first in ("registered\n", "credentials renewed\n"):
            story = subprocess.run(
                ["sh", "-c", f"{line.strip()} --seconds 2"],
                cwd=ROOT,
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert (story.returncode, story.stderr) == (0, "")
            assert first in story.stdout
            cdr = json.loads(story.stdout[story.stdout.index("{") :])
            assert cdr["total_energy"] > 0
            assert f"{cdr['id'].replace('-C', '-S')} COMPLETED" in story.stdout
        assert "WARNING" not in gateway.output()


def test_without_a_gateway_the_partner_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.demo.partner", "--data", str(tmp_path)]
    story = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert story.returncode == 1
    assert "make run" in story.stderr
