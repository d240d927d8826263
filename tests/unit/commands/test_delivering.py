"""A result reaches the eMSP: repeated with growing pauses for 15 minutes, never again after it was taken."""

from __future__ import annotations

import email.utils
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.answers import DELIVERY_SECONDS, RESULTS
from ocpi.commands.delivering import LEASE_SECONDS, Undeliverable
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.port import PartnerStatus
from ocpi.vault.port import SealBroken
from tests.unit.commands.fakes import answer, enveloped, named
from tests.unit.commands.world import RESPONSE_URL, SECONDS
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.commands.command import Command
    from ocpi.store.port import Partner
    from tests.unit.commands.fakes import Step
    from tests.unit.commands.world import World
    from tests.unit.registration.killer import When

ONCE = [(RESPONSE_URL, {"result": "ACCEPTED"})]
A_DAY = 86_400.0


def deliver(world: World, command: Command) -> int | None:
    return world.delivering().deliver(command.key)


@pytest.mark.req("CMD-06", "CMD-08", "CMD-09", "CMD-11")
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_goes_bare_to_exactly_the_response_url_with_our_token(
    world: World, emsp: Partner, result: str
) -> None:
    command = world.answered(emsp, result)
    world.run(A_DAY)
    (sent,) = world.client.sent
    assert (sent.method, sent.url, sent.token) == ("POST", RESPONSE_URL, "token-of-ems")
    assert sent.body == {"result": result}
    now = world.now(command)
    assert (now.state, now.delivered_at, now.error) == ("answered", command.answered_at, None)
    assert world.dead.depth() == 0


@pytest.mark.parametrize(
    "success",
    [
        answer(),
        answer(204),
        answer(201, {"any": "thing"}),
        enveloped(),
        enveloped(status_code=1001),
        answer(200, "ACCEPTED"),
        answer(200, b"OK"),
        answer(202, b"<html>"),
        answer(200, {"status_code": "fine"}),
    ],
    ids=named,
)
def test_what_says_success_is_success_whatever_else_it_says(world: World, emsp: Partner, success: Step) -> None:
    world.client.answers(success)
    command = world.answered(emsp)
    world.run(A_DAY)
    assert world.sent == ONCE
    assert world.now(command).delivered_at is not None


REFUSALS: list[Step] = [
    *(answer(status) for status in (400, 404, 405, 410, 413, 422)),
    enveloped(status_code=2001),
    enveloped(status_code=2999, status=201),
    enveloped(status_code=2001, status=404),
    PartnerUnreachable("refused_address", "the URL leads to 10.0.0.1"),
]
PASSING: list[Step] = [
    *(answer(status) for status in (301, 307, 401, 403, 408, 425, 429, 500, 502, 503, 504)),
    enveloped(status_code=3000),
    enveloped(status_code=3001, status=500),
    enveloped(status_code=0),
    *(PartnerUnreachable(kind, kind) for kind in ("dns", "connect", "tls", "timeout", "too_large", "broken")),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=named)
def test_a_refusal_that_repeating_cannot_mend_ends_it_at_once(world: World, emsp: Partner, refusal: Step) -> None:
    world.client.answers(refusal)
    command = world.answered(emsp)
    with pytest.raises(Undeliverable):
        deliver(world, command)
    now = world.now(command)
    assert (now.state, now.result, now.delivered_at) == ("undeliverable", "ACCEPTED", None)
    assert now.error
    world.run(A_DAY)
    assert world.sent == ONCE


@pytest.mark.parametrize("failure", PASSING, ids=named)
def test_a_failure_that_may_pass_is_repeated_until_it_has(world: World, emsp: Partner, failure: Step) -> None:
    world.client.answers(failure, failure, failure, answer())
    command = world.answered(emsp)
    world.run(A_DAY)
    assert world.sent == ONCE * 4
    now = world.now(command)
    assert (now.state, now.error) == ("answered", None)
    assert now.delivered_at == world.clock.after(7 - A_DAY)


