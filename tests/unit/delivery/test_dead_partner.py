from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ocpi.delivery.instants import seconds_of
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.deliveries import DeliveryState
from ocpi.vault.port import SealBroken
from tests.unit.commands.fakes import answer
from tests.unit.commands.world import OpenVault

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World


def refuses_connections(_: Asked) -> Answer:
    raise PartnerUnreachable("connect", "no connection")


def times_out(_: Asked) -> Answer:
    raise PartnerUnreachable("timeout", "no answer")


def fails(_: Asked) -> Answer:
    return answer(500)


DEAD = [refuses_connections, times_out, fails]


def change_for(world: World, seconds: int, *, every: int = 5) -> None:
    for number in range(0, seconds, every):
        world.put("tariffs", id=f"T-{number % 50}", currency=("EUR", "NOK", "SEK")[number % 3])
        world.run(every)


@pytest.mark.parametrize("dead", DEAD)
def test_a_dead_partner_is_left_in_peace(world: World, dead: object) -> None:
    world.client.spoil = dead  # type: ignore[assignment] # one of those above
    change_for(world, 3600)
    assert len(world.requests) <= 25
    assert world.now(world.partner).behind_since is not None


@pytest.mark.req("TF-59")
@pytest.mark.parametrize("dead", DEAD)
def test_a_partner_that_answers_again_gets_the_current_state_of_all_it_missed_oldest_first(
    world: World, dead: object
) -> None:
    world.client.spoil = dead  # type: ignore[assignment] # one of those above
    for _ in range(3):
        for number in range(10):
            world.put("tariffs", id=f"T-{number}", currency=("EUR", "NOK", "SEK")[_])
            world.run(60)
    before = len(world.requests)
    world.client.spoil = lambda _: None
    world.work("called")
    world.run(2)
    puts = world.requests[before:]
    assert sorted(puts) == [f"PUT tariffs/NL/EXA/T-{number}" for number in range(10)]
    assert {each["currency"] for each in world.client.held.values()} == {"SEK"}
    assert world.now(world.partner).behind_since is None
    channel = world.store.channels.get(world.partner.id)
    assert (channel.failures, channel.paused_until, channel.behind_since) == (0, None, None)


def test_its_call_wakes_a_partner_but_not_when_it_was_tried_a_moment_ago(world: World) -> None:
    world.client.spoil = refuses_connections
    world.put("tariffs")
    world.run(600)
    before = len(world.requests)
    for _ in range(5):
        world.work("called")
    assert len(world.requests) == before + 1
    world.clock.now += 11
    world.work("called")
    assert len(world.requests) == before + 2


def test_a_dead_partner_costs_no_message_for_each_change(world: World) -> None:
    world.client.spoil = refuses_connections
    world.put("tariffs")
    world.run(600)
    before = len(world.queue.messages)
    for number in range(50):
        world.put("tariffs", id=f"T-{number}")
    assert len(world.queue.messages) == before


def test_a_dead_partner_holds_up_nobody_else(world: World) -> None:
    other = world.register("EMSP", "OTH")
    world.client.spoil = times_out
    change_for(world, 60)
    assert len(world.clients[other.id].requests) == 12


def test_one_poisoned_object_holds_up_no_other_and_no_partner(world: World) -> None:
    world.client.spoil = lambda asked: answer(500) if asked.url.endswith("/BAD") else None
    world.put("tariffs", id="BAD")
    world.run()
    change_for(world, 3600)
    assert world.now(world.partner).behind_since is None
    assert world.store.channels.get(world.partner.id).failures == 0
    arrived = {each.url.rpartition("/")[2]: each.at for each in world.client.asked}
    assert len(world.client.held) == 10
    tries = [each.at for each in world.client.asked if each.url.endswith("/BAD")]
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert 8 <= len(tries) <= 16
    assert pauses[-1] > 300 > pauses[0]
    assert arrived
    found = world.delivery("tariffs", "BAD")
    assert found is not None
    assert (found.state, found.http_status) == (DeliveryState.PENDING, 500)


def test_changes_reach_a_partner_with_a_poisoned_object_at_once(world: World) -> None:
    world.client.spoil = lambda asked: answer(500) if asked.url.endswith("/BAD") else None
    world.put("tariffs", id="BAD")
    world.run(900)
    for number in range(10):
        began = world.clock.now
        world.put("tariffs", id=f"T-{number}")
        world.run(30)
        assert world.client.asked[-1].at - began < 1 or world.requests[-1].endswith("/BAD")
        assert f"tariffs/NL/EXA/T-{number}" in world.client.held


def test_a_probe_that_is_answered_with_an_error_makes_room_for_another_object(world: World) -> None:
    world.client.spoil = fails
    for number in range(6):
        world.put("tariffs", id=f"T-{number}")
    world.run(120)
    probed = {each.rpartition("/")[2] for each in world.requests[4:]}
    assert len(probed) >= 3
    # What is broken at the partner for good are two objects; all others are well.
    world.client.spoil = lambda asked: answer(500) if asked.url.endswith(("T-0", "T-1")) else None
    world.run(1800)
    assert len(world.client.held) == 4
    assert world.now(world.partner).behind_since is None


def test_a_token_that_cannot_be_opened_is_the_partners_problem_and_sends_nothing(world: World) -> None:
    class Broken:
        def open(self, sealed: str, *, about: str) -> str:
            raise SealBroken("other key")

        def __getattr__(self, name: str) -> object:
            raise AttributeError(name)

    world.around = lambda part: Broken() if isinstance(part, OpenVault) else part
    world.put("tariffs")
    world.run(600)
    assert world.requests == []
    assert world.now(world.partner).behind_since is not None
    assert seconds_of(world.store.channels.get(world.partner.id).paused_until) > world.clock.now
    world.around = lambda part: part
    world.work("retry")
    assert len(world.requests) == 1
    assert world.now(world.partner).behind_since is None


@pytest.mark.parametrize("vanishes", ["deleted", "switched off"])
def test_a_partner_is_not_behind_any_more_when_what_it_missed_is_of_no_matter(world: World, vanishes: str) -> None:
    world.client.spoil = lambda _: answer(503)
    world.put("tariffs", id="T-1")
    world.put("tariffs", id="T-2")
    world.run(120)
    assert world.now(world.partner).behind_since is not None
    if vanishes == "deleted":
        world.store.deliveries.delete_many(
            [each for each in map(partial(world.delivery, "tariffs"), ("T-1", "T-2")) if each]
        )
    else:
        world.set(push={"tariffs": False})
    world.run(1200)
    assert world.now(world.partner).behind_since is None
    channel = world.store.channels.get(world.partner.id)
    assert (channel.failures, channel.behind_since) == (0, None)
