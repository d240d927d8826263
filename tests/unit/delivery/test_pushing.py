from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.drain import BATCH, drain
from ocpi.delivery.partner_changes import settings_changed
from ocpi.delivery.wake_ups import WakeUp
from ocpi.store.deliveries import HELD, DeliveryState
from ocpi.store.port import PartnerStatus
from tests.support.party import fixture
from tests.unit.commands.fakes import answer, enveloped
from tests.unit.delivery.world import endpoints

if TYPE_CHECKING:
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

L1 = "locations/NL/EXA/L-1"


@pytest.mark.req("LOC-70", "TF-58")
def test_a_new_location_is_put_below_our_own_party(world: World) -> None:
    record = world.put("locations")
    world.run()
    assert world.requests == [f"PUT {L1}"]
    found = world.delivery("locations", "L-1")
    assert found is not None
    assert (found.state, found.holds, found.attempts, found.http_status) == ("delivered", record.write, 1, 201)


@pytest.mark.req("LOC-71", "LOC-75")
def test_a_status_is_patched_on_the_evse_with_its_last_updated(world: World) -> None:
    world.put("locations")
    world.run()
    world.set_status("CHARGING")
    world.run()
    assert world.requests == [f"PUT {L1}", f"PATCH {L1}/E-100"]
    assert world.client.asked[1].body.keys() == {"status", "last_updated"}


def test_two_changes_quickly_after_each_other_may_be_one_push_of_the_last(world: World) -> None:
    world.put("locations")
    world.run()
    world.set_status("CHARGING")
    world.set_status("OUTOFORDER")
    world.run()
    assert len(world.requests) == 2
    assert world.client.asked[1].body["status"] == "OUTOFORDER"


def test_equal_content_and_a_repeated_record_of_the_stream_push_nothing(world: World) -> None:
    record = world.put("locations")
    world.run()
    world.put("locations")
    world.stream(record.key)
    world.run()
    assert world.requests == [f"PUT {L1}"]


@pytest.mark.req("TAR-21")
def test_a_tariff_is_put_and_deleted(world: World) -> None:
    record = world.put("tariffs")
    world.run()
    world.delete("tariffs", record.key.id)
    world.run()
    assert world.requests == [f"PUT tariffs/NL/EXA/{record.key.id}", f"DELETE tariffs/NL/EXA/{record.key.id}"]
    assert world.delivery("tariffs", record.key.id) is None


def test_a_tariff_deleted_before_it_was_sent_is_deleted_all_the_same_as_it_may_have_been_pulled(world: World) -> None:
    record = world.put("tariffs")
    world.delete("tariffs", record.key.id)
    world.run()
    assert world.requests == [f"DELETE tariffs/NL/EXA/{record.key.id}"]
    assert world.delivery("tariffs", record.key.id) is None


def test_a_tariff_that_a_partner_may_have_pulled_is_deleted_although_it_was_never_sent(world: World) -> None:
    world.put("tariffs", stream=False)
    world.delete("tariffs", "T-1")
    world.run()
    assert world.requests == ["DELETE tariffs/NL/EXA/T-1"]
    assert world.delivery("tariffs", "T-1") is None


def test_a_tariff_whose_put_may_have_arrived_is_deleted_all_the_same(world: World) -> None:
    world.client.after = lambda _: answer(500)
    record = world.put("tariffs")
    world.run()
    world.client.after = lambda _: None
    world.delete("tariffs", record.key.id)
    world.run(60)
    assert world.requests[-1] == f"DELETE tariffs/NL/EXA/{record.key.id}"
    assert world.client.held == {}
    assert world.delivery("tariffs", record.key.id) is None


def test_a_tariff_deleted_and_made_anew_is_put_as_a_whole(world: World) -> None:
    record = world.put("tariffs")
    world.run()
    world.delete("tariffs", record.key.id)
    world.put("tariffs")
    world.run()
    assert [each.split()[0] for each in world.requests] == ["PUT", "PUT"]
    assert world.state("tariffs", record.key.id) is DeliveryState.DELIVERED


@pytest.mark.req("SES-19", "SES-20")
def test_a_session_is_put_and_then_patched_at_the_emsp_of_its_token_only(world: World) -> None:
    other = world.register("EMSP", "OTH")
    session = world.put("sessions", status="ACTIVE", end_datetime=...)
    world.run()
    world.put("sessions", status="ACTIVE", end_datetime=..., kwh=51)
    world.run()
    path = f"sessions/NL/EXA/{session.key.id}"
    assert world.requests == [f"PUT {path}", f"PATCH {path}"]
    assert world.clients[other.id].asked == []


