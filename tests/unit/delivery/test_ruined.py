"""An object that was ruined after it was stored is not sent, and keeps no other from being sent."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.catching_up import all_jobs, start
from ocpi.store.deliveries import DeliveryState

if TYPE_CHECKING:
    from ocpi.store.port import Key
    from tests.unit.delivery.world import World


@pytest.mark.parametrize("ruined", [LookupError("document"), zlib.error("x")])
def test_what_cannot_be_read_waits_and_the_others_go(
    world: World, monkeypatch: pytest.MonkeyPatch, ruined: Exception
) -> None:
    for name in ("L-1", "L-2", "L-3"):
        world.put("locations", id=name)
    get, get_many = world.store.objects.get, world.store.objects.get_many

    def check(key: Key) -> None:
        if key.id == "L-2":
            raise ruined

    def get_sound(key: Key) -> Any:
        check(key)
        return get(key)

    def get_many_sound(keys: Any) -> Any:
        for key in keys:
            check(key)
        return get_many(keys)

    monkeypatch.setattr(world.store.objects, "get", get_sound)
    monkeypatch.setattr(world.store.objects, "get_many", get_many_sound)
    world.work("due")
    states = [world.state("locations", name) for name in ("L-1", "L-2", "L-3")]
    assert states == [DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.DELIVERED]
    waiting = world.delivery("locations", "L-2")
    assert waiting is not None
    assert waiting.message is not None
    assert "doctor" in waiting.message
    monkeypatch.undo()
    world.run(3700)
    assert world.state("locations", "L-2") is DeliveryState.DELIVERED


def test_a_comparison_goes_past_what_is_no_json(world: World) -> None:
    for name in ("L-1", "L-2", "L-3"):
        world.put("locations", id=name, stream=False)
    with world.store._database.writing() as db:
        db.execute("UPDATE objects SET document = '{' WHERE id = 'L-2'")
    start(world.store.channels, world.partner.id, all_jobs(world.partner))
    world.work("retry")
    states = [world.state("locations", name) for name in ("L-1", "L-2", "L-3")]
    assert states == [DeliveryState.DELIVERED, None, DeliveryState.DELIVERED]