def test_the_reason_of_a_failure_is_shown_while_it_lasts(world: World, emsp: Partner) -> None:
    world.client.answers(enveloped(status_code=3000, status=503))
    command = world.answered(emsp)
    deliver(world, command)
    assert (world.now(command).state, world.now(command).error) == ("answered", "HTTP 503, OCPI 3000")


@pytest.mark.parametrize("failure", [answer(500), PartnerUnreachable("timeout", "no answer")], ids=named)
def test_after_fifteen_minutes_of_growing_pauses_it_is_undeliverable(
    world: World, emsp: Partner, failure: Step
) -> None:
    world.client.answers(failure)
    command = world.answered(emsp)
    world.run(A_DAY)
    moments = [sent.at for sent in world.client.sent]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(pauses[7:]) == {60}
    assert DELIVERY_SECONDS - 60 <= moments[-1] - moments[0] <= DELIVERY_SECONDS
    assert world.now(command).state == "undeliverable"
    (dead,) = world.dead.bodies()
    assert (dead["reason"], command.id in dead["message"]) == (world.now(command).error, True)


@pytest.mark.parametrize(("asked", "waits"), [("20", 20), (" 300 ", 300), ("0", 1), ("-5", 1), ("soon", 1), ("1.5", 1)])
def test_retry_after_in_seconds_is_honoured_where_it_is_longer(
    world: World, emsp: Partner, asked: str, waits: int
) -> None:
    world.client.answers(answer(429, Retry_After=asked), answer())
    assert deliver(world, world.answered(emsp)) == waits


@pytest.mark.parametrize("form", [email.utils.formatdate, lambda at: email.utils.formatdate(at, usegmt=True)])
@pytest.mark.parametrize(("seconds", "waits"), [(40, 40), (-100, 1)])
def test_retry_after_as_a_date_is_honoured(
    world: World, emsp: Partner, form: Callable[[float], str], seconds: int, waits: int
) -> None:
    world.client.answers(answer(503, Retry_After=form(world.clock.now + seconds)), answer())
    assert deliver(world, world.answered(emsp)) == waits


@pytest.mark.parametrize(
    "asked",
    ["901", "86400", "999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Sun, 01 Mar 2026 12:16:00 GMT"],
)
def test_a_wait_that_is_longer_than_the_result_is_worth_ends_it(world: World, emsp: Partner, asked: str) -> None:
    world.client.answers(answer(429, Retry_After=asked))
    command = world.answered(emsp)
    world.run(A_DAY)
    assert world.sent == ONCE
    assert world.now(command).state == "undeliverable"
    assert world.dead.depth() == 1


def test_whatever_messages_come_nobody_sends_before_the_pause_is_over(world: World, emsp: Partner) -> None:
    world.client.answers(answer(429, Retry_After="100"), answer())
    command = world.answered(emsp)
    for _ in range(5):
        world.run(10)
        world.answer(command, "ACCEPTED")
    world.run(A_DAY)
    assert [sent.at - world.client.sent[0].at for sent in world.client.sent] == [0, 100]


