"""Commands that are due: whatever became of their messages, each one ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.commands.receiving import GRACE_SECONDS
from ocpi.commands.upkeep import CommandUpkeep
from tests.unit.commands.fakes import answer
from tests.unit.commands.world import RESPONSE_URL, SECONDS
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner
    from tests.unit.commands.world import World
    from tests.unit.registration.killer import When

TIMEOUT = [(RESPONSE_URL, {"result": "TIMEOUT"})]


def test_nothing_is_due_while_its_messages_may_still_come(world: World, emsp: Partner) -> None:
    world.received(emsp)
    assert world.objects.due(world.clock.after(SECONDS), 10) == []
    assert len(world.objects.due(world.clock.after(SECONDS + GRACE_SECONDS), 10)) == 1


@pytest.mark.req("CMD-10")
def test_a_command_whose_deadline_was_lost_is_answered_with_timeout(world: World, emsp: Partner) -> None:
    command = world.received(emsp)
    world.results.messages.clear()
    world.run(3600)
    assert world.sent == TIMEOUT
    assert world.now(command).state == "timed_out"


def test_what_upkeep_puts_back_on_its_way_is_not_sent_sooner_than_its_pause(world: World, emsp: Partner) -> None:
    world.client.answers(answer(429, Retry_After="700"), answer())
    world.answered(emsp)
    world.run(3600)
    first, second = (sent.at for sent in world.client.sent)
    assert second - first >= 700


def test_upkeep_that_runs_without_end_multiplies_no_messages(world: World, emsp: Partner) -> None:
    world.client.answers(answer(500))
    world.answered(emsp)
    for _ in range(80):
        world.keep_up()
        world.run(10)
        assert world.results.depth() <= 2
    world.run(3600)
    assert (world.results.depth(), world.dead.depth()) == (0, 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_of_upkeep_dies_the_next_run_does_it(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = new_world()
        world.received(world.partner("EMSP", "EMS"))
        world.results.messages.clear()
        world.clock.now += 100
        (record,) = world.objects.due(world.clock.wire(), 10)
        with killer:
            CommandUpkeep(killer.around(world.objects), killer.around(world.results)).look_at(record)
        world.run(3600)
        assert world.sent == TIMEOUT
        assert world.objects.due(world.clock.after(86_400), 10) == []
