from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.intrinsics import STREAM_LABEL
from local.poller import Pollers
from local.queues import QueueResource
from local.stream_filter import read_filter
from local.stream_source import StreamSource
from local.template import Function
from ocpi.queues.sqlite import SQLiteQueues
from ocpi.store.port import OWN, Collection, Draft, Key
from ocpi.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.functions import Handler

ARN = f"arn:aws:dynamodb:eu-central-1:000000000000:table/T/stream/{STREAM_LABEL}"
DEAD = QueueResource("Dead", "url", "arn", 30, 0, 600, None, None)


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[SQLiteQueues]:
    opened = SQLiteQueues(tmp_path / "queues.db")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "ocpi.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.stream_poller.FIRST_PAUSE_SECONDS", 0.01)


@dataclass
class Worker:
    """A handler that notes what it gets."""

    answer: Callable[[list[dict[str, Any]]], Any] = lambda records: None
    batches: list[list[str]] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        self.batches.append([id_of(record) for record in event["Records"]])
        self.contexts.append(context)
        return self.answer(event["Records"])


@pytest.fixture
def run(store: SQLiteStore, queues: SQLiteQueues) -> Callable[..., Pollers]:
    """Pollers of one function that is told of what is written."""

    def make(
        handler: Handler,
        *,
        batch_size: int = 100,
        reports: bool = True,
        bisects: bool = False,
        retries: int | None = None,
        failures: QueueResource | None = None,
        pattern: str | None = None,
        grace: float = 5,
    ) -> Pollers:
        passing = read_filter("", {"Filters": [{"Pattern": pattern}]} if pattern else {})
        source = StreamSource("FChanges", ARN, batch_size, reports, bisects, retries, failures, passing)
        function = Function("F", Path(), "app.handler", {}, (), 30, 1024, streams=(source,))
        return Pollers([function], {"F": handler}, queues, store.changes, grace=grace)

    return make


def id_of(record: dict[str, Any]) -> str:
    image = record["dynamodb"].get("NewImage") or record["dynamodb"]["OldImage"]
    found: str = image["id"]["S"]
    return found


def write(store: SQLiteStore, *ids: str, module: str = "tariffs") -> None:
    for each in ids:
        key = Key(Collection(OWN, module), each)
        store.objects.put(key, Draft("2.1.1", json.dumps({"id": each}), "2026-01-01T00:00:00Z", "*"), expected=None)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.002)


def is_done(store: SQLiteStore) -> Callable[[], bool]:
    return lambda: store.changes.pending(1) == []


