"""Who is left in peace is tried again when its rest ends, and gets what it missed in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.delivery.sweeping import sweep
from ocpi.outbound.unreachable import PartnerUnreachable
from tests.unit.commands.fakes import answer

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World


def refuses_connections(_: Asked) -> Answer:
    raise PartnerUnreachable("connect", "no connection")


def tried_at(world: World) -> list[float]:
    return [asked.at for asked in world.client.asked]


@pytest.mark.parametrize("why", ["called", "retry"])
def test_the_end_of_a_rest_that_the_partner_asked_for_needs_no_upkeep(world: World, why: str) -> None:
    world.client.spoil = lambda _: answer(429, **{"Retry-After": "5"})
    world.put("tariffs")
    world.run()
    world.client.spoil = lambda _: None
    world.work(why)
    world.run(20)
    first, second = tried_at(world)
    assert 5 <= second - first < 7


def test_a_call_a_moment_after_a_try_has_the_partner_tried_a_moment_later(world: World) -> None:
    world.client.spoil = refuses_connections
    world.put("tariffs")
    world.run(600)
    world.work("retry")
    world.client.spoil = lambda _: None
    world.work("called")
    world.run(5)
    *_, failed, taken = tried_at(world)
    assert 2 <= taken - failed < 4
    assert len(world.client.held) == 1


def test_after_an_outage_the_oldest_goes_first(world: World) -> None:
    world.client.spoil = refuses_connections
    for number in range(12):
        world.put("tariffs", id=f"T-{number}")
        world.run(3)
    before = len(world.requests)
    world.client.spoil = lambda _: None
    world.work("retry")
    world.run(5)
    assert world.requests[before:] == [f"PUT tariffs/NL/EXA/T-{number}" for number in range(12)]


def test_the_sweep_leaves_what_was_there_in_the_second_of_the_registration(world: World) -> None:
    received = world.put("tariffs", id="THEN", stream=False).received
    world.change_partner(registered_at=f"{received[:19]}Z")
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run()
    assert world.requests == []
