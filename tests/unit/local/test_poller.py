from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.event_source import EventSource
from local.poller import Pollers
from local.queues import QueueResource
from local.template import Function
from ocpi.queues.sqlite import QueueAttributes, SQLiteQueues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.functions import Handler

QUEUE = "Work"


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[SQLiteQueues]:
    opened = SQLiteQueues(tmp_path / "queues.db")
    yield opened
    opened.close()


def pollers(
    queues: SQLiteQueues,
    run: Handler,
    *,
    visibility: int = 1,
    batch_size: int = 10,
    window: int = 0,
    reports: bool = True,
    concurrency: int = 5,
    grace: float = 5,
) -> Pollers:
    """One function that gets the messages of one queue."""
    queue = QueueResource(QUEUE, "url", "arn", visibility, 0, 600, None, None)
    source = EventSource("FWork", queue, batch_size, window, reports, concurrency)
    function = Function("F", Path(), "app.handler", {}, (), 30, 1024, (), (source,))
    no_stream: Any = None
    return Pollers([function], {"F": run}, queues, no_stream, grace=grace)


@dataclass
class Worker:
    """A handler that notes what it gets."""

    answer: Callable[[list[dict[str, Any]]], Any] = lambda records: None
    batches: list[list[str]] = field(default_factory=list)
    at: dict[str, list[float]] = field(default_factory=dict)
    contexts: list[Any] = field(default_factory=list)

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        records = event["Records"]
        self.batches.append([record["body"] for record in records])
        self.contexts.append(context)
        for record in records:
            self.at.setdefault(record["body"], []).append(time.monotonic())
        return self.answer(records)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.002)


def failing(*bodies: str) -> Callable[[list[dict[str, Any]]], Any]:
    """Reports the messages with these bodies as failed, and no others."""
    return lambda records: {
        "batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records if record["body"] in bodies]
    }


def test_a_message_is_handed_over_and_deleted(queues: SQLiteQueues) -> None:
    worker = Worker()
    with pollers(queues, worker):
        queues.send(QUEUE, "x")
        until(lambda: queues.depth(QUEUE) == 0)
    assert worker.batches == [["x"]]
    assert worker.contexts[0].function_name == "F"
    assert 29_000 < worker.contexts[0].get_remaining_time_in_millis() <= 30_000


