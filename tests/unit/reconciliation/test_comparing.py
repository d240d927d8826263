"""What a comparison says of each object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.outbound.unreachable import PartnerUnreachable
from tests.unit.reconciliation.world import LONG_AGO, NOW, World, answer, counts, problems

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_missing_and_a_different_object_are_reported_and_equal_ones_are_not(world: World) -> None:
    for name in ("L1", "L2", "L3"):
        world.give("locations", name)
    world.lose("locations", "L2")
    world.held("locations", "L3")["evses"][0]["status"] = "BLOCKED"
    job = world.reconcile("locations")
    assert job.state == "done"
    assert counts(job.modules["locations"]) == {"same": 1, "missing": 1, "different": 1}
    assert job.modules["locations"].compared == 3
    assert problems(job) == [("locations", "L2", "missing", False), ("locations", "L3", "different", False)]
    assert job.differences[1].pointers == ("/evses/0/status",)
    assert job.differences[1].delivery == "delivered"


def test_what_ocpi_leaves_open_is_no_difference(world: World) -> None:
    world.give("tariffs", "T1")
    held = world.held("tariffs", "T1")
    held["elements"][0]["price_components"][0]["price"] = 0
    held["tariff_alt_text"] = None
    held["energy_mix"] = None
    held["x_note"] = "the partner's own"
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"same": 1}


def test_a_list_of_one_is_the_object_and_one_of_another_object_is_not(world: World) -> None:
    for name in ("T1", "T2", "T3"):
        world.give("tariffs", name)
    world.holdings.objects["tariffs", "T2"] = [world.held("tariffs", "T2")]
    world.holdings.objects["tariffs", "T3"] = world.held("tariffs", "T1")
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"same": 2, "unreadable": 1}
    assert problems(job) == [("tariffs", "T3", "unreadable", False)]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (answer(status=404, status_code=2001), "missing"),
        (answer(status=404, status_code=None), "missing"),
        (answer(status=410, status_code=2000), "missing"),
        (answer(status=200, status_code=2003), "missing"),
        (answer(status=200, status_code=2001), "missing"),
        (answer(None), "missing"),
        (answer([]), "missing"),
        (answer(status=405, status_code=2000), "unreadable"),
        (answer(status=501, status_code=None), "unreadable"),
        (answer(status=200, status_code=2000), "unreadable"),
        (answer(status=200, status_code=None), "unreadable"),
        (answer("yes"), "unreadable"),
        (answer([{"id": "T1"}, {"id": "T2"}]), "unreadable"),
        (PartnerUnreachable("too_large", "the answer has more bytes"), "unreadable"),
    ],
)
def test_what_an_answer_says(world: World, reply: Any, problem: str) -> None:
    world.give("tariffs", "T1")
    world.give("tariffs", "T2")
    world.holdings.respond = lambda _, object_id: reply if object_id == "T2" else None
    job = world.reconcile("tariffs")
    assert problems(job) == [("tariffs", "T2", problem, False)]
    assert counts(job.modules["tariffs"]) == {"same": 1, problem: 1}


def test_what_is_on_its_way_is_pending_and_not_asked_for(world: World) -> None:
    world.deliver(world.write("tariffs", "T1"), "pending")
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"pending": 1}
    assert world.holdings.asked == []


def test_what_was_written_a_moment_ago_is_on_its_way_though_no_delivery_says_so_yet(world: World) -> None:
    world.moved = 0
    world.write("tariffs", "T1")
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"pending": 1}
    world.moved = 600
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"missing": 1}


def test_what_it_was_never_sent_is_compared_if_it_is_there_and_not_missed_if_it_is_not(world: World) -> None:
    world.change(registered_at=NOW)
    for name in ("T1", "T2", "T3"):
        record = world.write("tariffs", name)
        world.holdings.objects["tariffs", name] = json.loads(record.document)
    world.held("tariffs", "T2")["currency"] = "CHF"
    world.lose("tariffs", "T3")
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"same": 1, "different": 1, "not_expected": 1}
    assert problems(job) == [("tariffs", "T2", "different", False)]


def test_an_object_that_changes_while_it_is_compared_is_compared_once_more(world: World) -> None:
    world.give("tariffs", "T0")
    world.give("tariffs", "T1")

    def changing(_: str, object_id: str) -> None:
        if object_id == "T1":
            # After ours was read for it: the partner shows what is newer.
            world.holdings.respond = lambda *_: None
            world.give("tariffs", "T1", currency="CHF")

    world.holdings.respond = changing
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"same": 2}
    assert [object_id for _, object_id, _ in world.holdings.asked] == ["T0", "T1", "T1"]


def test_an_object_that_changes_again_and_again_is_on_its_way(world: World) -> None:
    world.give("tariffs", "T1")
    numbers = iter(range(100))

    def changing(_: str, object_id: str) -> None:
        world.give("tariffs", object_id, tariff_alt_url=f"https://example.com/{next(numbers)}")

    world.holdings.respond = changing
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"pending": 1}
    assert len(world.holdings.asked) == 3


def test_a_tariff_that_is_deleted_meanwhile_is_no_difference(world: World) -> None:
    world.give("tariffs", "T0")
    record = world.give("tariffs", "T1")

    def respond(_: str, object_id: str) -> None:
        if object_id == "T1":
            world.store.objects.delete(record.key, expected=record.revision)
            world.lose("tariffs", "T1")

    world.holdings.respond = respond
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"same": 1}


def test_sessions_and_cdrs_of_others_are_nobody_elses_business(world: World) -> None:
    world.give("sessions", "S1", audience="DE-ABC")
    world.write("sessions", "S2", audience="DE-XYZ")
    world.write("cdrs", "C2", audience="DE-XYZ")
    job = world.reconcile("sessions", "cdrs")
    assert counts(job.modules["sessions"]) == {"same": 1}
    assert counts(job.modules["cdrs"]) == {}
    assert world.holdings.asked == [("sessions", "S1", None)]


def test_tokens_of_both_types_are_compared_with_a_cpo(new_world: Callable[..., World]) -> None:
    world = new_world("CPO")
    world.give("tokens", "U1", type="RFID")
    world.give("tokens", "U1", type="OTHER")
    world.held("tokens", "OTHER/U1")["valid"] = not world.held("tokens", "OTHER/U1")["valid"]
    job = world.reconcile()
    assert problems(job) == [("tokens", "OTHER/U1", "different", False)]
    assert job.differences[0].pointers == ("/valid",)


def test_a_cdr_is_asked_for_where_the_partner_says_that_it_keeps_it(world: World) -> None:
    record = world.give("cdrs", "C1", audience="DE-ABC")
    world.deliver(record, url="https://partner.example/there/1")
    world.reconcile("cdrs")
    assert world.holdings.asked == [("cdrs", "C1", "https://partner.example/there/1")]


def test_what_a_partner_refused_is_compared_as_well(world: World) -> None:
    world.give("tariffs", "T1")
    world.deliver(world.write("tariffs", "T2"), "failed")
    job = world.reconcile("tariffs")
    assert [(each.problem, each.delivery) for each in job.differences] == [("missing", "failed")]


def test_a_thousand_differences_are_named_and_all_are_counted(world: World) -> None:
    for number in range(1010):
        record = world.write("tariffs", f"T{number:04}")
        world.deliver(record)
    world.holdings.not_there = answer(status=404, status_code=2003)
    job = world.reconcile("tariffs")
    assert len(job.differences) == 1000
    assert job.modules["tariffs"].missing == 1010


def test_a_difference_in_many_places_names_ten(world: World) -> None:
    world.give("locations", "L1", last_updated=LONG_AGO)
    held = world.held("locations", "L1")
    world.holdings.objects["locations", "L1"] = {"id": held["id"]}
    (difference,) = world.reconcile("locations").differences
    assert len(difference.pointers) == 10
