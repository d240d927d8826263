"""The demo's charge point system over an operator API that is kept in memory, on a clock that tests move."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any

import pytest

from local.demo.charge_points.car import Car, car_of
from local.demo.charge_points.operator_api import OperatorApi
from local.demo.charge_points.system import ChargePointSystem
from local.demo.charge_points.thread import ChargePointThread, start_charge_points
from local.demo.locations import in_use, locations
from local.demo.sessions import sessions
from local.demo.tariffs import tariffs
from local.demo.tokens import PARTNER, tokens
from local.demo.visits import Visit, visits
from local.operator_client import OperatorApiError, OperatorClient, Reply
from ocpi.strict_json import read
from ocpi.v2_1_1.cdr_findings import cdr_findings
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.model import check
from ocpi.v2_1_1.session_findings import session_findings
from ocpi.v2_1_1.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable

PARTY: dict[str, Any] = {
    "country_code": "NL",
    "party_id": "EXA",
    "business_details": {"name": "Zeeland"},
    "roles": ["CPO", "EMSP"],
}
START = datetime(2026, 3, 27, 13, 12, 17, tzinfo=UTC)
CARD, OTHER_CARD = tokens(PARTNER)[0], tokens(PARTNER)[1]
METER = timedelta(seconds=5)


def wire(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class World(OperatorClient):
    """An operator API in memory, the demo's charge points behind it, and the time."""

    def __init__(self) -> None:
        self.now = START
        sites = [
            {**each, "evses": [{**evse, "last_updated": "2026-01-01T00:00:00Z"} for evse in each["evses"]]}
            for each in locations(PARTY)
        ]
        self.planned = visits(sites, tokens(PARTNER), START)
        going_on = sessions(self.planned, tariffs(), START)
        self.kept: dict[str, dict[str, dict[str, Any]]] = {
            "locations": {each["id"]: each for each in in_use(sites, going_on)},
            "tariffs": {each["id"]: each for each in tariffs()},
            "sessions": {each["id"]: each for each in going_on},
            "cdrs": {},
        }
        self.commands: dict[str, dict[str, Any]] = {}
        self.audiences: dict[str, str] = {}
        self.warnings: list[str] = []
        self.writes: list[tuple[str, str]] = []
        self.fault: Callable[[str, str], Reply | None] = lambda method, path: None
        self.restart()

    def restart(self) -> None:
        self.system = ChargePointSystem(OperatorApi(self), METER, lambda: self.now)

    def call(self, method: str, path: str, content: Any = None) -> Reply:
        fault = self.fault(method, path)
        if fault is not None:
            return fault
        path, _, query = path.partition("?")
        parts = path.removeprefix("/2.1.1/").split("/")
        if method != "GET":
            self.writes.append((method, path))
        if path == "/party":
            return Reply(200, PARTY)
        if parts[0] == "commands":
            return self._commands(method, parts, query, content)
        kept = self.kept[parts[0]]
        if len(parts) == 1:
            return Reply(200, {"items": json.loads(json.dumps(list(kept.values()))), "next_cursor": None})
        if parts[1] not in kept and method != "PUT":
            return Reply(404, {"title": "unknown"})
        if len(parts) == 4:
            evse = self.evse(parts[3])
            if method == "PATCH":
                evse.update(content, last_updated=wire(self.now))
            return Reply(200, evse if method == "GET" else {"object": evse, "audience": "*", "warnings": []})
        if method == "GET":
            return Reply(200, json.loads(json.dumps(kept[parts[1]])))
        return self._write(parts[0], parts[1], query, {**kept.get(parts[1], {}), **content})

    def _write(self, module: str, object_id: str, query: str, value: dict[str, Any]) -> Reply:
        stored = self.kept[module].get(object_id)
        if stored and stored.get("status") == "COMPLETED" and {**stored, **value} != stored:
            return Reply(409, {"title": "final"})
        model, findings = (Session, session_findings) if module == "sessions" else (CDR, cdr_findings)
        value.setdefault("last_updated", wire(self.now))
        found = findings(check(model, read(json.dumps(value)), last_updated="optional"))
        self.warnings += found
        self.kept[module][object_id] = value
        if query:
            self.audiences[object_id] = query.removeprefix("partner=")
        return Reply(200, {"object": value, "audience": self.audiences.get(object_id), "warnings": found})

    def _commands(self, method: str, parts: list[str], query: str, content: Any) -> Reply:
        if method == "POST":
            command = self.commands[parts[1]]
            if command["state"] != "pending":
                return Reply(409, {"title": "too late"})
            command.update(state="answered", result=content["result"], answered_at=wire(self.now))
            return Reply(202, command)
        state = next((each[6:] for each in query.split("&") if each.startswith("state=")), None)
        items = [each for each in self.commands.values() if state in (None, each["state"])]
        return Reply(200, {"items": items, "next_cursor": None})

    def send(self, command_type: str, partner: str = "P1", **request: Any) -> dict[str, Any]:
        """A command that waits."""
        command: dict[str, Any] = {
            "id": f"{len(self.commands):032x}"[::-1],
            "partner": partner,
            "type": command_type,
            "request": request,
            "state": "pending",
            "result": None,
            "requested_at": wire(self.now),
        }
        self.commands[command["id"]] = command
        return command

    def result(self, command_type: str, **request: Any) -> Any:
        """Send, let the system work, and see what it answered."""
        command = self.send(command_type, **request)
        self.system.step()
        return command["result"]

    def start(self, evse: dict[str, Any], card: dict[str, Any] = CARD, **more: Any) -> Any:
        return self.result("START_SESSION", token=card, location_id=site_of(evse), evse_uid=evse["uid"], **more)

    def reserve(self, evse: dict[str, Any] | None, number: int = 1, *, minutes: int = 10, **more: Any) -> Any:
        at = {"location_id": site_of(evse), "evse_uid": evse["uid"]} if evse else {}
        request = {"token": CARD, "reservation_id": number, **at, **more}
        return self.result("RESERVE_NOW", expiry_date=wire(self.now + timedelta(minutes=minutes)), **request)

    def after(self, **time: float) -> None:
        """Let time pass, looking every so often."""
        end = self.now + timedelta(**time)
        while self.now < end:
            self.now = min(end, self.now + timedelta(minutes=1))
            self.system.step()

    def evse(self, uid: str) -> dict[str, Any]:
        evses = (evse for each in self.kept["locations"].values() for evse in each["evses"])
        return next(evse for evse in evses if evse["uid"] == uid)

    def free(self, power_type: str = "AC_3_PHASE", tariff_id: str | None = None) -> list[dict[str, Any]]:
        return [
            evse
            for each in self.kept["locations"].values()
            for evse in each["evses"]
            if evse["status"] == "AVAILABLE"
            and evse["connectors"][0]["power_type"] == power_type
            and tariff_id in (None, evse["connectors"][0]["tariff_id"])
        ]

    def started(self, card: dict[str, Any] = CARD) -> list[dict[str, Any]]:
        """Sessions that commands began."""
        known = {visit.number for visit in self.planned}
        mine = (each for each in self.kept["sessions"].values() if each["id"][5:] not in known)
        return [each for each in mine if each["auth_id"] == card["auth_id"]]


