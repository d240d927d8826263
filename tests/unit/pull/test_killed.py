"""Whenever the process dies, upkeep has another one go on, and in the end everything is here that should be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ocpi.pull.scheduling import SCHEDULES, schedule_from
from ocpi.pull.sync import SYNCS
from ocpi.store.port import Collection, PageQuery
from tests.unit.pull.world import listed
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.pull.world import World
    from tests.unit.registration.killer import When

pytestmark = pytest.mark.parametrize("when", ["before", "after"])


def with_lists(world: World) -> World:
    world.lists.lists = {
        "tariffs": [listed("tariffs", f"T{n}") for n in range(3)],
        "locations": [listed("locations", f"L{n}") for n in range(2)],
        "cdrs": [listed("cdrs", "C1")],
    }
    world.lists.most = 2
    return world


def upkeep(world: World) -> None:
    """What upkeep and the worker do in half an hour after the death."""
    for _ in range(6):
        world.moved += timedelta(minutes=5, seconds=1)
        world.upkeep().attend()
        for record in world.store.objects.due(world.now()[:19] + "Z", 100):
            if record.key.collection == SYNCS:
                world.upkeep().look_at_sync(record)
            elif record.key.collection == SCHEDULES:
                world.upkeep().look_at_schedule(record)
        for sync_id in dict.fromkeys(sent for sent, _ in world.queue.sent):
            world.pulling().work(sync_id, 60)
        world.queue.sent.clear()


def test_a_sync_that_dies_anywhere_is_seen_through(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = with_lists(new_world())
        world.push("tariffs", listed("tariffs", "OLD"))
        sync = world.start()
        world.queue.sent.clear()
        with killer:
            world.pulling(killer).work(sync.id, 60)
        upkeep(world)
        ended = world.known(sync.id)
        assert ended.state == "done"
        tariffs = ended.modules["tariffs"]
        assert (tariffs.received, tariffs.skipped, tariffs.complete, tariffs.errors) == (3, 0, True, ())
        assert tariffs.stored + tariffs.unchanged == 3
        assert tariffs.removed <= 1
        assert world.stored("tariffs", "OLD") is None
        assert all(world.stored("tariffs", f"T{n}") for n in range(3))
        assert all(world.stored("locations", f"L{n}")["evses"][0]["status"] == "AVAILABLE" for n in range(2))  # type: ignore[index] # they are there
        assert world.stored("cdrs", "C1")
        for module in ("tariffs", "locations"):
            assert world.store.objects.page(PageQuery(Collection("jobs", f"seen-{sync.id}-{module}"), 10)).total == 0


def test_a_pull_that_is_due_is_started_whenever_upkeep_dies(
    when: When, new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The weekly full pull comes at a random time, which is not to be within this half hour.
    monkeypatch.setattr("ocpi.pull.scheduling.random.random", lambda: 0.9)
    for killer in every_step(when):
        world = with_lists(new_world())
        with killer:
            world.upkeep(killer).attend()
        upkeep(world)
        assert all(world.stored("tariffs", f"T{n}") for n in range(3))
        assert world.store.objects.page(PageQuery(SYNCS, 10)).total == 1
        record = world.store.objects.page(PageQuery(SCHEDULES, 10))
        assert record.total == 1


def test_a_sync_by_hand_that_dies_while_it_starts_holds_up_no_other(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = with_lists(new_world())
        with killer:
            world.starting(killer).by_hand(world.partner, ["tariffs"], full=False)
        upkeep(world)
        again = world.sync("tariffs")
        assert again.state == "done"
        found = world.store.objects.get(next(iter([again.key])))
        assert found is not None
        (schedule,) = [
            schedule_from(record)
            for record in world.store.objects.due("9999-01-01T00:00:00Z", 100)
            if record.key.collection == SCHEDULES
        ]
        assert schedule.running is None
