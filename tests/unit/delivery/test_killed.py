"""Whoever works on deliveries dies before or after any single call; repeated, every partner holds what there is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ocpi import strict_json
from ocpi.delivery.catching_up import all_jobs, start
from ocpi.delivery.channel import LEASE_SECONDS
from ocpi.delivery.retry import Retry
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Collection, PageQuery
from ocpi.v2_1_1.pushes import same
from tests.unit.commands.fakes import answer
from tests.unit.registration.killer import Killed, When, every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.delivery.world import World

WHEN: tuple[When, ...] = ("before", "after")


def survives(world: World, killer: Any, work: Callable[[], None]) -> None:
    """Work once with the killer around, then as everything goes on in time without it."""
    world.around = killer.around
    with killer:
        work()
    world.around = lambda part: part


def everything(world: World) -> None:
    world.put("locations")
    world.put("tariffs", id="T-1")
    world.put("sessions", status="ACTIVE", end_datetime=...)
    world.put("cdrs")


def assert_in_step(world: World) -> None:
    client = world.client
    held = {path.split("/")[0]: document for path, document in client.held.items() if not path.startswith("tariffs")}
    own = {"locations": "L-1", "sessions": client_id(world, "sessions"), "cdrs": client_id(world, "cdrs")}
    for module, object_id in own.items():
        record = world.store.objects.page(query(module)).documents
        assert len(record) == 1
        found = world.delivery(module, object_id)
        assert found is not None
        assert (module, found.state) == (module, DeliveryState.DELIVERED)
        assert same(module, as_json(record[0]), held[module]) == []
    assert len(client.posted) == 1
    for times in client.times.values():
        assert times == sorted(times)


def client_id(world: World, module: str) -> str:
    return str(as_json(world.store.objects.page(query(module)).documents[0])["id"])


def query(module: str) -> Any:
    return PageQuery(Collection("own", module), limit=10)


def as_json(text: str) -> Any:
    return strict_json.read(text)


@pytest.mark.parametrize("when", WHEN)
def test_while_changes_are_handed_on(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        keys = [world.put("locations", stream=False).key, world.put("cdrs", stream=False).key]
        keys += [world.put("sessions", stream=False).key]
        survives(world, killer, partial(world.stream, *keys))
        if killer.died:
            world.stream(*keys)  # the batch comes again
        world.run(3 * LEASE_SECONDS)
        assert_in_step(world)


@pytest.mark.parametrize("when", WHEN)
def test_while_everything_is_delivered_for_the_first_time(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        everything(world)
        survives(world, killer, world.work)
        world.run(4 * LEASE_SECONDS)
        assert_in_step(world)


@pytest.mark.parametrize("when", WHEN)
def test_while_changes_are_delivered(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        everything(world)
        world.run()
        world.clock.now += 1
        world.set_status("CHARGING")
        world.put("sessions", status="ACTIVE", end_datetime=..., kwh=51)
        world.delete("tariffs", "T-1")
        survives(world, killer, world.work)
        world.clock.now += 1
        world.set_status("OUTOFORDER")
        world.run(4 * LEASE_SECONDS)
        assert_in_step(world)
        assert not any(path.startswith("tariffs") for path in world.client.held)
        assert world.delivery("tariffs", "T-1") is None


@pytest.mark.parametrize("when", WHEN)
def test_while_a_partner_comes_back(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        world.client.spoil = lambda _: answer(503)
        everything(world)
        world.run(120)
        assert world.now(world.partner).behind_since is not None
        world.client.spoil = lambda _: None
        survives(world, killer, partial(world.work, "called"))
        world.run(1800)
        assert_in_step(world)
        assert world.now(world.partner).behind_since is None


@pytest.mark.parametrize("when", WHEN)
def test_while_a_partner_fails(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        world.client.after = lambda _: answer(500)
        everything(world)
        survives(world, killer, world.work)
        world.client.after = lambda _: None
        world.run(600)
        assert_in_step(world)


@pytest.mark.parametrize("when", WHEN)
def test_while_everything_is_compared(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        for module in ("locations", "sessions", "cdrs"):
            world.put(module, stream=False)
        start(world.store.channels, world.partner.id, all_jobs(world.partner))
        survives(world, killer, partial(world.work, "due"))
        world.run(4 * LEASE_SECONDS)
        assert_in_step(world)
        assert world.store.channels.get(world.partner.id).catch_up is None


@pytest.mark.parametrize("when", WHEN)
def test_while_the_operator_has_everything_sent_again(new_world: Callable[[], World], when: When) -> None:
    for killer in every_step(when):
        world = new_world()
        everything(world)
        world.run()

        def again(world: World = world) -> None:
            store, queue = world.watched_store(), world.around(world.queue)
            Retry(store, queue, world.clock).everything_missed(world.partner, everything=True)

        survives(world, killer, again)
        if killer.died:
            again()
        world.run(4 * LEASE_SECONDS)
        assert_in_step(world)


def test_a_killed_worker_raises_nothing_else(world: World) -> None:
    world.put("locations")
    killers = every_step("before")
    killer = next(killers)
    world.around = killer.around
    with pytest.raises(Killed):
        world.work()
