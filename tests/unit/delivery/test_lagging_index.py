"""What was marked a moment ago may be missing in the index of what is due; it is delivered a moment later."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi import strict_json
from ocpi.delivery.catching_up import all_jobs, start
from ocpi.delivery.channel import LEASE_SECONDS, Lease
from ocpi.delivery.drain import drain
from ocpi.delivery.wake_ups import MOST_NOTED, WakeUp
from ocpi.store.deliveries import DeliveryKey, DeliveryState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.deliveries import Delivery
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

SOON = 5.0
AT_ONCE = 0.5
"""Less than it takes until somebody looks again."""


class Lagging:
    """Deliveries of which ``due`` shows none that was written less than ``lag`` seconds ago."""

    def __init__(self, world: World, lag: float) -> None:
        self._world, self._lag = world, lag
        self._written: dict[DeliveryKey, float] = {}
        self._looks = 0

    def put_many(self, deliveries: Sequence[Delivery]) -> Any:
        self._written.update(dict.fromkeys((each.key for each in deliveries), self._world.clock.now))
        return self._world.store.deliveries.put_many(deliveries)

    def due(self, partner_id: str, at: str, limit: int) -> list[Delivery]:
        found = self._world.store.deliveries.due(partner_id, at, limit)
        return [each for each in found if self._written.get(each.key, 0.0) + self._lag <= self._world.clock.now]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.store.deliveries, name)


@pytest.fixture(params=[0.05, 1.0])
def lagging(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    store, deliveries = world.store, Lagging(world, request.param)
    parts = SimpleNamespace(
        objects=store.objects, partners=store.partners, channels=store.channels, deliveries=deliveries
    )
    monkeypatch.setattr(world, "watched_store", lambda: parts)
    return world


def test_a_change_on_which_somebody_was_woken(lagging: World) -> None:
    lagging.put("tariffs", id="T-1")
    lagging.run(SOON)
    assert lagging.state("tariffs", "T-1") is DeliveryState.DELIVERED


def test_what_a_wake_up_names_waits_for_no_index(lagging: World) -> None:
    lagging.put("tariffs", id="T-1")
    lagging.run(AT_ONCE)
    assert lagging.state("tariffs", "T-1") is DeliveryState.DELIVERED
    assert lagging.queue.messages == []


def test_what_a_wake_up_names_goes_out_however_much_else_is_due(lagging: World) -> None:
    for number in range(3):
        lagging.put("tariffs", id=f"OLD-{number}")
    lagging.queue.messages.clear()
    lagging.clock.now += 10
    lagging.put("tariffs", id="NEW")
    lagging.run(AT_ONCE)
    assert lagging.state("tariffs", "NEW") is DeliveryState.DELIVERED


def test_many_that_a_wake_up_names_under_a_rate_limit(lagging: World) -> None:
    lagging.set(requests_per_minute=4)
    keys = [lagging.put("tariffs", id=f"T-{number}", stream=False).key for number in range(5)]
    lagging.stream(*keys)
    lagging.run(120)
    assert {lagging.state("tariffs", f"T-{number}") for number in range(5)} == {DeliveryState.DELIVERED}


def test_more_than_a_wake_up_can_name(lagging: World) -> None:
    keys = [lagging.put("tariffs", id=f"T-{number:03}", stream=False).key for number in range(MOST_NOTED + 1)]
    lagging.stream(*keys)
    (message,) = lagging.queue.messages
    assert "noted" not in message.json()
    lagging.run(SOON)
    assert len(lagging.client.held) == MOST_NOTED + 1


def test_no_message_holds_the_number_of_a_card() -> None:
    sent: list[str] = []

    class Sink:
        def send(self, body: str, *, delay_seconds: int = 0) -> None:
            sent.append(body)

    queue: Any = Sink()
    noted = (DeliveryKey("p", "locations", "L-1"), DeliveryKey("p", "tokens", "04A1B2C3D4E5F6"))
    WakeUp("p", "change", noted).send(queue)
    WakeUp("p", "change", noted[:1]).send(queue)
    assert [json.loads(body).get("noted") for body in sent] == [None, [["locations", "L-1"]]]


def test_a_partner_at_its_limit_when_it_is_woken_about_something(lagging: World) -> None:
    """What was named is not forgotten by whoever has to give up before looking at all."""
    lagging.set(requests_per_minute=4)
    lagging.put("tariffs", id="T-1")
    lagging.run(SOON)
    lagging.put("tariffs", id="T-2")
    wake_up = WakeUp.read(lagging.queue.messages.pop().body)
    drain(lagging.parts(lagging.partner.id), wake_up, lagging.clock.now + 1)
    assert lagging.state("tariffs", "T-2") is DeliveryState.PENDING
    lagging.run(40)
    assert lagging.state("tariffs", "T-2") is DeliveryState.DELIVERED


def test_in_the_ordinary_case_nobody_looks_a_second_time(world: World) -> None:
    world.put("tariffs", id="T-1")
    world.run(SOON)
    before, sent = world.store.channels.get(world.partner.id).revision, world.messages_from_now_on()
    world.put("tariffs", id="T-2")
    (message,) = world.queue.messages
    assert message.json()["noted"] == [["tariffs", "T-2"]]
    world.run(SOON)
    assert len(world.client.held) == 2
    assert len(sent) == 1
    # The lease and the booking; letting both go.
    assert world.store.channels.get(world.partner.id).revision == before + 2


@pytest.mark.parametrize(
    "noted", ['"T-1"', '["tariffs"]', '[["tariffs", 1]]', '[["tariffs", "T-1", "x"]]', '[[null, "T-1"]]', "{}", "null"]
)
def test_of_what_cannot_be_read_nothing_is_taken_for_named(noted: str) -> None:
    assert WakeUp.read(f'{{"partner": "p", "why": "change", "noted": {noted}}}') == WakeUp("p", "change")


def test_a_wake_up_that_names_more_than_any_that_we_send_names_nothing() -> None:
    noted = [["tariffs", f"T-{number}"] for number in range(MOST_NOTED + 1)]
    assert WakeUp.read(strict_json.write({"partner": "p", "why": "change", "noted": noted})).noted == ()


def test_a_change_while_somebody_delivers(lagging: World) -> None:
    came: list[int] = []

    def meanwhile(_: Asked) -> None:
        if not came:
            came.append(1)
            lagging.put("tariffs", id="T-2")

    lagging.client.spoil = meanwhile
    lagging.put("tariffs", id="T-1")
    lagging.run(2 * SOON)
    assert lagging.state("tariffs", "T-2") is DeliveryState.DELIVERED


def test_a_change_while_older_ones_are_due(lagging: World) -> None:
    lagging.put("tariffs", id="T-1")
    lagging.queue.messages.clear()
    lagging.clock.now += 10
    lagging.put("tariffs", id="T-2")
    lagging.run(SOON)
    assert [lagging.state("tariffs", each) for each in ("T-1", "T-2")] == [DeliveryState.DELIVERED] * 2


def test_what_a_comparison_finds(lagging: World) -> None:
    lagging.put("tariffs", id="T-1", stream=False)
    start(lagging.store.channels, lagging.partner.id, all_jobs(lagging.partner))
    lagging.work("due")
    lagging.run(SOON)
    assert lagging.state("tariffs", "T-1") is DeliveryState.DELIVERED


def test_nobody_looks_for_ever(world: World) -> None:
    for number in range(10):
        world.put("tariffs", id=f"T-{number}")
    world.work("change")
    world.run(SOON)
    before = world.store.channels.get(world.partner.id).revision
    world.run(50)
    assert world.queue.messages == []
    assert world.store.channels.get(world.partner.id).revision == before


def test_whoever_finds_a_lease_sees_to_it_once_that_its_end_is_watched(world: World) -> None:
    Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    for number in range(5):
        world.put("tariffs", id=f"T-{number}")
    world.work("change")
    assert [message.json()["why"] for message in world.queue.messages] == ["abandoned"]
    # Before upkeep comes by, which is after a minute.
    world.run(LEASE_SECONDS + 3)
    assert len(world.client.held) == 5


def test_a_lease_that_has_ended_well_needs_nobody_to_look(world: World) -> None:
    lease = Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    world.put("tariffs")
    assert lease is not None
    assert not lease.let_go(taken_at=None)
    assert lease.was_called()
    assert not lease.was_called()
    assert lease.let_go(taken_at=None)
    before = world.store.channels.get(world.partner.id)
    world.work("abandoned")
    assert world.store.channels.get(world.partner.id) == before


def test_a_lease_that_is_renewed_for_long_is_watched_again(world: World) -> None:
    lease = Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel)
    assert lease is not None
    world.put("tariffs", id="T-1")
    for _ in range(3):
        assert world.store.channels.get(world.partner.id).called == 1
        world.clock.now += LEASE_SECONDS / 3 - 1
        lease.renew(world.clock())
    world.clock.now += LEASE_SECONDS / 3
    lease.renew(world.clock())
    assert world.store.channels.get(world.partner.id).called == 0
    assert lease.was_called()
    assert not lease.was_called()
    world.put("tariffs", id="T-2")
    assert len(world.queue.messages) == 2
