"""What becomes of objects that are pulled, and of those that a complete list does not show."""

from __future__ import annotations

import json

import pytest

from ocpi.objects.own import OwnWrites, own_key
from ocpi.outbound.answer import Answer, Headers
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from tests.support.party import fixture
from tests.unit.pull.world import World, answer, counts, listed, tariffs


@pytest.mark.req("TF-52")
def test_of_a_list_with_bad_objects_the_good_ones_are_taken_and_the_bad_ones_reported(world: World) -> None:
    bad = [{"id": "BAD"}, None, 7, {"currency": "EUR"}, listed("tariffs", "X", currency="??")]
    world.lists.lists["tariffs"] = [*tariffs("T1"), *bad, *tariffs("T2")]
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((7, 2, 0, 5), True)
    assert [(error["object_id"], error["position"]) for error in pull.errors][:5] == [
        ("BAD", 2),
        (None, 3),
        (None, 4),
        (None, 5),
        ("X", 6),
    ]
    assert "/currency" in pull.errors[4]["detail"]


@pytest.mark.req("TF-52")
def test_an_object_whose_json_is_refused_spoils_no_other(world: World) -> None:
    good = json.dumps(tariffs("T1", "T2"))[1:-1].encode()
    body = b'{"status_code": 1000, "data": [' + good + b', {"id": "A", "id": "B"}, {"n": 1e999}], "timestamp": "x"}'
    world.lists.respond = lambda _module, _query: Answer(200, Headers(), body)
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((4, 2, 0, 2), True)


@pytest.mark.req("TF-52")
def test_an_object_that_is_not_utf_8_spoils_no_other(world: World) -> None:
    good = json.dumps(tariffs("T1", "T2"))[1:-1].encode()
    bad = b'{"id": "caf\xe9"}, {"caf\xe9": 1}'
    body = b'{"status_code": 1000, "data": [' + good + b", " + bad + b'], "timestamp": "x"}'
    world.lists.respond = lambda _module, _query: Answer(200, Headers(), body)
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((4, 2, 0, 2), True)


def test_no_more_than_twenty_errors_are_kept(world: World) -> None:
    world.lists.lists["tariffs"] = [{"id": f"B{n}"} for n in range(30)]
    pull = world.pull("tariffs")
    assert (pull.skipped, len(pull.errors)) == (30, 20)