@pytest.mark.req("CDR-26", "CDR-28")
def test_a_cdr_is_posted_once_to_the_paying_emsp_only(world: World) -> None:
    other = world.register("EMSP", "OTH")
    record = world.put("cdrs")
    world.run()
    for _ in range(3):
        world.stream(record.key)
        world.run()
    assert world.requests == ["POST cdrs"]
    assert world.clients[other.id].asked == []


@pytest.mark.req("CDR-27")
@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("https://partner.example/kept/1", "https://partner.example/kept/1"),
        ("/kept/1", "https://partner.example/kept/1"),
        ("1", "https://partner.example/2.1.1/1"),
        (None, None),
        ("https://elsewhere.example/kept/1", None),
        ("https://[", None),
    ],
)
def test_where_a_cdr_is_kept_is_remembered(world: World, location: str | None, kept: str | None) -> None:
    headers: Any = {"Location": location} if location else {}
    world.client.after = lambda _: enveloped(status=201, **headers)
    record = world.put("cdrs")
    world.run()
    found = world.delivery("cdrs", record.key.id)
    assert found is not None
    assert (found.state, found.url) == (DeliveryState.DELIVERED, kept)


@pytest.mark.req("CDR-28")
def test_a_cdr_whose_post_was_not_answered_clearly_is_looked_up_before_it_is_sent_again(world: World) -> None:
    world.client.after = lambda asked: answer(500) if asked.method == "POST" else None
    record = world.put("cdrs")
    world.run(30)
    assert world.requests == ["POST cdrs", f"GET cdrs/{record.key.id}"]
    assert world.state("cdrs", record.key.id) is DeliveryState.DELIVERED


def test_a_cdr_that_did_not_arrive_is_posted_again_after_the_look(world: World) -> None:
    answers = [answer(500), None]
    world.client.spoil = lambda asked: answers.pop(0) if answers and asked.method == "POST" else None
    record = world.put("cdrs")
    world.run(30)
    assert world.requests == ["POST cdrs", f"GET cdrs/{record.key.id}", "POST cdrs"]
    assert len(world.client.posted) == 1


def test_a_cdr_is_not_looked_up_where_the_partner_is_no_more(world: World) -> None:
    world.client.spoil = lambda asked: answer(500) if asked.method == "POST" else None
    record = world.put("cdrs")
    world.run()
    found = world.delivery("cdrs", record.key.id)
    assert found is not None
    world.store.deliveries.put_many([replace(found, url="https://partner.example/kept/1")])
    moved = "https://new.example"
    world.change_partner(versions_url=f"{moved}/versions", endpoints=endpoints("cdrs", host=moved))
    world.client.asked.clear()
    world.run(30)
    assert world.client.asked
    assert {each.url.partition("/2.1.1")[0] for each in world.client.asked} == {moved}


@pytest.mark.req("TOK-15")
def test_a_token_is_put_to_the_cpo_and_then_patched(world: World) -> None:
    cpo = world.register("CPO", "CPO")
    token = world.put("tokens")
    world.run()
    world.put("tokens", valid=not fixture_valid())
    world.run()
    path = f"tokens/NL/EXA/{token.key.id.partition('/')[2]}"
    assert world.clients[cpo.id].requests == [f"PUT {path}", f"PATCH {path}"]
    assert world.requests == []


def fixture_valid() -> bool:
    return bool(fixture("token_max")["valid"])


def test_an_object_gets_its_push_when_its_audience_is_settled(world: World) -> None:
    record = world.put("sessions", audience="DE-XXX")
    world.run()
    assert world.requests == []
    draft = replace(record.draft(), audience="DE-EMS")
    world.store.objects.put(record.key, draft, expected=record.revision)
    world.stream(record.key)
    world.run()
    assert world.requests == [f"PUT sessions/NL/EXA/{record.key.id}"]


@pytest.mark.req("LOC-74")
def test_a_partner_without_the_endpoint_gets_nothing_and_waits_for_nothing(world: World) -> None:
    world.change_partner(endpoints=endpoints("cdrs"))
    world.put("locations")
    world.run()
    assert world.requests == []
    assert world.delivery("locations", "L-1") is None


def test_what_was_there_before_the_registration_is_not_pushed(world: World) -> None:
    record = world.put("locations", stream=False)
    world.clock.now += 60
    world.change_partner(registered_at=world.clock.wire())
    world.stream(record.key)
    world.run()
    assert world.requests == []


@pytest.mark.parametrize("taken", [True, False])
def test_a_change_while_an_object_is_being_sent_is_sent_after_it(world: World, taken: bool) -> None:
    world.put("locations")
    changed: list[bool] = []

    def change_meanwhile(asked: Asked) -> None:
        if not changed:
            changed.append(True)
            world.set_status("CHARGING")
            if not taken:
                raise_refusal()

    def raise_refusal() -> None:
        world.client.after = lambda asked: (
            answer(400) if asked.method == "PUT" and len(world.client.asked) == 1 else None
        )

    world.client.spoil = change_meanwhile
    world.run()
    assert len(world.requests) == 2
    assert world.client.held[L1]["evses"][0]["status"] == "CHARGING"
    assert world.state("locations", "L-1") is DeliveryState.DELIVERED


