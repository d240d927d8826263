"""What is repaired, and what never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.reconciliation.world import World, answer, counts, problems

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer


def lossy(world: World) -> None:
    """A partner that lost one location, has another one wrong, and a third right."""
    for name in ("L1", "L2", "L3"):
        world.give("locations", name)
    world.lose("locations", "L2")
    world.held("locations", "L3")["name"] = "Somewhere else"


def test_what_differs_goes_out_as_a_whole_by_the_way_of_every_delivery(world: World) -> None:
    lossy(world)
    job = world.reconcile("locations", repair=True)
    assert problems(job) == [("locations", "L2", "missing", True), ("locations", "L3", "different", True)]
    assert job.modules["locations"].repaired == 2
    for name in ("L2", "L3"):
        delivery = world.delivery("locations", name)
        assert delivery is not None
        assert (delivery.state, delivery.holds) == ("pending", None)
        assert delivery.due is not None
        assert delivery.due <= world.now()
    untouched = world.delivery("locations", "L1")
    assert untouched is not None
    assert untouched.state == "delivered"
    assert {sent["partner"] for sent, _ in world.deliveries.sent} == {world.partner.id}


def test_nothing_is_repaired_unless_asked(world: World) -> None:
    lossy(world)
    job = world.reconcile("locations")
    assert job.modules["locations"].repaired == 0
    assert world.deliveries.sent == []
    delivery = world.delivery("locations", "L2")
    assert delivery is not None
    assert delivery.state == "delivered"


def test_what_there_is_no_delivery_of_gets_one(world: World) -> None:
    world.give("tariffs", "T1")
    world.write("tariffs", "T2")
    job = world.reconcile("tariffs", repair=True)
    assert problems(job) == [("tariffs", "T2", "missing", True)]
    delivery = world.delivery("tariffs", "T2")
    assert delivery is not None
    assert delivery.state == "pending"


@pytest.mark.parametrize("state", ["delivered", "failed"])
def test_a_cdr_that_is_gone_is_reported_and_never_sent_again(world: World, state: str) -> None:
    world.give("cdrs", "C1", audience="DE-ABC")
    gone = world.deliver(world.give("cdrs", "C2", audience="DE-ABC"), state)
    world.lose("cdrs", "C2")
    job = world.reconcile("cdrs", repair=True)
    assert problems(job) == [("cdrs", "C2", "missing", False)]
    assert job.modules["cdrs"].repaired == 0
    assert world.delivery("cdrs", "C2") == gone
    assert world.deliveries.sent == []


def test_cdrs_that_are_gone_from_where_the_partner_said_it_keeps_them_are_all_reported(world: World) -> None:
    for number in range(8):
        record = world.write("cdrs", f"C{number}", audience="DE-ABC")
        world.deliver(record, url=f"https://partner.example/cdrs/{number}")
    job = world.reconcile("cdrs")
    assert counts(job.modules["cdrs"]) == {"missing": 8}
    assert len(job.differences) == 8
    assert job.modules["cdrs"].errors == ()


def test_what_cannot_be_read_is_not_repaired(world: World) -> None:
    world.give("tariffs", "T1")
    world.give("tariffs", "T2")
    world.holdings.respond = lambda _, object_id: answer(status=405) if object_id == "T2" else None
    job = world.reconcile("tariffs", repair=True)
    assert problems(job) == [("tariffs", "T2", "unreadable", False)]
    assert world.deliveries.sent == []


@pytest.mark.parametrize("reply", [answer(status=404, status_code=2001), answer(status=405), answer(None), answer("?")])
def test_a_partner_that_does_not_answer_get_costs_a_few_requests_and_is_sent_nothing(
    world: World, reply: Answer
) -> None:
    for number in range(20):
        world.deliver(world.write("locations", f"L{number}"))
    world.holdings.respond = lambda *_: reply
    job = world.reconcile("locations", repair=True)
    assert job.state == "done"
    assert len(world.holdings.asked) == 5
    module = job.modules["locations"]
    assert counts(module) == {"unreadable": 5}
    assert len(module.errors) == 1
    assert "does not answer GET" in module.errors[0]
    assert job.differences == ()
    assert world.deliveries.sent == []


def test_it_does_not_answer_get_in_one_module_and_does_in_another(world: World) -> None:
    for number in range(6):
        world.give("tariffs", f"T{number}")
        world.deliver(world.write("locations", f"L{number}"))
    job = world.reconcile("locations", "tariffs", repair=True)
    assert counts(job.modules["locations"]) == {"unreadable": 5}
    assert counts(job.modules["tariffs"]) == {"same": 6}


def test_what_was_missing_before_anything_could_be_read_is_reported_once_something_can(world: World) -> None:
    for number in range(6):
        world.give("tariffs", f"T{number}")
    world.lose("tariffs", "T0", "T1", "T2")
    job = world.reconcile("tariffs", repair=True)
    assert counts(job.modules["tariffs"]) == {"missing": 3, "same": 3, "repaired": 3}
    assert [object_id for _, object_id, _, _ in problems(job)] == ["T0", "T1", "T2"]


def test_a_partner_that_says_that_it_does_not_know_an_object_answers_get(world: World) -> None:
    for number in range(9):
        world.deliver(world.write("locations", f"L{number}"))
    world.holdings.not_there = answer(status=404, status_code=2003)
    job = world.reconcile("locations", repair=True)
    assert counts(job.modules["locations"]) == {"missing": 9, "repaired": 9}


def test_where_there_is_little_to_be_asked_for_it_is_all_reported_and_repaired(world: World) -> None:
    for number in range(4):
        world.deliver(world.write("tariffs", f"T{number}"))
    job = world.reconcile("tariffs", repair=True)
    assert counts(job.modules["tariffs"]) == {"missing": 4, "repaired": 4}


def test_a_partner_is_not_asked_for_thousands_that_it_was_never_sent(world: World) -> None:
    world.change(registered_at="2099-01-01T00:00:00Z")
    for number in range(20):
        world.write("tariffs", f"T{number:02}")
    world.give("tariffs", "Z1")
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"not_expected": 20, "same": 1}
    assert len(world.holdings.asked) == 6
