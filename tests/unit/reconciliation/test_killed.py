"""Whenever the process dies, upkeep has another one go on, and in the end the report and the repairs are complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.reconciliation.world import problems
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.reconciliation.world import World
    from tests.unit.registration.killer import When

pytestmark = pytest.mark.parametrize("when", ["before", "after"])


def with_losses(world: World) -> World:
    for name in ("L1", "L2", "L3"):
        world.give("locations", name)
    world.lose("locations", "L1")
    world.held("locations", "L3")["name"] = "Somewhere else"
    for name in ("C1", "C2"):
        world.give("cdrs", name, audience="DE-ABC")
    world.lose("cdrs", "C1")
    return world


def half_an_hour_later(world: World) -> None:
    """What upkeep and the worker do after the death."""
    for _ in range(6):
        world.moved += 301
        world.look_at_what_is_due()
        for job_id in dict.fromkeys(sent["reconciliation"] for sent, _ in world.queue.sent):
            world.reconciling().work(job_id, 60)
        world.queue.sent.clear()


def test_a_reconciliation_that_dies_anywhere_is_seen_through(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = with_losses(new_world())
        job = world.start("locations", "cdrs", repair=True)
        world.queue.sent.clear()
        with killer:
            world.reconciling(killer).work(job.id, 60)
        half_an_hour_later(world)
        ended = world.known(job.id)
        assert ended.state == "done"
        assert problems(ended) == [
            ("locations", "L1", "missing", True),
            ("locations", "L3", "different", True),
            ("cdrs", "C1", "missing", False),
        ]
        assert (ended.modules["locations"].compared, ended.modules["locations"].repaired) == (3, 2)
        for name in ("L1", "L3"):
            delivery = world.delivery("locations", name)
            assert delivery is not None
            assert (delivery.state, delivery.holds) == ("pending", None)
        cdr = world.delivery("cdrs", "C1")
        assert cdr is not None
        assert cdr.state == "delivered"
        assert world.start("locations").id != job.id


def test_one_that_dies_while_it_starts_holds_up_no_other(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = with_losses(new_world())
        with killer:
            world.starting(killer).by_hand(world.partner, ["locations"], repair=False)
        half_an_hour_later(world)
        assert len(world.reconcile("locations").differences) == 2
