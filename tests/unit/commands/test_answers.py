"""The charge point's answer: the first one counts, in time, and of an answer and the deadline exactly one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ocpi.commands.answers import RESULTS, Answers
from ocpi.errors import NotFound, StateConflict
from tests.unit.commands.world import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.commands.command import Command
    from ocpi.store.port import Partner
    from tests.unit.commands.world import World

RACES = 40


@pytest.fixture
def command(world: World, emsp: Partner) -> Command:
    """A command that waits for its charge point."""
    return world.received(emsp)


@pytest.mark.req("CMD-04", "CMD-11")
@pytest.mark.parametrize("result", RESULTS)
def test_an_answer_is_recorded(world: World, command: Command, result: str) -> None:
    world.clock.now += 7
    Answers(world.objects).take(command.id, result)
    now = world.now(command)
    assert (now.state, now.result, now.answered_at) == ("answered", result, world.clock.wire())


def test_the_same_answer_again_changes_nothing(world: World, command: Command) -> None:
    Answers(world.objects).take(command.id, "REJECTED")
    before = world.objects.get(command.key)
    world.clock.now += 1
    assert Answers(world.objects).take(command.id, "REJECTED").result == "REJECTED"
    assert world.objects.get(command.key) == before


def test_the_same_answer_again_is_welcome_after_the_deadline_too(world: World, command: Command) -> None:
    Answers(world.objects).take(command.id, "REJECTED")
    world.clock.now += SECONDS + 1
    assert Answers(world.objects).take(command.id, "REJECTED").state == "answered"


def test_another_answer_is_refused_and_the_first_stays(world: World, command: Command) -> None:
    Answers(world.objects).take(command.id, "REJECTED")
    with pytest.raises(StateConflict, match="REJECTED"):
        Answers(world.objects).take(command.id, "ACCEPTED")
    assert world.now(command).result == "REJECTED"


def test_an_answer_is_taken_up_to_the_deadline_and_not_after_it(world: World, emsp: Partner, command: Command) -> None:
    other = world.received(emsp)
    world.clock.now += SECONDS
    assert Answers(world.objects).take(command.id, "ACCEPTED").result == "ACCEPTED"
    world.clock.now += 1
    with pytest.raises(StateConflict, match="deadline"):
        Answers(world.objects).take(other.id, "ACCEPTED")
    assert world.now(other).state == "pending"


@pytest.mark.parametrize("result", ["ACCEPTED", "TIMEOUT"])
def test_after_the_deadline_was_answered_every_answer_is_late(world: World, command: Command, result: str) -> None:
    world.clock.now += SECONDS
    Answers(world.objects).time_out(command.id)
    with pytest.raises(StateConflict, match="TIMEOUT"):
        Answers(world.objects).take(command.id, result)
    assert (world.now(command).state, world.now(command).result) == ("timed_out", "TIMEOUT")


@pytest.mark.parametrize("change", [str.upper, lambda text: f"{text}0", lambda _: "0" * 32])
def test_an_answer_to_a_command_that_does_not_exist_is_not_found(
    world: World, emsp: Partner, change: Callable[[str], str]
) -> None:
    commands = [world.received(emsp) for _ in range(3)]
    command = next(command for command in commands if command.id.upper() != command.id)
    with pytest.raises(NotFound):
        Answers(world.objects).take(change(command.id), "ACCEPTED")
    assert world.now(command).state == "pending"


def test_an_answer_to_a_command_that_we_sent_is_not_found(world: World, cpo: Partner) -> None:
    sent = world.sending().send(cpo, "START_SESSION", {"location_id": "L-1"})
    with pytest.raises(NotFound):
        Answers(world.objects).take(sent.id, "ACCEPTED")


def test_the_deadline_does_not_come_early(world: World, command: Command) -> None:
    world.clock.now += SECONDS - 1
    assert Answers(world.objects).time_out(command.id) is None
    assert world.now(command).state == "pending"


def test_the_deadline_comes_once(world: World, command: Command) -> None:
    world.clock.now += SECONDS
    timed_out = Answers(world.objects).time_out(command.id)
    assert timed_out is not None
    assert (timed_out.state, timed_out.result) == ("timed_out", "TIMEOUT")
    assert Answers(world.objects).time_out(command.id) is None


def test_the_deadline_does_not_touch_what_was_answered(world: World, command: Command) -> None:
    Answers(world.objects).take(command.id, "ACCEPTED")
    world.clock.now += SECONDS + 100
    assert Answers(world.objects).time_out(command.id) is None
    assert world.now(command).result == "ACCEPTED"


@pytest.mark.req("CMD-09", "CMD-10")
def test_of_an_answer_and_the_deadline_in_the_same_moment_exactly_one_counts_and_is_sent_once(
    world: World, emsp: Partner
) -> None:
    outcomes = set()
    for _ in range(RACES):
        command = world.received(emsp)
        world.clock.now += SECONDS
        world.client.sent.clear()
        barrier = threading.Barrier(6)

        def answer(result: str, command: Command = command, barrier: threading.Barrier = barrier) -> str | None:
            barrier.wait()
            try:
                world.answer(command, result)
            except StateConflict:
                return None
            return result

        def arrive(body: str, command: Command = command, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            world.worker.work_on(body, "a receipt")

        deadline = next(message.body for message in world.results.messages if command.id in message.body)
        with ThreadPoolExecutor(6) as pool:
            answers = [pool.submit(answer, result) for result in ("ACCEPTED", "REJECTED", "ACCEPTED")]
            arrivals = [pool.submit(arrive, deadline) for _ in range(3)]
            taken = {future.result() for future in answers} - {None}
            for future in arrivals:
                error = future.exception()
                assert error is None or type(error).__name__ == "Again"
        world.run(0)
        now = world.now(command)
        assert now.result is not None
        assert taken == (set() if now.state == "timed_out" else {now.result})
        assert world.sent == [(command.response_url, {"result": now.result})]
        assert now.delivered_at is not None
        outcomes.add(now.state)
    assert outcomes <= {"answered", "timed_out"}