def site_of(evse: dict[str, Any]) -> str:
    return str(evse["uid"].split("-")[0])


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.req("CMD-35")
def test_start_session_turns_the_evse_to_charging_and_opens_a_session_of_the_commanding_partner(world: World) -> None:
    evse = world.free()[0]
    assert world.start(evse) == "ACCEPTED"
    (session,) = world.started()
    assert world.evse(evse["uid"])["status"] == "CHARGING"
    assert (session["status"], session["kwh"]) == ("ACTIVE", 0)
    assert (session["auth_id"], session["auth_method"]) == (CARD["auth_id"], "AUTH_REQUEST")
    assert [each["uid"] for each in session["location"]["evses"]] == [evse["uid"]]
    assert len(session["location"]["evses"][0]["connectors"]) == 1
    assert world.audiences[session["id"]] == "P1"
    assert len(session["id"]) <= 36


@pytest.mark.parametrize("power_type", ["AC_3_PHASE", "DC"])
def test_energy_and_cost_grow_with_the_power_of_the_connector_until_the_car_is_full(
    world: World, power_type: str
) -> None:
    evse = world.free(power_type)[0]
    connector = evse["connectors"][0]
    most = connector["voltage"] * connector["amperage"] * (3 if power_type == "AC_3_PHASE" else 1) / 1000
    world.start(evse)
    (session_id,) = (each["id"] for each in world.started())
    seen = [world.kept["sessions"][session_id]]
    while seen[-1]["status"] == "ACTIVE":
        world.after(minutes=5)
        seen.append(world.kept["sessions"][session_id])
    for former, latter in pairwise(seen):
        assert 0 <= latter["kwh"] - former["kwh"] <= most * 5 / 60 * 1.001
        assert latter["total_cost"] >= former["total_cost"]
    assert seen[1]["kwh"] > most * 5 / 60 * 0.25
    assert seen[-1]["kwh"] > 15
    assert world.evse(evse["uid"])["status"] == "AVAILABLE"
    assert world.warnings == []


