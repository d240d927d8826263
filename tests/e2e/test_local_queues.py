"""The local gateway runs the queues of ``template.yaml``, in its own process and over functions of its own."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ocpi.queues.sqlite import SQLiteQueues
from tests.support.fake_system import write_system
from tests.support.gateway import Gateway, running_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SENDER = """
    import json, os
    from ocpi.queues.open import open_queue

    def handler(event, context):
        told = json.loads(event["body"])
        for body in told["bodies"]:
            open_queue(os.environ["WORK_QUEUE"]).send(body, delay_seconds=told.get("delay", 0))
        return {"statusCode": 202, "body": os.environ["WORK_QUEUE"]}
"""
WORKER = """
    import json, os, pathlib, time

    NOTES = pathlib.Path(os.environ["OCPI_STORE"].partition(":")[2]).with_name("notes")
    from ocpi.queues.open import open_queue

    def note(**said):
        with NOTES.open("a") as notes:
            notes.write(json.dumps(said | {"at": time.time()}) + "\\n")

    def handler(event, context):
        note(event=event, request_id=context.aws_request_id)
        failed = []
        for record in event["Records"]:
            word, _, _ = record["body"].partition(" ")
            if word == "raise":
                raise RuntimeError("on purpose")
            if word == "slow":
                time.sleep(2)
                note(ended=record["body"])
            if word == "never":
                time.sleep(60)
            if word == "postpone" and record["attributes"]["ApproximateReceiveCount"] == "1":
                open_queue(os.environ["WORK_QUEUE"]).postpone(record["receiptHandle"], 2)
            first = record["attributes"]["ApproximateReceiveCount"] == "1"
            if word == "poison" or (word in ("again", "postpone") and first):
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}
"""
DEAD = """
    import json, os, pathlib

    GRAVES = pathlib.Path(os.environ["OCPI_STORE"].partition(":")[2]).with_name("graves")

    def handler(event, context):
        with GRAVES.open("a") as graves:
            for record in event["Records"]:
                graves.write(json.dumps(record) + "\\n")
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_system(
        tmp_path_factory.mktemp("system"),
        queues={"worker": "Work", "undertaker": "Dead"},
        sender=SENDER,
        worker=WORKER,
        undertaker=DEAD,
    )


@pytest.fixture(scope="module")
def running(template: Path) -> Iterator[Gateway]:
    with running_gateway(template=template) as gateway:
        yield gateway


def send(gateway: Gateway, *bodies: str, delay: int = 0) -> float:
    """Send messages from a function; when."""
    began = time.time()
    answer = httpx.post(f"{gateway.url}/ocpi/sender", json={"bodies": bodies, "delay": delay})
    assert answer.status_code == 202, answer.text
    return began


def noted(gateway: Gateway, file: str = "notes") -> list[dict[str, Any]]:
    path = gateway.data / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def times(gateway: Gateway, body: str) -> list[float]:
    """When the worker got this message."""
    batches = [note for note in noted(gateway) if "event" in note]
    return [note["at"] for note in batches if body in [record["body"] for record in note["event"]["Records"]]]


def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_what_a_function_sends_reaches_the_function_of_the_queue_as_an_event(running: Gateway) -> None:
    began = send(running, "hello €")
    until(lambda: times(running, "hello €"))
    (record,) = (
        record
        for note in noted(running)
        for record in note.get("event", {"Records": []})["Records"]
        if record["body"] == "hello €"
    )
    assert record["eventSourceARN"] == "arn:aws:sqs:eu-central-1:000000000000:Work"
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "eu-central-1")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert began - 1 <= int(record["attributes"]["SentTimestamp"]) / 1000 <= time.time()


def test_a_variable_that_names_a_queue_names_one_of_the_data_folder(running: Gateway) -> None:
    answer = httpx.post(f"{running.url}/ocpi/sender", json={"bodies": []})
    assert answer.text == f"sqlite:{running.data.resolve()}/queues.db#Work"


