"""Whoever stands still for longer than its lease lasts, and then goes on, does no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.channel import LEASE_SECONDS, Lease
from ocpi.store.deliveries import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.delivery.world import World


@dataclass
class Standing:
    """A part at whose calls of one name the process stands still, once, with the answer in its hands."""

    part: Any
    name: str
    meanwhile: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.part, name)
        if name != self.name:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self.meanwhile()
            return answer

        return call


@pytest.mark.parametrize("name", ["get_many", "put_many", "open", "put"])
def test_nothing_that_was_read_before_it_stood_still_is_sent_after_it(world: World, name: str) -> None:
    world.put("locations")
    world.run()
    world.clock.now += 1
    world.set_status("CHARGING")

    def meanwhile() -> None:
        # Another one takes over, and the partner gets something newer.
        world.around = lambda part: part
        for standing in parts:
            standing.name = ""
        world.clock.now += 2 * LEASE_SECONDS
        world.set_status("OUTOFORDER")
        world.work()

    parts: list[Standing] = []

    def around(part: Any) -> Any:
        parts.append(Standing(part, name, meanwhile))
        return parts[-1]

    world.around = around
    world.work()
    world.run(4 * LEASE_SECONDS)
    statuses = [each.body["status"] for each in world.client.asked if each.method == "PATCH"]
    assert statuses[-1] == "OUTOFORDER"
    assert "CHARGING" not in statuses[statuses.index("OUTOFORDER") :]
    assert all(times == sorted(times) for times in world.client.times.values())
    assert world.state("locations", "L-1") is DeliveryState.DELIVERED


def test_whoever_stood_still_after_it_took_the_lease_sends_and_writes_nothing_without_it(world: World) -> None:
    world.put("cdrs")
    due = world.store.deliveries.due(world.partner.id, "9", 10)
    assert len(due) == 1
    others: list[Lease | None] = []
    parts: list[Standing] = []

    def meanwhile() -> None:
        for standing in parts:
            standing.name = ""
        world.clock.now += 2 * LEASE_SECONDS
        others.append(Lease.taken(world.store.channels, world.partner.id, world.clock(), lambda channel: channel))

    def around(part: Any) -> Any:
        parts.append(Standing(part, "put", meanwhile))
        return parts[-1]

    world.around = around
    world.work()
    assert world.requests == []
    assert world.store.deliveries.due(world.partner.id, "9", 10) == due
    (other,) = others
    assert other is not None
    assert world.store.channels.get(world.partner.id) == other.channel