def test_a_fast_charge_slows_down_above_four_fifths() -> None:
    car = Car(battery=60000, at_start=0.4, kw=75, tapers=True)
    minutes = [car.energy_after(60 * minute) for minute in range(60)]
    steps = [latter - former for former, latter in pairwise(minutes)]
    below = [step for energy, step in zip(minutes[1:], steps, strict=True) if energy <= 24000]
    above = [step for energy, step in zip(minutes, steps, strict=False) if energy > 24000]
    assert max(below) - min(below) <= 1
    assert all(latter <= former for former, latter in pairwise(above))
    assert above[9] < below[0] / 2
    assert abs(car.energy_after(car.seconds_to_full) - 60000 * 0.58) < 60
    assert car.energy_after(10 * car.seconds_to_full) <= 60000 * 0.58


def test_no_car_charges_longer_than_a_day(world: World) -> None:
    for power_type in ("AC_3_PHASE", "DC"):
        for number in range(200):
            car = car_of(str(number), world.free(power_type)[0]["connectors"][0])
            assert 600 < car.seconds_to_full < 23 * 3600


@pytest.mark.parametrize("tariff_id", ["ZLD-AC", "ZLD-AC-GAST", "ZLD-DC"])
@pytest.mark.parametrize("seconds", [0, 7, 3600, 6 * 3600])
def test_stop_session_ends_it_with_a_cdr_and_frees_the_evse(world: World, tariff_id: str, seconds: int) -> None:
    evse = world.free("DC" if tariff_id == "ZLD-DC" else "AC_3_PHASE", tariff_id)[0]
    world.start(evse)
    (session,) = world.started()
    if seconds:
        world.after(seconds=seconds)
    stopped = world.result("STOP_SESSION", session_id=session["id"])
    session = world.kept["sessions"][session["id"]]
    cdr = world.kept["cdrs"][session["id"].replace("-S", "-C")]
    assert session["status"] == "COMPLETED"
    assert stopped == ("ACCEPTED" if session["end_datetime"] == wire(world.now) else "UNKNOWN_SESSION")
    assert (cdr["total_energy"], cdr["total_cost"]) == (session["kwh"], session["total_cost"])
    assert [each["id"] for each in cdr["tariffs"]] == [tariff_id]
    for name in ("auth_id", "auth_method", "location", "currency", "charging_periods"):
        assert cdr[name] == session[name]
    assert world.audiences[cdr["id"]] == "P1"
    assert world.evse(evse["uid"])["status"] == "AVAILABLE"
    assert world.warnings == []