def test_messages_that_wait_come_in_batches(running: Gateway) -> None:
    bodies = [f"many {number}" for number in range(30)]
    send(running, *bodies, delay=1)
    until(lambda: all(times(running, body) for body in bodies))
    sizes = [len(note["event"]["Records"]) for note in noted(running) if "event" in note]
    assert 1 < max(sizes) <= 10
    assert all(len(times(running, body)) == 1 for body in bodies)


def test_a_delayed_message_comes_after_its_delay(running: Gateway) -> None:
    began = send(running, "later", delay=1)
    until(lambda: times(running, "later"))
    assert times(running, "later")[0] - began >= 1


def test_a_message_that_failed_comes_again_after_the_visibility_timeout(running: Gateway) -> None:
    send(running, "again", "fine")
    until(lambda: len(times(running, "again")) == 2)
    first, second = times(running, "again")
    assert second - first >= 0.95
    assert len(times(running, "fine")) == 1


def test_a_postponed_message_comes_when_it_was_postponed_to(running: Gateway) -> None:
    send(running, "postpone")
    until(lambda: len(times(running, "postpone")) == 2)
    first, second = times(running, "postpone")
    assert second - first >= 1.95


@pytest.mark.parametrize("body", ["poison", "raise on purpose"])
def test_a_message_that_fails_each_time_ends_on_the_dead_letter_queue(running: Gateway, body: str) -> None:
    send(running, body)
    until(lambda: body in [grave["body"] for grave in noted(running, "graves")])
    assert len(times(running, body)) == 2
    (grave,) = (grave for grave in noted(running, "graves") if grave["body"] == body)
    assert grave["eventSourceARN"].endswith(":Dead")


def test_requests_and_messages_go_on_beside_a_slow_batch(running: Gateway) -> None:
    send(running, "slow 1")
    until(lambda: times(running, "slow 1"))
    send(running, "quick")
    until(lambda: times(running, "quick"))
    assert "slow 1" not in [note.get("ended") for note in noted(running)]


def test_a_gateway_ends_when_the_batch_under_way_has(template: Path) -> None:
    with running_gateway(template=template) as gateway:
        send(gateway, "slow 2")
        until(lambda: times(gateway, "slow 2"))
        assert gateway.stop() == 0
        assert noted(gateway)[-1]["ended"] == "slow 2"
        assert "Traceback" not in gateway.output()


def test_a_gateway_ends_although_a_batch_does_not(template: Path, tmp_path: Path) -> None:
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        send(gateway, "never")
        until(lambda: times(gateway, "never"))
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 12
        assert "a batch was still under way" in gateway.output()
    queues = SQLiteQueues(tmp_path / "data" / "queues.db")
    assert queues.depth("Work") == 1
    queues.close()


def test_what_a_killed_gateway_was_working_on_is_worked_on_again(template: Path, tmp_path: Path) -> None:
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        send(gateway, "never mind", delay=0)
        until(lambda: times(gateway, "never mind"))
        gateway.stop(signal.SIGKILL)
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        until(lambda: len(times(gateway, "never mind")) == 2)
        gateway.stop(signal.SIGKILL)


@pytest.mark.parametrize(("hook", "left"), [("http://127.0.0.1:1/commands", 0), ("", 1)])
def test_the_worker_of_the_command_hook_works_if_there_is_a_hook(hook: str, left: int, tmp_path: Path) -> None:
    queues = SQLiteQueues(tmp_path / "data" / "queues.db")
    queues.send("CommandRequests", json.dumps({"command_id": "expired", "expires_at": "2026-01-01T00:00:00Z"}))
    queues.send("CommandResults", json.dumps({"command_id": "unknown", "result": "ACCEPTED"}))
    with running_gateway(data=tmp_path / "data", environ={"OCPI_COMMAND_HOOK_URL": hook}):
        until(lambda: queues.depth("CommandResultsDead") == 1)
        until(lambda: queues.depth("CommandRequests") == left)
    queues.close()