def test_what_partners_hold_never_goes_back(world: World) -> None:
    world.put("locations")
    for number in range(20):
        world.set_status("CHARGING" if number % 2 else "AVAILABLE")
        world.clock.now += 1
        if number % 3 == 0:
            world.run()
    world.run()
    assert world.client.held[L1]["evses"][0]["status"] == "CHARGING"
    times = world.client.times[L1]
    assert times == sorted(times)


@pytest.mark.req("TF-28")
def test_a_patch_of_what_is_not_there_becomes_a_look_and_a_put_of_the_whole(world: World) -> None:
    world.put("locations")
    world.run()
    world.client.held.clear()
    world.set_status("CHARGING")
    world.run()
    assert world.requests[1:] == [f"PATCH {L1}/E-100", f"GET {L1}/E-100", f"PUT {L1}"]
    assert world.client.held[L1]["evses"][0]["status"] == "CHARGING"


def test_a_patch_that_is_refused_although_it_was_taken_is_left_at_that(world: World) -> None:
    world.put("locations")
    world.run()
    world.client.after = lambda asked: answer(405) if asked.method == "PATCH" else None
    world.set_status("CHARGING")
    world.run()
    assert world.requests[1:] == [f"PATCH {L1}/E-100", f"GET {L1}/E-100"]
    assert world.state("locations", "L-1") is DeliveryState.DELIVERED


def test_without_patch_everything_goes_out_whole(world: World) -> None:
    world.set(patch=False)
    world.put("locations")
    world.run()
    world.set_status("CHARGING")
    world.run()
    assert world.requests == [f"PUT {L1}", f"PUT {L1}"]


def test_a_module_switched_off_is_held_until_it_is_on_again(world: World) -> None:
    world.set(push={"locations": False})
    world.put("locations")
    world.run(300)
    found = world.delivery("locations", "L-1")
    assert world.requests == []
    assert found is not None
    assert (found.state, found.due) == (DeliveryState.PENDING, HELD)
    world.set(push={"locations": True})
    settings_changed(world.store, world.queue, world.partner)
    world.run()
    assert world.requests == [f"PUT {L1}"]


def test_a_module_switched_off_while_something_waits_holds_it(world: World) -> None:
    world.put("locations")
    world.set(push={"locations": False})
    world.run(120)
    found = world.delivery("locations", "L-1")
    assert world.requests == []
    assert found is not None
    assert found.due == HELD


def test_an_endpoint_that_is_gone_holds_what_waits_and_one_that_is_back_gets_it(world: World) -> None:
    world.put("locations")
    world.change_partner(endpoints=endpoints("cdrs"))
    world.run(120)
    assert world.requests == []
    world.change_partner(endpoints=endpoints("locations", "cdrs", host="https://new.example"))
    settings_changed(world.store, world.queue, world.partner)
    world.run()
    assert [each.url for each in world.client.asked] == ["https://new.example/2.1.1/locations/NL/EXA/L-1"]


def test_a_suspended_partner_gets_nothing_and_everything_when_it_is_back(world: World) -> None:
    world.change_partner(status=PartnerStatus.SUSPENDED)
    world.put("locations")
    world.run(300)
    assert world.requests == []
    world.change_partner(status=PartnerStatus.REGISTERED)
    settings_changed(world.store, world.queue, world.partner)
    world.run()
    assert world.requests == [f"PUT {L1}"]


def test_nothing_remains_of_a_partner_that_has_left(world: World) -> None:
    world.put("locations")
    world.change_partner(status=PartnerStatus.UNREGISTERED, token=None, endpoints=())
    world.run()
    assert world.requests == []
    assert world.delivery("locations", "L-1") is None
    assert world.store.channels.get(world.partner.id).revision == 0


def test_a_wake_up_for_nobody_is_harmless(world: World) -> None:
    world.work(partner=replace(world.partner, id="partner-ems"))
    drain(world.parts(world.partner.id), WakeUp("nobody", "change"), world.clock.now + 60)
    assert world.requests == []


def test_many_objects_go_out_oldest_first_and_each_once(world: World) -> None:
    for number in range(250):
        world.put("tariffs", id=f"T-{number:03}")
        world.clock.now += 0.001
    world.run()
    ids = [each.rpartition("/")[2] for each in world.requests]
    # Four are under way at a time, so the order within a round is theirs.
    in_rounds = [each for begin in range(0, 250, BATCH) for each in sorted(ids[begin : begin + BATCH])]
    assert in_rounds == [f"T-{number:03}" for number in range(250)]