def failing(*ids: str) -> Callable[[list[dict[str, Any]]], Any]:
    """Reports the records of these objects as failed, and no others."""
    return lambda records: {
        "batchItemFailures": [
            {"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in records if id_of(record) in ids
        ]
    }


def raising(*ids: str) -> Callable[[list[dict[str, Any]]], Any]:
    """Raises for a batch that has one of these."""

    def answer(records: list[dict[str, Any]]) -> None:
        if any(id_of(record) in ids for record in records):
            raise RuntimeError("on purpose")

    return answer


def test_a_write_is_handed_over_once(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    worker = Worker()
    with run(worker):
        write(store, "T1")
        until(is_done(store))
        time.sleep(0.3)
    assert worker.batches == [["T1"]]
    assert worker.contexts[0].function_name == "F"
    assert 29_000 < worker.contexts[0].get_remaining_time_in_millis() <= 30_000


def test_what_this_process_writes_is_picked_up_without_waiting_for_the_next_look(
    run: Callable[..., Pollers], store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No look would come within the time that `until` waits.
    monkeypatch.setattr("local.stream_poller.POLL_SECONDS", 3600)
    worker = Worker()
    with run(worker):
        for number in range(20):
            write(store, str(number))
            until(is_done(store))
    assert worker.batches == [[str(number)] for number in range(20)]


def test_what_was_written_before_comes_in_order_and_in_batches(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    worker, ids = Worker(), [str(number) for number in range(25)]
    write(store, *ids)
    with run(worker, batch_size=10):
        until(is_done(store))
    assert [len(batch) for batch in worker.batches] == [10, 10, 5]
    assert [each for batch in worker.batches for each in batch] == ids


def test_a_function_gets_only_records_that_its_filter_lets_through(
    run: Callable[..., Pollers], store: SQLiteStore
) -> None:
    worker = Worker()
    write(store, "T1")
    write(store, "L1", module="locations")
    write(store, "T2")
    with run(worker, pattern='{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OBJECT#own/locations#"}]}}}}'):
        until(is_done(store))
        write(store, "T3")
        until(is_done(store))
    assert worker.batches == [["L1"]]


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), SystemExit(1)])
def test_when_the_function_raises_the_whole_batch_comes_again(
    run: Callable[..., Pollers], store: SQLiteStore, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail_once(records: list[dict[str, Any]]) -> None:
        if len(worker.batches) == 1:
            raise error

    worker = Worker(fail_once)
    write(store, "1", "2")
    with run(worker):
        until(is_done(store))
    assert worker.batches == [["1", "2"], ["1", "2"]]
    assert "FChanges: F failed" in caplog.text


@pytest.mark.parametrize("result", ["done", {"batchItemFailures": [{"itemIdentifier": "unknown"}]}])
def test_when_the_report_cannot_be_read_the_whole_batch_comes_again(
    run: Callable[..., Pollers], store: SQLiteStore, caplog: pytest.LogCaptureFixture, result: Any
) -> None:
    worker = Worker(lambda records: result if len(worker.batches) == 1 else None)
    write(store, "1", "2")
    with run(worker):
        until(is_done(store))
    assert worker.batches == [["1", "2"], ["1", "2"]]
    assert "FChanges: F reported malformed" in caplog.text


def test_a_function_that_is_not_asked_for_failures_has_done_all_it_does_not_raise_for(
    run: Callable[..., Pollers], store: SQLiteStore
) -> None:
    worker = Worker(failing("1"))
    write(store, "1")
    with run(worker, reports=False):
        until(is_done(store))
    assert worker.batches == [["1"]]


def test_a_batch_goes_on_from_the_first_record_that_failed(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    worker = Worker(lambda records: failing("2", "3")(records) if len(worker.batches) == 1 else None)
    write(store, "1", "2", "3", "4")
    with run(worker):
        until(is_done(store))
    assert worker.batches == [["1", "2", "3", "4"], ["2", "3", "4"]]


def test_nothing_after_a_record_that_fails_is_done_before_it(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    worker = Worker(failing("2"))
    write(store, "1", "2", "3")
    with run(worker):
        until(lambda: len(worker.batches) > 4)
    assert [change.id for change in store.changes.pending(10)] == ["2", "3"]


def test_pauses_between_tries_grow(
    run: Callable[..., Pollers], store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.stream_poller.FIRST_PAUSE_SECONDS", 0.1)
    at: list[float] = []

    def fail_thrice(records: list[dict[str, Any]]) -> Any:
        at.append(time.monotonic())
        return failing("1")(records) if len(at) < 4 else None

    write(store, "1")
    with run(Worker(fail_thrice)):
        until(is_done(store))
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert [least <= pause for least, pause in zip((0.1, 0.2, 0.4), pauses, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    "answer",
    [
        raising("poison"),
        lambda records: "unreadable" if any(id_of(record) == "poison" for record in records) else None,
    ],
)
def test_a_record_that_fails_its_whole_batch_is_found_given_up_and_told_of_and_all_others_are_taken(
    run: Callable[..., Pollers],
    store: SQLiteStore,
    queues: SQLiteQueues,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[list[dict[str, Any]]], Any],
) -> None:
    taken: set[str] = set()

    def take(records: list[dict[str, Any]]) -> Any:
        result = answer(records)
        taken.update(id_of(record) for record in records)
        return result

    worker = Worker(take)
    ids = [str(number) for number in range(20)]
    write(store, *ids[:7], "poison", *ids[7:])
    with run(worker, bisects=True, retries=3, failures=DEAD):
        until(is_done(store))
    assert taken - {"poison"} == set(ids)
    assert worker.batches.count(["poison"]) == 4
    (message,) = queues.receive("Dead", 10, 30)
    where = json.loads(message.body)["DDBStreamBatchInfo"]
    assert where["startSequenceNumber"] == where["endSequenceNumber"] == f"{8:021d}"
    assert "1 records given up" in caplog.text


def test_a_batch_that_is_reported_from_a_record_on_is_not_halved_besides(
    run: Callable[..., Pollers], store: SQLiteStore, queues: SQLiteQueues
) -> None:
    worker = Worker(failing("poison"))
    write(store, "1", "poison", "2", "3")
    with run(worker, bisects=True, retries=2, failures=DEAD):
        until(is_done(store))
    assert worker.batches == [["1", "poison", "2", "3"], *[["poison", "2", "3"]] * 2]
    (message,) = queues.receive("Dead", 10, 30)
    assert json.loads(message.body)["DDBStreamBatchInfo"]["batchSize"] == 3


def test_without_halving_all_that_is_left_of_the_batch_is_given_up(
    run: Callable[..., Pollers], store: SQLiteStore, queues: SQLiteQueues
) -> None:
    worker = Worker(failing("2"))
    write(store, "1", "2", "3")
    with run(worker, retries=1, failures=DEAD):
        until(is_done(store))
        write(store, "4")
        until(is_done(store))
    assert worker.batches == [["1", "2", "3"], ["2", "3"], ["4"]]
    (message,) = queues.receive("Dead", 10, 30)
    assert json.loads(message.body)["DDBStreamBatchInfo"]["batchSize"] == 2


def test_what_is_given_up_is_forgotten_where_nobody_is_to_be_told(
    run: Callable[..., Pollers], store: SQLiteStore
) -> None:
    worker = Worker(raising("1"))
    write(store, "1")
    with run(worker, retries=0):
        until(is_done(store))
    assert worker.batches == [["1"]]


def test_what_a_process_did_not_end_comes_again_in_the_next(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    release, worker = threading.Event(), Worker()

    def hang(event: Any, context: Any) -> None:
        worker(event, context)
        release.wait(20)
        raise RuntimeError("too late")

    write(store, "1")
    with run(hang, grace=0.1):
        until(lambda: worker.batches == [["1"]])
    with run(worker):
        until(is_done(store))
    release.set()
    assert worker.batches == [["1"], ["1"]]


def test_the_end_waits_for_the_batch_under_way_and_begins_no_other(
    run: Callable[..., Pollers], store: SQLiteStore
) -> None:
    ended: list[str] = []

    def work(records: list[dict[str, Any]]) -> None:
        time.sleep(0.4)
        ended.append(id_of(records[0]))

    worker = Worker(work)
    write(store, "1", "2")
    with run(worker, batch_size=1):
        until(lambda: len(worker.batches) == 1)
    assert ended == ["1"]
    assert [change.id for change in store.changes.pending(10)] == ["2"]


def test_the_end_does_not_wait_for_a_pause(
    run: Callable[..., Pollers], store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.stream_poller.FIRST_PAUSE_SECONDS", 20)
    worker = Worker(failing("1"))
    write(store, "1")
    with run(worker):
        until(lambda: len(worker.batches) == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 4


def test_the_end_does_not_wait_for_ever(
    run: Callable[..., Pollers], store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    release, started = threading.Event(), threading.Event()

    def hang(event: Any, context: Any) -> None:
        started.set()
        release.wait(20)

    write(store, "1")
    began = time.monotonic()
    with run(hang, grace=0.2):
        assert started.wait(5)
    assert time.monotonic() - began < 4
    assert "FChanges: a batch was still under way" in caplog.text
    release.set()
    until(is_done(store))


def test_a_function_finds_an_event_loop_in_its_thread(run: Callable[..., Pollers], store: SQLiteStore) -> None:
    async def threaded() -> str:
        return await asyncio.to_thread(lambda: "done")

    found: list[str] = []

    def use_loop(event: Any, context: Any) -> None:
        found.append(asyncio.get_event_loop().run_until_complete(threaded()))

    write(store, "1")
    with run(use_loop):
        until(is_done(store))
    assert found == ["done"]


def test_changes_that_cannot_be_read_for_a_moment_are_read_again(
    run: Callable[..., Pollers],
    store: SQLiteStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, pending = Worker(), store.changes.pending
    failures = iter([OSError("disk")])

    def failing_once(limit: int) -> Any:
        for error in failures:
            raise error
        return pending(limit)

    monkeypatch.setattr(store.changes, "pending", failing_once)
    write(store, "1")
    with run(worker):
        until(lambda: worker.batches == [["1"]])
    assert "the changes cannot be read" in caplog.text