def test_what_this_process_sends_is_picked_up_without_waiting_for_the_next_poll(
    queues: SQLiteQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No poll would come within the time that `until` waits.
    monkeypatch.setattr("local.poller.POLL_SECONDS", 3600)
    worker = Worker()
    with pollers(queues, worker):
        for number in range(20):
            queues.send(QUEUE, str(number))
            until(lambda name=str(number): name in worker.at)  # type: ignore[misc] # bound now, since it changes


def test_what_another_process_sends_is_found(queues: SQLiteQueues, tmp_path: Path) -> None:
    worker, other = Worker(), SQLiteQueues(tmp_path / "queues.db")
    with pollers(queues, worker):
        time.sleep(0.2)
        other.send(QUEUE, "x")
        until(lambda: worker.batches == [["x"]])
    other.close()


def test_a_delayed_message_is_handed_over_when_it_is_due(queues: SQLiteQueues) -> None:
    worker = Worker()
    with pollers(queues, worker):
        sent = time.monotonic()
        queues.send(QUEUE, "x", 1)
        until(lambda: bool(worker.batches))
    assert 0.95 < worker.at["x"][0] - sent < 3


def test_messages_come_in_batches_of_at_most_the_size_that_was_asked_for(queues: SQLiteQueues) -> None:
    worker = Worker()
    for number in range(25):
        queues.send(QUEUE, str(number))
    with pollers(queues, worker, concurrency=2):
        until(lambda: queues.depth(QUEUE) == 0)
    assert [len(batch) for batch in worker.batches] == [10, 10, 5]
    assert {body for batch in worker.batches for body in batch} == {str(number) for number in range(25)}


def test_a_batch_waits_for_more_within_its_window_and_no_longer_when_it_is_full(queues: SQLiteQueues) -> None:
    worker = Worker()
    with pollers(queues, worker, batch_size=2, window=1):
        queues.send(QUEUE, "1")
        time.sleep(0.2)
        assert worker.batches == []
        queues.send(QUEUE, "2")
        until(lambda: worker.batches == [["1", "2"]], 0.7)
        sent = time.monotonic()
        queues.send(QUEUE, "3")
        until(lambda: len(worker.batches) == 2)
        assert 0.9 < time.monotonic() - sent < 3


def test_only_the_messages_that_failed_come_again_and_after_their_visibility_timeout(queues: SQLiteQueues) -> None:
    worker = Worker(failing("bad"))
    for body in ("good", "bad"):
        queues.send(QUEUE, body)
    with pollers(queues, worker, visibility=1):
        until(lambda: len(worker.at.get("bad", [])) == 2)
    assert len(worker.at["good"]) == 1
    assert worker.at["bad"][1] - worker.at["bad"][0] > 0.95
    assert queues.depth(QUEUE) == 1


def test_a_message_that_its_function_postpones_comes_then(queues: SQLiteQueues) -> None:
    def postpone(records: list[dict[str, Any]]) -> Any:
        if len(worker.at["x"]) == 1:
            queues.postpone(QUEUE, records[0]["receiptHandle"], 1)
            return failing("x")(records)
        return None

    worker = Worker(postpone)
    with pollers(queues, worker, visibility=60):
        queues.send(QUEUE, "x")
        until(lambda: queues.depth(QUEUE) == 0)
    assert 0.95 < worker.at["x"][1] - worker.at["x"][0] < 3


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), SystemExit(1)])
def test_when_the_function_raises_the_whole_batch_comes_again(
    queues: SQLiteQueues, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail_once(records: list[dict[str, Any]]) -> None:
        if len(worker.batches) == 1:
            raise error

    worker = Worker(fail_once)
    for body in ("1", "2"):
        queues.send(QUEUE, body)
    with pollers(queues, worker):
        until(lambda: queues.depth(QUEUE) == 0)
    assert [sorted(batch) for batch in worker.batches] == [["1", "2"], ["1", "2"]]
    assert "FWork: F failed" in caplog.text


@pytest.mark.parametrize("result", ["done", {"batchItemFailures": [{"itemIdentifier": "unknown"}]}])
def test_when_the_report_cannot_be_read_the_whole_batch_comes_again(
    queues: SQLiteQueues, caplog: pytest.LogCaptureFixture, result: Any
) -> None:
    worker = Worker(lambda records: result if len(worker.batches) == 1 else None)
    queues.send(QUEUE, "x")
    with pollers(queues, worker):
        until(lambda: queues.depth(QUEUE) == 0)
    assert worker.batches == [["x"], ["x"]]
    assert "FWork: F reported malformed" in caplog.text


def test_a_function_that_is_not_asked_for_failures_has_done_all_it_does_not_raise_for(queues: SQLiteQueues) -> None:
    worker = Worker(failing("x"))
    queues.send(QUEUE, "x")
    with pollers(queues, worker, reports=False):
        until(lambda: queues.depth(QUEUE) == 0)
    assert worker.batches == [["x"]]


def test_a_slow_batch_does_not_hold_up_others(queues: SQLiteQueues) -> None:
    release = threading.Event()
    worker = Worker(lambda records: release.wait(20) if records[0]["body"] == "slow" else None)
    with pollers(queues, worker, visibility=60, reports=False):
        queues.send(QUEUE, "slow")
        until(lambda: "slow" in worker.at)
        for number in range(10):
            queues.send(QUEUE, str(number))
        until(lambda: len(worker.at) == 11, 5)
        assert not release.is_set()
        release.set()


def test_no_more_batches_are_worked_on_at_once_than_was_asked_for(queues: SQLiteQueues) -> None:
    meeting = threading.Barrier(3)

    def meet(records: list[dict[str, Any]]) -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        meeting.wait(10)
        with lock:
            running.pop()

    lock, running, most = threading.Lock(), list[int](), list[int]()
    worker = Worker(meet)
    for number in range(6):
        queues.send(QUEUE, str(number))
    with pollers(queues, worker, visibility=60, batch_size=1, concurrency=3):
        until(lambda: queues.depth(QUEUE) == 0)
    assert max(most) == 3


def test_a_function_finds_an_event_loop_in_its_thread(queues: SQLiteQueues) -> None:
    async def threaded() -> str:
        return await asyncio.to_thread(lambda: "done")

    found: list[str] = []

    def use_loop(records: list[dict[str, Any]]) -> None:
        found.append(asyncio.get_event_loop().run_until_complete(threaded()))

    queues.send(QUEUE, "x")
    with pollers(queues, Worker(use_loop)):
        until(lambda: queues.depth(QUEUE) == 0)
    assert found == ["done"]


def test_what_an_earlier_process_was_working_on_is_taken_up_at_once(queues: SQLiteQueues) -> None:
    queues.send(QUEUE, "x")
    queues.receive(QUEUE, 1, 600)
    worker = Worker()
    with pollers(queues, worker):
        until(lambda: worker.batches == [["x"]], 2)


def test_what_is_received_too_often_dies(queues: SQLiteQueues) -> None:
    queues.declare(QUEUE, QueueAttributes(dead_letter_queue="Dead", max_receive_count=2))
    worker = Worker(failing("poison"))
    queues.send(QUEUE, "poison")
    with pollers(queues, worker, visibility=0):
        until(lambda: queues.depth("Dead") == 1)
    assert worker.batches == [["poison"], ["poison"]]


def test_the_end_waits_for_batches_under_way_and_begins_no_more(queues: SQLiteQueues) -> None:
    ended: list[str] = []

    def work(records: list[dict[str, Any]]) -> None:
        time.sleep(0.4)
        ended.append(records[0]["body"])

    worker = Worker(work)
    for number in range(3):
        queues.send(QUEUE, str(number))
    with pollers(queues, worker, visibility=60, batch_size=1, concurrency=2):
        until(lambda: len(worker.batches) == 2)
    assert sorted(ended) == ["0", "1"]
    assert queues.depth(QUEUE) == 1
    queues.send(QUEUE, "after")
    time.sleep(0.3)
    assert len(worker.batches) == 2


def test_the_end_does_not_wait_for_ever(queues: SQLiteQueues, caplog: pytest.LogCaptureFixture) -> None:
    release, started = threading.Event(), threading.Event()

    def hang(records: list[dict[str, Any]]) -> None:
        started.set()
        release.wait(20)

    queues.send(QUEUE, "x")
    began = time.monotonic()
    with pollers(queues, Worker(hang), visibility=60, grace=0.2):
        assert started.wait(5)
    assert time.monotonic() - began < 4
    assert "a batch was still under way" in caplog.text
    release.set()
    until(lambda: queues.depth(QUEUE) == 0)


def test_a_queue_that_cannot_be_read_for_a_moment_is_read_again(
    queues: SQLiteQueues, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, receive = Worker(), queues.receive
    failures = iter([OSError("disk")])

    def failing_once(*args: Any) -> Any:
        for error in failures:
            raise error
        return receive(*args)

    monkeypatch.setattr(queues, "receive", failing_once)
    queues.send(QUEUE, "x")
    with pollers(queues, worker):
        until(lambda: worker.batches == [["x"]])
    assert "the queue cannot be read" in caplog.text
