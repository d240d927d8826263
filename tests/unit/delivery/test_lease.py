from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.delivery.channel import LEASE_SECONDS, RENEWED_EVERY_SECONDS, Lease, LeaseLost, change_channel
from ocpi.delivery.drain import ROUND_SECONDS, drain
from ocpi.delivery.fan_out import FanOut
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.wake_ups import NoWakeUp, WakeUp, wake
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Collection, Key

if TYPE_CHECKING:
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

L1 = "locations/NL/EXA/L-1"


def test_a_second_worker_sends_nothing_and_the_first_looks_again(world: World) -> None:
    world.put("tariffs", id="T-1")
    came: list[int] = []

    def meanwhile(_: Asked) -> None:
        if not came:
            came.append(1)
            world.put("tariffs", id="T-2", stream=False)
            mark(world, "T-2")
            before = len(world.requests)
            world.work("change")
            assert len(world.requests) == before

    world.client.spoil = meanwhile
    world.work()
    assert world.requests == ["PUT tariffs/NL/EXA/T-1", "PUT tariffs/NL/EXA/T-2"]
    assert world.store.channels.get(world.partner.id).leased_until is None


def mark(world: World, object_id: str) -> None:
    FanOut(world.store, world.clock).mark([Key(Collection("own", "tariffs"), object_id)])


def test_a_change_while_somebody_delivers_needs_no_message_but_for_its_death(world: World) -> None:
    lease = Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    assert lease is not None
    world.put("tariffs")
    assert [message.json()["why"] for message in world.queue.messages] == ["abandoned"]
    assert world.store.channels.get(world.partner.id).called == 1
    assert not lease.let_go(taken_at=None)
    assert lease.let_go(taken_at=None)


def test_a_worker_that_died_is_replaced_when_its_lease_has_ended(world: World) -> None:
    Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    world.put("tariffs")
    world.run(LEASE_SECONDS - 1)
    assert world.requests == []
    world.run(61)
    assert len(world.requests) == 1


def test_whoever_lost_its_lease_notices_and_writes_nothing(world: World) -> None:
    channels = world.store.channels
    first = Lease.taken(channels, world.partner.id, world.clock(), lambda channel: channel)
    world.clock.now += LEASE_SECONDS + 1
    second = Lease.taken(channels, world.partner.id, world.clock(), lambda channel: channel)
    assert first is not None
    assert second is not None
    with pytest.raises(LeaseLost):
        first.renew(world.clock())
    with pytest.raises(LeaseLost):
        first.let_go(taken_at=None)
    assert channels.get(world.partner.id) == second.channel


def test_every_request_of_a_round_has_ended_before_the_lease_does() -> None:
    assert ROUND_SECONDS < LEASE_SECONDS


def test_a_worker_whose_lease_ends_while_it_sends_does_no_harm(world: World) -> None:
    world.put("locations")
    hung: list[int] = []

    def hangs(_: Asked) -> None:
        if not hung:
            hung.append(1)
            world.clock.now += LEASE_SECONDS + 1
            world.set_status("CHARGING")
            world.work()  # another one takes over, and sends what is newer

    world.client.spoil = hangs
    world.work()
    world.run(120)
    assert world.client.held[L1]["evses"][0]["status"] == "CHARGING"
    assert world.state("locations", "L-1") is DeliveryState.DELIVERED


def test_what_others_write_to_a_channel_is_kept(world: World) -> None:
    channels, partner_id = world.store.channels, world.partner.id
    lease = Lease.taken(channels, partner_id, world.clock(), lambda channel: channel)
    assert lease is not None
    change_channel(channels, partner_id, lambda channel: replace(channel, catch_up="[]", called=7))
    lease.renew(world.clock())
    channel = channels.get(partner_id)
    assert (channel.catch_up, channel.called) == ("[]", 7)
    assert seconds_of(channel.leased_until) > world.clock.now


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"why": "due"}', '{"partner": 1}', '{"partner": ""}'])
def test_a_message_that_names_no_partner_is_none(body: str) -> None:
    with pytest.raises(NoWakeUp):
        WakeUp.read(body)


def test_a_wake_up_survives_the_queue_and_an_odd_reason_is_no_reason_to_drop_it(world: World) -> None:
    WakeUp("p-1", "called").send(world.queue, after=3.2)
    message = world.queue.messages[0]
    assert WakeUp.read(message.body) == WakeUp("p-1", "called")
    assert message.visible_at - world.clock.now == pytest.approx(4, abs=0.1)
    assert WakeUp.read('{"partner": "p-1", "why": ["?"]}') == WakeUp("p-1", "due")
    WakeUp("p-1", "due").send(world.queue, after=100_000)
    assert world.queue.messages[1].visible_at - world.clock.now == pytest.approx(900, abs=0.1)


def test_a_change_that_is_not_seen_at_once_is_looked_for_again(world: World) -> None:
    world.work("change")
    assert [message.json() for message in world.queue.messages] == [{"partner": world.partner.id, "why": "due"}]
    world.run(10)
    assert world.queue.messages == []


def test_waking_is_harmless_for_whom_nobody_knows(world: World) -> None:
    wake(world.store.channels, world.queue, "nobody", world.clock)
    drain(world.parts(world.partner.id), WakeUp("nobody", "change"), world.clock.now + 60)
    assert world.requests == []
    assert world.store.channels.get("nobody").revision == 0


def test_who_works_on_without_sending_keeps_the_lease_with_few_writes(world: World) -> None:
    lease = Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    assert lease is not None
    taken = world.store.channels.get(world.partner.id)
    world.clock.now += RENEWED_EVERY_SECONDS - 1
    lease.keep(world.clock())
    assert world.store.channels.get(world.partner.id) == taken
    world.clock.now += 2
    lease.keep(world.clock())
    kept = world.store.channels.get(world.partner.id)
    assert instant_at(world.clock() + LEASE_SECONDS - 1) < str(kept.leased_until)


def test_a_lease_that_somebody_took_since_the_channel_was_seen_is_not_taken_again(world: World) -> None:
    """Whoever comes with what it saw is no better off than whoever looks."""
    channels = world.store.channels
    seen = channels.get(world.partner.id)
    assert Lease.taken(channels, world.partner.id, world.clock(), lambda channel: channel, seen=seen) is not None
    told: list[int] = []
    again = Lease.taken(
        channels,
        world.partner.id,
        world.clock(),
        lambda channel: channel,
        lambda channel: told.append(channel.called),
        also=lambda channel: replace(channel, paced_until="2999-01-01T00:00:00.000000Z"),
        seen=seen,
    )
    assert (again, told) == (None, [1])
    assert channels.get(world.partner.id).paced_until is None
