"""A command that was accepted is stored with its deadline and passed on, and never forgotten whatever dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.answers import RECEIVED
from ocpi.commands.changes import load_command
from ocpi.commands.command import command_from
from ocpi.faults import Invalid
from ocpi.queues.limits import MAX_BODY_BYTES
from ocpi.store.port import Key, PageQuery
from tests.unit.commands.world import RESPONSE_URL, SECONDS, request
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner
    from tests.unit.commands.world import World
    from tests.unit.registration.killer import When

TYPES = ("RESERVE_NOW", "START_SESSION", "STOP_SESSION", "UNLOCK_CONNECTOR")


def replaced(world: World) -> dict[str, str | None]:
    """Which command each one replaces, as the charge point system hears of it."""
    return {body["command_id"]: body.get("replaces") for body in world.requests.bodies()}


def asked(command_type: str, **changes: Any) -> dict[str, Any]:
    """The request as the charge point system is to see it."""
    return request(command_type, **{"response_url": ..., **changes})


@pytest.mark.parametrize("command_type", TYPES)
def test_a_command_is_stored_with_its_deadline(world: World, emsp: Partner, command_type: str) -> None:
    command = world.now(world.received(emsp, command_type, unknown={"kept": True}))
    assert command.request == asked(command_type, unknown={"kept": True})
    assert (command.partner, command.direction, command.type) == (emsp.id, "received", command_type)
    assert (command.state, command.response, command.result) == ("pending", "ACCEPTED", None)
    assert command.response_url == RESPONSE_URL
    assert (command.requested_at, command.expires_at) == (world.clock.wire(), world.clock.after(SECONDS))


@pytest.mark.parametrize("command_type", TYPES)
def test_a_command_is_put_on_command_requests(world: World, emsp: Partner, command_type: str) -> None:
    command = world.received(emsp, command_type)
    assert world.requests.bodies() == [
        {
            "command_id": command.id,
            "type": command_type,
            "partner": emsp.id,
            "request": asked(command_type),
            "requested_at": command.requested_at,
            "expires_at": command.expires_at,
        }
    ]


def test_the_deadline_is_put_on_command_results_with_its_delay(world: World, emsp: Partner) -> None:
    command = world.received(emsp)
    (message,) = world.results.messages
    assert message.json() == {"command_id": command.id, "timeout": True}
    assert message.visible_at == world.clock.now + SECONDS


def test_the_deadline_is_safe_before_the_charge_point_system_hears_of_the_command(world: World, emsp: Partner) -> None:
    known: list[tuple[int, int]] = []

    class Watching:
        def send(self, body: str) -> None:
            known.append((world.results.depth(), len(world.objects.due(world.clock.after(3600), 10))))

    world.receiving(requests=Watching()).take(emsp, "START_SESSION", request("START_SESSION"))
    assert known == [(1, 1)]


def test_a_command_that_no_queue_takes_is_refused_before_anything_is_stored(world: World, emsp: Partner) -> None:
    for text in ("x" * MAX_BODY_BYTES, "\uffff" * (MAX_BODY_BYTES // 5)):
        with pytest.raises(Invalid):
            world.received(emsp, unknown=text)
    assert world.requests.depth() == world.results.depth() == 0
    assert world.objects.due(world.clock.after(3600), 10) == []


@pytest.mark.parametrize("text", ["\ufffe", "\uffff", "\x07", "\U0001f50c"])
def test_a_command_may_hold_any_character_that_json_may_hold(world: World, emsp: Partner, text: str) -> None:
    command = world.received(emsp, unknown=text)
    assert world.requests.bodies()[0]["request"]["unknown"] == text
    assert world.now(command).request["unknown"] == text


@pytest.mark.req("CMD-20")
def test_a_reservation_under_the_same_id_and_location_replaces_the_first(world: World, emsp: Partner) -> None:
    first, second, third = (world.received(emsp, "RESERVE_NOW") for _ in range(3))
    assert replaced(world) == {first.id: None, second.id: first.id, third.id: second.id}


@pytest.mark.req("CMD-20")
def test_what_replaces_a_refused_reservation_replaces_the_one_that_holds(world: World, emsp: Partner) -> None:
    first = world.received(emsp, "RESERVE_NOW")
    world.answer(first, "ACCEPTED")
    refused = world.received(emsp, "RESERVE_NOW")
    world.answer(refused, "REJECTED")
    third = world.received(emsp, "RESERVE_NOW")
    assert replaced(world) == {first.id: None, refused.id: first.id, third.id: first.id}


@pytest.mark.req("CMD-20")
@pytest.mark.parametrize("changes", [{"reservation_id": 43}, {"location_id": "L-2"}, {"location_id": "L-1/42"}])
def test_a_reservation_under_another_id_or_location_replaces_none(
    world: World, emsp: Partner, changes: dict[str, Any]
) -> None:
    world.received(emsp, "RESERVE_NOW")
    world.received(emsp, "RESERVE_NOW", **changes)
    assert list(replaced(world).values()) == [None, None]


@pytest.mark.req("CMD-21")
def test_reservation_ids_are_each_emsps_own(world: World, emsp: Partner) -> None:
    other = world.partner("EMSP", "OTH")
    first, foreign, again = (world.received(partner, "RESERVE_NOW") for partner in (emsp, other, emsp))
    assert replaced(world) == {first.id: None, foreign.id: None, again.id: first.id}


@pytest.mark.req("CMD-10")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command_type", ["START_SESSION", "RESERVE_NOW"])
def test_whatever_step_dies_a_stored_command_is_answered_with_timeout_once(
    when: When, command_type: str, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        emsp = world.partner("EMSP", "EMS")
        receiving = world.receiving(
            objects=killer.around(world.objects),
            requests=killer.around(world.requests),
            results=killer.around(world.results),
        )
        with killer:
            receiving.take(emsp, command_type, request(command_type))
        stored = world.objects.due(world.clock.after(3600), 10)
        assert killer.died or len(stored) == 1
        world.run(1000)
        assert world.sent == [(RESPONSE_URL, {"result": "TIMEOUT"})] * len(stored)
        assert world.objects.due(world.clock.after(10_000), 10) == []


@pytest.mark.req("CMD-07")
@pytest.mark.parametrize("broken", ["requests", "results"])
def test_a_command_that_cannot_be_passed_on_was_not_accepted_and_brings_no_result(
    world: World, emsp: Partner, broken: str
) -> None:
    class Away:
        def send(self, body: str, *, delay_seconds: int = 0) -> None:
            raise OSError("the queue is away")

    parts: dict[str, Any] = {broken: Away()}
    with pytest.raises(OSError, match="away"):
        world.receiving(**parts).take(emsp, "RESERVE_NOW", request("RESERVE_NOW"))
    world.run(10_000)
    assert (world.sent, world.dead.depth(), world.results.depth()) == ([], 0, 0)
    (document,) = world.objects.page(PageQuery(RECEIVED, limit=10)).documents
    command = command_from(document)
    assert (command.state, command.response, command.result) == ("undeliverable", None, None)
    assert command.error


@pytest.mark.req("CMD-20")
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_dies_a_reservation_sent_again_replaces_one_that_is_stored(
    when: When, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        emsp = world.partner("EMSP", "EMS")
        first = world.received(emsp, "RESERVE_NOW")
        receiving = world.receiving(
            objects=killer.around(world.objects),
            requests=killer.around(world.requests),
            results=killer.around(world.results),
        )
        with killer:
            receiving.take(emsp, "RESERVE_NOW", request("RESERVE_NOW"))
        again = world.received(emsp, "RESERVE_NOW")
        replaces = replaced(world)[again.id]
        assert replaces is not None
        stored = load_command(world.objects, Key(RECEIVED, replaces))
        assert stored is not None
        assert replaces == first.id or replaced(world).get(replaces, first.id) == first.id