def test_a_session_right_after_another_at_the_evse_lasts_a_minute_and_overlaps_it_not(world: World) -> None:
    evse = world.free()[0]
    for _ in range(2):
        world.start(evse)
        world.result("STOP_SESSION", session_id=next(e["id"] for e in world.started() if e["status"] == "ACTIVE"))
    first, second = world.started()
    assert second["start_datetime"] >= first["end_datetime"]
    assert second["status"] == "ACTIVE"
    world.after(minutes=1)
    assert world.kept["sessions"][second["id"]]["status"] == "COMPLETED"
    assert len(world.kept["cdrs"]) >= 2
    assert world.warnings == []


@pytest.mark.req("CMD-40")
def test_there_are_never_two_sessions_on_one_evse(world: World) -> None:
    evse = world.free()[0]
    commands = [
        world.send("START_SESSION", token=card, location_id=site_of(evse), evse_uid=evse["uid"])
        for card in (CARD, OTHER_CARD)
    ]
    world.system.step()
    assert [each["result"] for each in commands] == ["ACCEPTED", "REJECTED"]
    assert world.start(evse, OTHER_CARD) == "REJECTED"
    assert len(world.started()) == 1
    assert world.started(OTHER_CARD) == []


@pytest.mark.parametrize("status", ["CHARGING", "RESERVED", "OUTOFORDER", "BLOCKED", "INOPERATIVE", "UNKNOWN"])
def test_an_evse_that_is_not_available_rejects_a_start(world: World, status: str) -> None:
    evse = world.free()[0]
    world.evse(evse["uid"])["status"] = status
    assert world.start(evse) == "REJECTED"
    assert world.evse(evse["uid"])["status"] == status
    assert world.started() == []


@pytest.mark.req("CMD-14")
def test_without_an_evse_uid_every_free_one_of_the_location_is_used_once(world: World) -> None:
    site = next(
        each["id"]
        for each in world.kept["locations"].values()
        if sum(evse["status"] == "AVAILABLE" for evse in each["evses"]) > 1
    )
    free = {evse["uid"] for evse in world.kept["locations"][site]["evses"] if evse["status"] == "AVAILABLE"}
    results = [world.result("START_SESSION", token=CARD, location_id=site) for _ in range(len(free) + 1)]
    assert results == ["ACCEPTED"] * len(free) + ["REJECTED"]
    assert {each["location"]["evses"][0]["uid"] for each in world.started()} == free


def test_a_session_of_the_first_fill_in_goes_on_and_can_be_stopped(world: World) -> None:
    before = {each["id"]: each for each in world.kept["sessions"].values() if each["status"] == "ACTIVE"}
    world.after(minutes=10)
    going_on = [each for each in world.kept["sessions"].values() if each["status"] == "ACTIVE"]
    assert any(each["kwh"] > before[each["id"]]["kwh"] for each in going_on)
    for each in going_on:
        assert world.result("STOP_SESSION", session_id=each["id"]) == "ACCEPTED"
        assert world.kept["sessions"][each["id"]]["status"] == "COMPLETED"
        assert world.evse(each["location"]["evses"][0]["uid"])["status"] == "AVAILABLE"
    assert {each["id"].replace("-S", "-C") for each in before.values()} <= world.kept["cdrs"].keys()
    assert world.warnings == []


def test_every_session_that_is_over_has_a_cdr_after_the_start(world: World) -> None:
    world.system.step()
    over = {each["id"] for each in world.kept["sessions"].values() if each["status"] == "COMPLETED"}
    assert {each.replace("-C", "-S") for each in world.kept["cdrs"]} == over
    assert world.warnings == []


def test_an_unknown_session_cannot_be_stopped(world: World) -> None:
    assert world.result("STOP_SESSION", session_id=f"ZLD-S{'0' * 24}") == "UNKNOWN_SESSION"


