"""A command that we send to a CPO, its immediate answer, and its result, whatever comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.answers import RESULTS
from ocpi.commands.changes import load_command
from ocpi.commands.command import COLLECTIONS
from ocpi.commands.results_of_ours import KEPT_RESULTS, OPEN_SECONDS, take_result
from ocpi.commands.sending import RESULT_SECONDS
from ocpi.errors import NotFound, StateConflict
from ocpi.faults import Invalid
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.port import Key, PartnerStatus
from tests.unit.commands.fakes import answer, enveloped, named
from tests.unit.commands.world import request
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.commands.command import Command
    from ocpi.store.port import Partner
    from tests.unit.commands.fakes import Step
    from tests.unit.commands.world import World
    from tests.unit.registration.killer import When

REFUSING = [word for word in RESULTS if word != "ACCEPTED"]
SENT = COLLECTIONS["sent"]
START = request("START_SESSION", response_url=...)


def send(world: World, cpo: Partner, *script: Step, command_type: str = "START_SESSION") -> Command:
    """The command, sent to a CPO that answers so; accepted unless said."""
    world.client.answers(*script or (enveloped({"result": "ACCEPTED"}),))
    return world.sending().send(cpo, command_type, START)


def take(world: World, cpo: Partner, command: Command, body: Any, command_type: str = "START_SESSION") -> None:
    take_result(world.objects, cpo, command_type, command.id, body)


@pytest.mark.req("CMD-27")
def test_every_command_goes_out_with_a_response_url_of_its_own_that_nobody_can_guess(
    world: World, cpo: Partner
) -> None:
    commands = [send(world, cpo) for _ in range(5)]
    urls = [sent.body["response_url"] for sent in world.client.sent]
    assert urls == [command.response_url for command in commands]
    assert len(set(urls)) == 5
    for sent, command in zip(world.client.sent, commands, strict=True):
        assert (sent.method, sent.url) == ("POST", "https://cpo.example/2.1.1/commands/START_SESSION")
        assert sent.token == "token-of-cpo"
        assert sent.body == {**START, "response_url": command.response_url}
        assert sent.body["response_url"].startswith("https://us.example/ocpi/emsp/2.1.1/commands/START_SESSION/")
        assert len(command.id) * 4 >= 128
    assert world.now(commands[0]).request == START


@pytest.mark.req("CMD-34")
@pytest.mark.parametrize("word", RESULTS)
@pytest.mark.parametrize("shape", [lambda word: {"result": word}, lambda word: word])
def test_the_immediate_answer_is_kept_in_both_shapes(
    world: World, cpo: Partner, shape: Callable[[str], Any], word: str
) -> None:
    for reply in (enveloped(shape(word)), answer(200, shape(word))):
        command = send(world, cpo, reply)
        assert command == world.now(command)
        assert (command.response, command.result, command.error) == (word, None, None)
        assert command.state == ("pending" if word == "ACCEPTED" else "answered")


NO_ANSWERS: list[Step] = [
    *(PartnerUnreachable(kind, kind) for kind in ("dns", "connect", "tls", "timeout", "refused_address")),
    answer(500),
    answer(429, Retry_After="5"),
    answer(404),
    answer(200),
    answer(200, b"<html>"),
    enveloped(),
    enveloped(status_code=2001),
    enveloped(status_code=3000),
    enveloped({"result": "PERHAPS"}),
    enveloped({"result": None}),
    enveloped({"result": ["ACCEPTED"]}),
    enveloped([{"result": "ACCEPTED"}]),
    enveloped({"result": "ACCEPTED"}, status_code=2001),
    enveloped({"result": "ACCEPTED"}, status=500),
]


@pytest.mark.parametrize("step", NO_ANSWERS, ids=named)
def test_a_cpo_that_cannot_be_reached_or_answers_with_an_error_leaves_it_undeliverable(
    world: World, cpo: Partner, step: Step
) -> None:
    command = send(world, cpo, step)
    assert command == world.now(command)
    assert (command.state, command.result) == ("undeliverable", None)
    assert command.error
    assert len(world.sent) == 1


def test_a_location_that_the_cpo_does_not_know_is_a_refusal(world: World, cpo: Partner) -> None:
    command = send(world, cpo, enveloped({"result": "REJECTED"}, status_code=2003))
    assert (command.state, command.response, command.error) == ("answered", "REJECTED", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoints": ()},
        {"status": PartnerStatus.SUSPENDED},
        {"status": PartnerStatus.INVITED, "token": None},
        {"status": PartnerStatus.UNREGISTERED, "token": None},
    ],
)
def test_a_partner_that_cannot_be_sent_a_command_is_sent_none(world: World, changes: dict[str, Any]) -> None:
    cpo = world.partner("CPO", "OUT", **changes)
    with pytest.raises(StateConflict):
        send(world, cpo)
    assert world.sent == []
    assert world.objects.due(world.clock.after(3600), 10) == []


@pytest.mark.req("CMD-28", "CMD-30")
@pytest.mark.parametrize("word", RESULTS)
@pytest.mark.parametrize(
    "shape",
    [
        lambda word: {"result": word},
        lambda word: word,
        lambda word: {"data": {"result": word}, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"},
        lambda word: {"data": word, "status_code": 1000},
        lambda word: {"result": word, "status_code": 1000},
    ],
)
def test_a_result_is_taken_in_all_three_shapes(
    world: World, cpo: Partner, shape: Callable[[str], Any], word: str
) -> None:
    command = send(world, cpo)
    world.clock.now += 5
    take(world, cpo, command, shape(word))
    now = world.now(command)
    assert (now.state, now.response, now.result) == ("answered", "ACCEPTED", word)
    assert now.answered_at == world.clock.wire()


@pytest.mark.req("CMD-32")
@pytest.mark.parametrize(
    "body",
    [
        {"result": "SUCCESSFUL"},
        {"result": "accepted"},
        {"result": None},
        {"result": ["ACCEPTED"]},
        {},
        [],
        None,
        1,
        "",
        "UNKOWN",
        {"data": None},
        {"data": {}},
        {"data": ["ACCEPTED"]},
        {"data": {"result": 1}},
        [{"result": 1}],
    ],
    ids=str,
)
def test_what_is_no_result_is_refused_and_changes_nothing(world: World, cpo: Partner, body: Any) -> None:
    command = send(world, cpo)
    with pytest.raises(Invalid):
        take(world, cpo, command, body)
    assert world.now(command) == command


@pytest.mark.req("CMD-29")
def test_only_the_cpo_that_was_sent_it_may_answer_and_only_at_its_own_url(world: World, cpo: Partner) -> None:
    other = world.partner("CPO", "OTH")
    command = send(world, cpo)
    for partner, command_type in ((other, "START_SESSION"), (cpo, "STOP_SESSION"), (cpo, "start_session")):
        with pytest.raises(NotFound):
            take(world, partner, command, {"result": "ACCEPTED"}, command_type)
    for command_id in (command.id[:-1], command.id.upper() + "A", "0" * 32, ""):
        with pytest.raises(NotFound):
            take_result(world.objects, cpo, "START_SESSION", command_id, {"result": "ACCEPTED"})
    assert world.now(command) == command


@pytest.mark.req("CMD-29")
def test_a_command_that_we_received_cannot_be_answered_by_a_partner(world: World, cpo: Partner, emsp: Partner) -> None:
    received = world.received(emsp)
    for partner in (cpo, emsp):
        with pytest.raises(NotFound):
            take_result(world.objects, partner, "START_SESSION", received.id, {"result": "ACCEPTED"})
    assert world.now(received) == received


@pytest.mark.req("CMD-33")
def test_the_first_result_counts_and_later_ones_are_recorded(world: World, cpo: Partner) -> None:
    command = send(world, cpo)
    take(world, cpo, command, {"result": "ACCEPTED"})
    first = world.now(command)
    for word in ("REJECTED", "ACCEPTED"):
        world.clock.now += 60
        take(world, cpo, command, {"result": word})
    now = world.now(command)
    assert (now.state, now.result, now.answered_at) == ("answered", "ACCEPTED", first.answered_at)
    assert now.later_results == ("REJECTED", "ACCEPTED")


def test_a_partner_that_sends_results_without_end_fills_nothing(world: World, cpo: Partner) -> None:
    command = send(world, cpo)
    for _ in range(KEPT_RESULTS + 5):
        take(world, cpo, command, "REJECTED")
    assert len(world.now(command).later_results) == KEPT_RESULTS


def test_without_a_result_a_command_of_ours_times_out(world: World, cpo: Partner) -> None:
    command = send(world, cpo)
    world.run(RESULT_SECONDS - 10)
    assert world.now(command).state == "pending"
    world.run(400)
    assert world.now(command).state == "timed_out"
    assert world.objects.due(world.clock.after(1000), 10) == []


def test_a_result_that_is_late_is_recorded(world: World, cpo: Partner) -> None:
    command = send(world, cpo)
    world.run(RESULT_SECONDS + 400)
    take(world, cpo, command, {"result": "ACCEPTED"})
    assert (world.now(command).state, world.now(command).result) == ("timed_out", "ACCEPTED")


def test_a_response_url_ends_a_day_after_the_deadline(world: World, cpo: Partner) -> None:
    command = send(world, cpo)
    world.run(RESULT_SECONDS + OPEN_SECONDS + 1)
    with pytest.raises(NotFound):
        take(world, cpo, command, {"result": "ACCEPTED"})
    assert world.now(command).result is None


@pytest.mark.parametrize("word", REFUSING)
def test_a_result_after_a_refusal_is_recorded(world: World, cpo: Partner, word: str) -> None:
    command = send(world, cpo, enveloped({"result": word}))
    take(world, cpo, command, {"result": "REJECTED"})
    now = world.now(command)
    assert (now.state, now.response, now.result) == ("answered", word, "REJECTED")


SLOW_ANSWERS = [enveloped({"result": "ACCEPTED"}), enveloped({"result": "REJECTED"}), answer(500)]


@pytest.mark.req("CMD-36")
@pytest.mark.parametrize("step", [*SLOW_ANSWERS, PartnerUnreachable("timeout", "too slow")], ids=named)
def test_a_result_that_is_faster_than_the_immediate_answer_stays(world: World, cpo: Partner, step: Step) -> None:
    def answer_first() -> None:
        command_id = world.client.sent[-1].body["response_url"].rsplit("/", 1)[1]
        take_result(world.objects, cpo, "START_SESSION", command_id, {"result": "ACCEPTED"})
        world.clock.now += 3

    world.client.meanwhile = answer_first
    answered_at = world.clock.wire()
    command = send(world, cpo, step)
    assert (command.state, command.result, command.answered_at) == ("answered", "ACCEPTED", answered_at)
    assert command == world.now(command)


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_dies_a_command_that_was_sent_can_be_answered_and_ends(
    when: When, answers: bool, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        cpo = world.partner("CPO", "CPO")
        world.client.answers(enveloped({"result": "ACCEPTED"}))
        sending = world.sending(objects=killer.around(world.objects), client=killer.around(world.client))
        with killer:
            sending.send(cpo, "START_SESSION", START)
        for sent in world.client.sent if answers else ():
            command_id = sent.body["response_url"].rsplit("/", 1)[1]
            take_result(world.objects, cpo, "START_SESSION", command_id, {"result": "ACCEPTED"})
            command = load_command(world.objects, Key(SENT, command_id))
            assert command is not None
            assert command.result == "ACCEPTED"
        world.run(RESULT_SECONDS + 400)
        assert world.objects.due(world.clock.after(86_400), 10) == []
