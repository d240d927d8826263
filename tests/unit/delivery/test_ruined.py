"""An object that was ruined after it was stored is not sent, and keeps no other from being sent."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.catching_up import all_jobs, start
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Collection, Key

if TYPE_CHECKING:
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


def test_a_comparison_goes_past_records_that_the_store_cannot_read(world: World) -> None:
    for name in ("T-1", "T-2", "T-3"):
        world.put("tariffs", id=name)
    world.run()
    held = world.delivery("tariffs", "T-2")
    for name in ("T-4", "T-5"):
        world.put("tariffs", id=name, stream=False)
    gone = world.store.objects.get(Key(Collection("own", "tariffs"), "T-3"))
    assert gone is not None
    world.store.objects.delete(gone.key, expected=gone.revision)
    with world.store._database.writing() as db:
        db.execute("UPDATE objects SET findings = '[' WHERE id IN ('T-2', 'T-4')")
    sent = len(world.requests)
    start(world.store.channels, world.partner.id, all_jobs(world.partner))
    world.work("retry")
    assert world.requests[sent:] == ["PUT tariffs/NL/EXA/T-5", "DELETE tariffs/NL/EXA/T-3"]
    channel = world.store.channels.get(world.partner.id)
    assert (channel.catch_up, channel.leased_until) == (None, None)
    assert world.delivery("tariffs", "T-2") == held