def test_unlock_connector_is_accepted(world: World) -> None:
    evse = world.free()[0]
    request = {"location_id": site_of(evse), "evse_uid": evse["uid"], "connector_id": "1"}
    assert world.result("UNLOCK_CONNECTOR", **request) == "ACCEPTED"


def test_commands_for_what_is_not_the_demos_are_left_to_others(world: World) -> None:
    world.kept["locations"]["HQ1"] = {**world.kept["locations"]["ZLD001"], "id": "HQ1"}
    assert world.result("START_SESSION", token=CARD, location_id="HQ1") is None
    assert world.result("STOP_SESSION", session_id="SESSION-OF-SOMEBODY") is None


def test_a_reservation_keeps_the_evse_for_its_token_until_it_expires(world: World) -> None:
    evse = world.free()[0]
    assert world.reserve(evse) == "ACCEPTED"
    assert world.evse(evse["uid"])["status"] == "RESERVED"
    assert world.start(evse, OTHER_CARD) == "REJECTED"
    assert world.start(evse, CARD, partner="P2") == "REJECTED"
    world.after(minutes=9)
    assert world.evse(evse["uid"])["status"] == "RESERVED"
    world.after(minutes=1)
    assert world.evse(evse["uid"])["status"] == "AVAILABLE"


def test_the_token_of_a_reservation_starts_at_its_evse_and_that_uses_it_up(world: World) -> None:
    evse = world.free()[0]
    world.reserve(evse)
    assert world.result("START_SESSION", token=CARD, location_id=site_of(evse)) == "ACCEPTED"
    assert world.started()[0]["location"]["evses"][0]["uid"] == evse["uid"]
    world.after(minutes=11)
    assert world.evse(evse["uid"])["status"] == "CHARGING"


@pytest.mark.req("CMD-20", "CMD-21")
def test_a_reservation_under_the_same_id_replaces_that_of_its_partner_only(world: World) -> None:
    site = next(
        each for each in world.kept["locations"].values() if [e["status"] for e in each["evses"]].count("AVAILABLE") > 2
    )
    first, second, third = [evse for evse in site["evses"] if evse["status"] == "AVAILABLE"][:3]
    assert world.reserve(first) == world.reserve(second) == "ACCEPTED"
    assert [world.evse(each["uid"])["status"] for each in (first, second)] == ["AVAILABLE", "RESERVED"]
    assert world.reserve(third, partner="P2") == "ACCEPTED"
    assert world.evse(second["uid"])["status"] == "RESERVED"
    assert world.reserve(second, minutes=30) == "ACCEPTED"
    world.after(minutes=20)
    assert [world.evse(each["uid"])["status"] for each in (second, third)] == ["RESERVED", "AVAILABLE"]


def test_a_reservation_is_rejected_when_nothing_is_free_or_it_is_over_already(world: World) -> None:
    evse = world.free()[0]
    assert world.reserve(evse, minutes=-1) == "REJECTED"
    world.reserve(evse)
    assert world.reserve(evse, 2) == "REJECTED"


def test_nothing_happens_for_which_the_answer_came_too_late(world: World, caplog: pytest.LogCaptureFixture) -> None:
    evse = world.free()[0]
    command = world.send("START_SESSION", token=CARD, location_id=site_of(evse), evse_uid=evse["uid"])

    def late(method: str, path: str) -> None:
        if path.endswith("/result"):
            command["state"] = "timed_out"

    world.fault = late
    world.system.step()
    assert "too late" in caplog.text
    assert world.evse(evse["uid"])["status"] == "AVAILABLE"
    assert world.started() == []


