"""The worker on CommandResults: what it takes, what it refuses with the reason, and no message holds up another."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from local.context import LambdaContext
from ocpi.queues.limits import MAX_BODY_BYTES
from tests.unit.commands.fakes import answer
from tests.unit.commands.world import RESPONSE_URL, SECONDS
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner
    from tests.unit.commands.world import World
    from tests.unit.registration.killer import When

ACCEPTED = (RESPONSE_URL, {"result": "ACCEPTED"})


def batch(*bodies: str) -> dict[str, Any]:
    """An event as SQS makes it."""
    names = ("ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp")
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"r-{number}",
                "body": body,
                "attributes": dict.fromkeys(names, "1"),
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:CommandResults",
                "awsRegion": "eu-west-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(world: World, *bodies: str) -> set[str]:
    """The messages that are to come again."""
    response = world.worker.handler(batch(*bodies), LambdaContext("command_results", 256, 60))
    return {item["itemIdentifier"] for item in response["batchItemFailures"]}


def result(command_id: str, word: str = "ACCEPTED") -> str:
    return json.dumps({"command_id": command_id, "result": word})


@pytest.mark.req("CMD-11")
def test_a_charge_point_system_may_answer_on_the_queue(world: World, emsp: Partner) -> None:
    command = world.received(emsp)
    assert failed(world, result(command.id)) == set()
    assert world.sent == [ACCEPTED]
    assert (world.now(command).state, world.now(command).result) == ("answered", "ACCEPTED")


@pytest.mark.parametrize("word", ["REJECTED", "ACCEPTED"])
def test_another_result_on_the_queue_or_a_late_one_ends_in_the_dead_letter_queue(
    world: World, emsp: Partner, word: str
) -> None:
    answered, late = world.received(emsp), world.received(emsp)
    assert failed(world, result(answered.id, "UNKNOWN_SESSION")) == set()
    world.run(SECONDS + 1)
    sent = list(world.sent)
    assert failed(world, result(answered.id, word), result(late.id, word)) == set()
    reasons = [body["reason"] for body in world.dead.bodies()]
    assert len(reasons) == 2
    assert all(reasons)
    assert world.sent == sent


POISON = [
    "not JSON",
    "{",
    "null",
    "[]",
    '"ACCEPTED"',
    "{}",
    '{"result": "ACCEPTED"}',
    '{"command_id": null, "result": "ACCEPTED"}',
    '{"command_id": ["x"], "result": "ACCEPTED"}',
    '{"command_id": "", "result": "ACCEPTED"}',
    '{"command_id": "%s"}',
    '{"command_id": "%s", "result": "accepted"}',
    '{"command_id": "%s", "result": null}',
    '{"command_id": "%s", "result": ["ACCEPTED"]}',
    '{"command_id": "%s", "result": {}}',
    '{"command_id": "%s", "timeout": false}',
    '{"command_id": "%s", "timeout": "true"}',
    '{"command_id": "%s", "result": NaN}',
    '{"command_id": "\\ud800", "result": "ACCEPTED"}',
    '{"command_id": "\\u0000", "result": "ACCEPTED"}',
    '{"command_id": "unknown", "result": "ACCEPTED"}',
    '{"command_id": "a/b", "result": "ACCEPTED"}',
    json.dumps({"command_id": "x" * 5000, "result": "ACCEPTED"}),
    json.dumps({"command_id": "é" * 1000, "result": "ACCEPTED"}, ensure_ascii=False),
    "[" * 100_000,
    '"' + "\\\\" * (MAX_BODY_BYTES // 2 - 2) + '"',
    "\U0001f50c" * (MAX_BODY_BYTES // 4),
]


@pytest.mark.parametrize("body", POISON, ids=lambda body: ascii(body)[:40])
def test_a_poisoned_message_goes_to_the_dead_letter_queue_with_the_reason_and_harms_no_other(
    world: World, emsp: Partner, body: str
) -> None:
    healthy = world.received(emsp)
    poisoned = body.replace("%s", world.received(emsp).id)
    assert failed(world, poisoned, result(healthy.id), poisoned) == set()
    assert world.sent == [ACCEPTED]
    first, second = world.dead.bodies()
    assert first == second
    assert isinstance(first["reason"], str)
    assert first["reason"]
    assert poisoned.startswith(first["message"][:1000])


@pytest.mark.parametrize("kind", ["timeout", "deliver"])
def test_a_deadline_or_a_delivery_of_no_command_is_forgotten(world: World, kind: str) -> None:
    assert failed(world, json.dumps({"command_id": "unknown", kind: True})) == set()
    assert world.dead.depth() == 0


def test_only_what_failed_comes_again(world: World, emsp: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = world.partner("EMSP", "BAD", token="sealed-bad")
    commands = [world.received(partner) for partner in (emsp, bad, emsp)]
    request = world.client.request

    def only_the_bad_one_fails(*given: Any, token: str, **rest: Any) -> Any:
        return answer(500) if token == "bad" else request(*given, token=token, **rest)

    monkeypatch.setattr(world.client, "request", only_the_bad_one_fails)
    assert failed(world, *(result(command.id) for command in commands)) == {"m-1"}
    assert world.sent == [ACCEPTED] * 2


def test_when_all_fail_all_come_again(world: World, emsp: Partner) -> None:
    world.client.answers(answer(500))
    commands = [world.received(emsp) for _ in range(3)]
    assert failed(world, *(result(command.id) for command in commands)) == {"m-0", "m-1", "m-2"}


def test_slow_partners_do_not_hold_up_the_others_of_a_batch(world: World, emsp: Partner) -> None:
    size = 10
    all_at_once = threading.Barrier(size, timeout=10)

    def meanwhile() -> None:
        all_at_once.wait()

    world.client.meanwhile = meanwhile
    commands = [world.received(emsp) for _ in range(size)]
    assert failed(world, *(result(command.id) for command in commands)) == set()
    assert world.sent == [ACCEPTED] * size


def test_a_deadline_that_comes_early_comes_again_at_the_deadline(world: World, emsp: Partner) -> None:
    command = world.received(emsp)
    (message,) = world.results.messages
    message.visible_at = world.clock.now + 10
    world.run(SECONDS - 1)
    assert world.now(command).state == "pending"
    world.run(2)
    assert world.now(command).state == "timed_out"


@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_step_dies_what_is_given_up_is_told_to_the_dead_letter_queue(
    when: When, new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    for killer in every_step(when):
        world = new_world()
        world.client.answers(answer(404))
        command = world.answered(world.partner("EMSP", "EMS"))
        with monkeypatch.context() as dying, killer:
            dying.setattr(world.worker, "command_results_dead", lambda: killer.around(world.dead))  # noqa: B023 - used here
            dying.setattr(world.worker, "partner_client", lambda: killer.around(world.client))  # noqa: B023 - used here
            message = world.results.receive()
            while message is not None and "deliver" not in message.body:
                message = world.results.receive()
            assert message is not None
            world.worker.work_on(message.body, message.receipt)
        world.run(1000)
        assert world.now(command).state == "undeliverable"
        assert command.id in world.dead.bodies()[0]["message"]


def test_a_store_that_fails_for_a_moment_costs_no_result(
    world: World, emsp: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = world.received(emsp)
    world.results.send(result(command.id))
    broken = [True] * 3
    get = world.objects.get

    def failing_get(key: Any) -> Any:
        if broken:
            broken.pop()
            raise OSError("the database is away")
        return get(key)

    monkeypatch.setattr(world.objects, "get", failing_get)
    world.run(1000)
    assert len(world.sent) == 1
    assert world.now(command).delivered_at is not None