def test_while_one_sends_nobody_else_does(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    pauses = []
    world.client.meanwhile = lambda: pauses.append(deliver(world, command)) if len(world.sent) == 1 else None
    assert deliver(world, command) is None
    assert world.sent == ONCE
    assert pauses == [LEASE_SECONDS]


def test_nothing_is_sent_after_it_was_delivered_whatever_comes(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    world.run(1)
    for _ in range(3):
        world.answer(command, "ACCEPTED")
        world.results.send(f'{{"command_id": "{command.id}", "deliver": true}}')
        world.results.send(f'{{"command_id": "{command.id}", "result": "ACCEPTED"}}')
        world.results.send(f'{{"command_id": "{command.id}", "timeout": true}}')
    world.run(A_DAY)
    assert world.sent == ONCE
    assert world.dead.depth() == 0


def test_nothing_is_sent_after_it_was_given_up(world: World, emsp: Partner) -> None:
    world.client.answers(answer(404))
    command = world.answered(emsp)
    world.run(1)
    world.results.send(f'{{"command_id": "{command.id}", "deliver": true}}')
    world.run(A_DAY)
    assert world.sent == ONCE


def test_a_command_that_is_pending_or_unknown_or_ours_has_nothing_to_deliver(
    world: World, emsp: Partner, cpo: Partner
) -> None:
    pending = world.received(emsp)
    assert deliver(world, pending) is None
    sent = world.sending().send(cpo, "START_SESSION", {})
    before = len(world.sent)
    assert deliver(world, sent) is None
    assert len(world.sent) == before


def test_a_partner_that_left_gets_nothing(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    world.change_partner(emsp, status=PartnerStatus.UNREGISTERED, token=None)
    world.run(A_DAY)
    assert world.sent == []
    assert (world.now(command).state, world.now(command).error) == ("undeliverable", "the partner has left")


def test_a_suspended_partner_gets_it_when_it_is_back_in_time(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    world.change_partner(emsp, status=PartnerStatus.SUSPENDED)
    world.run(300)
    assert (world.sent, world.now(command).state) == ([], "answered")
    world.change_partner(emsp, status=PartnerStatus.REGISTERED)
    world.run(61)
    assert world.sent == ONCE


def test_a_partner_that_stays_suspended_gets_nothing(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    world.change_partner(emsp, status=PartnerStatus.SUSPENDED)
    world.run(A_DAY)
    assert (world.sent, world.now(command).state) == ([], "undeliverable")


def test_a_token_that_cannot_be_opened_ends_it(world: World, emsp: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    command = world.answered(emsp)

    class BrokenVault:
        def open(self, sealed: str, *, about: str) -> str:
            raise SealBroken("the seal is broken")

    monkeypatch.setattr(world.worker, "vault", BrokenVault)
    world.run(A_DAY)
    assert (world.sent, world.now(command).state) == ([], "undeliverable")


@pytest.mark.req("CMD-10")
def test_without_an_answer_timeout_is_sent_at_the_deadline(world: World, emsp: Partner) -> None:
    command = world.received(emsp)
    began = world.clock.now
    world.run(A_DAY)
    assert [(sent.at - began, sent.body) for sent in world.client.sent] == [(SECONDS, {"result": "TIMEOUT"})]
    assert world.now(command).state == "timed_out"


@pytest.mark.req("CMD-09")
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_dies_the_result_arrives_and_once_recorded_never_again(
    when: When, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        command = world.answered(world.partner("EMSP", "EMS"))
        delivering = world.delivering(objects=killer.around(world.objects), client=killer.around(world.client))
        with killer:
            delivering.deliver(command.key)
        recorded = world.now(command).delivered_at is not None
        before = len(world.sent)
        world.run(A_DAY)
        assert world.now(command).delivered_at is not None
        assert set(map(str, world.sent)) == set(map(str, ONCE))
        assert len(world.sent) - before == (0 if recorded else 1)
        assert world.objects.due(world.clock.wire(), 10) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_dies_while_it_fails_it_goes_on_and_ends(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = new_world()
        world.client.answers(answer(500))
        command = world.answered(world.partner("EMSP", "EMS"))
        delivering = world.delivering(objects=killer.around(world.objects), client=killer.around(world.client))
        with killer:
            delivering.deliver(command.key)
        world.run(A_DAY)
        assert world.now(command).state == "undeliverable"
        assert world.dead.depth() == 1
        assert world.objects.due(world.clock.wire(), 10) == []


def test_a_result_whose_message_was_lost_is_put_back_on_its_way(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    world.results.messages.clear()
    world.run(A_DAY)
    assert world.sent == ONCE
    assert world.now(command).delivered_at is not None


@pytest.mark.req("CMD-10")
@pytest.mark.parametrize("failure", [answer(500), PartnerUnreachable("timeout", "no answer")], ids=named)
def test_a_timeout_that_is_not_taken_at_once_is_tried_again_without_upkeep(
    world: World, emsp: Partner, failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "keep_up", lambda: None)
    world.client.answers(failure, answer())
    command = world.received(emsp)
    world.run(SECONDS + 60)
    assert [body for _, body in world.sent] == [{"result": "TIMEOUT"}] * 2
    assert (world.now(command).state, world.now(command).delivered_at is None) == ("timed_out", False)
    assert world.results.messages == []
    assert world.dead.messages == []