def test_after_a_restart_it_goes_on_from_the_operator_api_alone(world: World) -> None:
    stopped, going_on, reserved = world.free()[:3]
    for evse in (stopped, going_on):
        world.start(evse)
    world.reserve(reserved)
    world.after(minutes=5)
    before = {each["id"]: each["kwh"] for each in world.started()}
    stop = world.send("STOP_SESSION", session_id=world.started()[0]["id"])
    # It said so and died before it acted.
    stop.update(state="answered", result="ACCEPTED", answered_at=wire(world.now))
    world.now += timedelta(minutes=4)
    world.restart()
    world.system.step()
    ended, resumed = world.started()
    assert (ended["status"], ended["end_datetime"]) == ("COMPLETED", stop["answered_at"])
    assert resumed["status"] == "ACTIVE"
    assert resumed["kwh"] > before[resumed["id"]]
    assert world.start(going_on) == "REJECTED"
    assert world.start(reserved, OTHER_CARD) == "REJECTED"
    world.after(minutes=1)
    assert world.evse(reserved["uid"])["status"] == "AVAILABLE"
    assert world.audiences[ended["id"].replace("-S", "-C")] == "P1"
    assert world.warnings == []


def test_after_a_night_switched_off_sessions_end_when_their_cars_left(world: World) -> None:
    world.start(world.free()[0])
    world.now += timedelta(days=2)
    world.restart()
    world.system.step()
    (session,) = world.started()
    assert session["status"] == "COMPLETED"
    assert session["end_datetime"] < wire(START + timedelta(days=1))
    assert all(each["status"] == "COMPLETED" for each in world.kept["sessions"].values())
    assert world.warnings == []


def test_what_could_not_be_written_is_written_later(world: World, caplog: pytest.LogCaptureFixture) -> None:
    evse, well = world.free()[0], world.fault
    world.system.step()
    command = world.send("START_SESSION", token=CARD, location_id=site_of(evse), evse_uid=evse["uid"])
    world.fault = lambda method, path: Reply(500, None) if method in ("PUT", "PATCH") else None
    world.system.step()
    assert command["result"] == "ACCEPTED"
    assert world.started() == []
    assert "answered 500" in caplog.text
    world.fault = well
    world.after(minutes=1)
    assert [each["status"] for each in world.started()] == ["ACTIVE"]
    assert world.evse(evse["uid"])["status"] == "CHARGING"


def test_a_session_that_somebody_else_ended_is_given_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    evse = world.free()[0]
    world.start(evse)
    world.started()[0].update(status="COMPLETED", end_datetime=wire(world.now))
    world.after(minutes=1)
    assert "given up" in caplog.text
    assert world.evse(evse["uid"])["status"] == "AVAILABLE"
    assert world.start(evse) == "ACCEPTED"


def test_an_api_that_fails_is_logged_and_asked_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    well, world.fault = world.fault, down
    thread = ChargePointThread(world.system, 0.01)
    thread.start()
    try:
        wait_for(lambda: "down on purpose" in caplog.text)
        world.fault = well
        command = world.send("START_SESSION", token=CARD, location_id=site_of(world.free()[0]))
        wait_for(lambda: command["result"] is not None)
    finally:
        thread.stop()
    assert "demo-charge-points" not in {each.name for each in threading.enumerate()}


def test_an_api_that_ends_with_the_gateway_is_no_news(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault = down
    # It begins to end between the look and the failure.
    endings = chain([False], repeat(True))
    thread = ChargePointThread(world.system, 0.01, lambda: next(endings))
    with caplog.at_level(logging.WARNING):
        thread.start()
        thread.stop()
    assert caplog.text == ""


def test_where_nobody_can_send_commands_there_are_no_charge_points(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTY, "roles", ["EMSP"])
    assert start_charge_points(world, 5, lambda: False) is None


def test_a_planned_visit_measures_what_it_did_before() -> None:
    world = World()
    for visit in world.planned[:20]:
        assert isinstance(visit, Visit)
        assert visit.energy_at(visit.arrived) == 0
        assert visit.energy_at(visit.full) == visit.energy_at(visit.left) == visit.energy
        half = visit.arrived + (visit.full - visit.arrived) / 2
        assert abs(visit.energy_at(half) - visit.energy / 2) <= visit.energy / 600 + 10


def down(method: str, path: str) -> Reply | None:
    raise OperatorApiError("down on purpose")


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