def test_the_same_object_twice_is_stored_once(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs("T1", "T1", "T2")
    assert counts(world.pull("tariffs")) == (3, 2, 1, 0)
    assert counts(world.pull("tariffs", full=True)) == (3, 0, 3, 0)


def test_a_single_object_in_the_place_of_a_list_is_taken(world: World) -> None:
    world.lists.respond = lambda _module, _query: answer(tariffs("T1")[0])
    assert counts(world.pull("tariffs")) == (1, 1, 0, 0)


@pytest.mark.req("TAR-22")
def test_a_complete_list_replaces_the_tariffs(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs("T1", "T2", "t3")
    world.sync("tariffs")
    world.lists.lists["tariffs"] = tariffs("T1", "t3")
    pull = world.pull("tariffs", full=True)
    assert (counts(pull), pull.removed, pull.complete) == ((2, 0, 2, 0), 1, True)
    assert world.stored("tariffs", "T2") is None
    assert world.stored("tariffs", "t3") is not None


@pytest.mark.req("TAR-22")
@pytest.mark.parametrize("spoilt", ["incremental", "incomplete", "without an id"])
def test_only_a_complete_list_replaces_the_tariffs(world: World, spoilt: str) -> None:
    world.lists.lists["tariffs"] = tariffs("T1", "T2")
    world.sync("tariffs")
    world.lists.lists["tariffs"] = tariffs("T1")
    if spoilt == "without an id":
        world.lists.lists["tariffs"].append({"nothing": 1})
    if spoilt == "incomplete":
        world.lists.respond = lambda module, query: answer(
            tariffs("T1"), Link=f'<https://evil.example/{module}>; rel="next"'
        )
    world.sync("tariffs", full=spoilt != "incremental")
    assert world.stored("tariffs", "T2") is not None


def test_an_object_that_is_there_but_bad_is_not_removed(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs("T1", "T2")
    world.sync("tariffs")
    world.lists.lists["tariffs"][1]["currency"] = "nonsense"
    world.sync("tariffs", full=True)
    assert world.stored("tariffs", "T2") is not None


def test_what_the_partner_pushed_while_its_list_was_read_stays(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs("T1")
    world.sync("tariffs")

    def respond(_module: str, _query: dict[str, str]) -> None:
        world.push("tariffs", listed("tariffs", "NEW"))
        world.push("tariffs", listed("tariffs", "T1", currency="CHF", last_updated="2030-01-01T00:00:00Z"))

    world.lists.respond = respond
    pull = world.pull("tariffs", full=True)
    assert (pull.removed, counts(pull)) == (0, (1, 0, 1, 0))
    assert world.stored("tariffs", "NEW") is not None
    assert world.stored("tariffs", "T1") == listed("tariffs", "T1", currency="CHF", last_updated="2030-01-01T00:00:00Z")


def test_a_page_does_not_undo_what_was_pushed_while_it_was_on_its_way(world: World) -> None:
    world.lists.lists["sessions"] = [listed("sessions", "S1", status="ACTIVE", kwh=1)]
    world.sync("sessions")

    def respond(_module: str, _query: dict[str, str]) -> None:
        world.push("sessions", listed("sessions", "S1", status="ACTIVE", kwh=2))  # as by a PATCH, of the same time

    world.lists.respond = respond
    world.pull("sessions", full=True)
    stored = world.stored("sessions", "S1")
    assert stored is not None
    assert stored["kwh"] == 2
    world.lists.respond = lambda _module, _query: None
    world.lists.lists["sessions"] = [listed("sessions", "S1", status="ACTIVE", kwh=3)]
    assert world.pull("sessions", full=True).stored == 1


def test_the_evses_of_a_location_that_a_complete_list_lacks_are_removed(world: World) -> None:
    world.lists.lists["locations"] = [listed("locations", "L1"), listed("locations", "L2")]
    world.sync("locations")
    world.lists.lists["locations"].pop()
    pull = world.pull("locations", full=True)
    assert (pull.removed, pull.complete) == (1, True)
    gone, there = world.stored("locations", "L2"), world.stored("locations", "L1")
    assert gone is not None
    assert {evse["status"] for evse in gone["evses"]} == {"REMOVED"}
    assert there is not None
    assert there["evses"][0]["status"] != "REMOVED"
    world.lists.lists["locations"].append(listed("locations", "L2"))
    world.sync("locations", full=True)
    assert world.stored("locations", "L2") == world.stored("locations", "L1") | {"id": "L2"}  # type: ignore[operator] # there


def test_an_evse_that_a_pulled_location_lacks_is_removed(world: World) -> None:
    evse = fixture("location_max")["evses"][0]
    both = [evse, {**evse, "uid": "SECOND"}]
    world.lists.lists["locations"] = [listed("locations", "L1", evses=both)]
    world.sync("locations")
    world.lists.lists["locations"] = [listed("locations", "L1", evses=both[:1])]
    assert world.pull("locations", full=True).stored == 1
    stored = world.stored("locations", "L1")
    assert stored is not None
    assert [(each["uid"], each["status"]) for each in stored["evses"]][1] == ("SECOND", "REMOVED")


@pytest.mark.req("TOK-16")
def test_a_complete_list_of_tokens_updates_and_adds_and_drops_none(emsp_world: World) -> None:
    world = emsp_world
    world.lists.lists["tokens"] = [listed("tokens", "A"), listed("tokens", "B")]
    world.sync("tokens")
    world.lists.lists["tokens"] = [listed("tokens", "B", valid=False), listed("tokens", "C")]
    pull = world.pull("tokens", full=True)
    assert (counts(pull), pull.removed) == ((2, 2, 0, 0), 0)
    assert world.stored("tokens", "RFID/A") is not None
    assert world.stored("tokens", "RFID/B") == listed("tokens", "B", valid=False)


def test_no_report_holds_the_uid_of_a_token(emsp_world: World) -> None:
    emsp_world.lists.lists["tokens"] = [listed("tokens", "SECRET-UID", whitelist="SOMETIMES")]
    pull = emsp_world.pull("tokens")
    assert (pull.skipped, pull.errors[0]["position"], pull.errors[0]["object_id"]) == (1, 1, None)
    assert "SECRET-UID" not in str(pull.errors)


def test_a_session_of_ours_that_waits_for_a_token_goes_to_the_partner_that_the_token_is_pulled_from(
    emsp_world: World,
) -> None:
    world, rules = emsp_world, module_rules("sessions")
    assert rules is not None
    session = fixture("session_min", auth_id="NL-TST-C00000001-X")
    key = own_key(rules, session["id"])
    update(world.store.objects, key, OwnWrites(rules, world.store.objects, 30).put(key, rules.check_own(session)))
    world.lists.lists["tokens"] = [listed("tokens", "A", auth_id="NL-TST-C00000001-X")]
    world.sync("tokens")
    waiting = world.store.objects.get(key)
    assert waiting is not None
    assert waiting.audience == "DE-ABC"


@pytest.mark.req("CDR-18")
def test_a_cdr_that_differs_from_the_stored_one_is_reported_and_not_taken(world: World) -> None:
    cdr = listed("cdrs", "C1")
    world.lists.lists["cdrs"] = [cdr, listed("cdrs", "c1"), listed("cdrs", "C1", total_cost=99)]
    pull = world.pull("cdrs")
    assert counts(pull) == (3, 1, 1, 1)
    assert pull.errors[0]["object_id"] == "C1"
    assert world.stored("cdrs", "C1") == cdr


def test_a_session_that_is_final_here_stays_as_it_is(world: World) -> None:
    world.push("sessions", listed("sessions", "S1", status="COMPLETED"))
    world.lists.lists["sessions"] = [listed("sessions", "S1", status="ACTIVE", last_updated="2030-01-01T00:00:00Z")]
    pull = world.pull("sessions")
    assert (pull.skipped, "final" in pull.errors[0]["detail"]) == (1, True)


def test_a_text_that_is_too_long_is_taken_with_a_remark(world: World) -> None:
    long = "A very long street name that goes on and on and on and on, 12345"
    world.lists.lists["locations"] = [listed("locations", "L1", address=long)]
    assert counts(world.pull("locations")) == (1, 1, 0, 0)
    stored = world.stored("locations", "L1")
    assert stored is not None
    assert stored["address"] == long
