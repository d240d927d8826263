"""The local gateway tells functions what is written to the store, as a table's stream does in AWS."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ocpi.queues.sqlite import SQLiteQueues
from ocpi.store.port import OWN, Collection, Draft, Key
from ocpi.store.sqlite import SQLiteStore
from tests.support.fake_system import write_system
from tests.support.gateway import Gateway, running_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRITER = """
    import json, os
    from ocpi.store.open import open_store
    from ocpi.store.port import Collection, Draft, Key

    STORE = open_store(os.environ["OCPI_STORE"])

    def handler(event, context):
        told = json.loads(event["body"])
        key = Key(Collection.parse(told["collection"]), told["id"])
        stored = STORE.objects.get(key)
        if event["httpMethod"] == "DELETE":
            STORE.objects.delete(key, expected=stored.revision)
        else:
            draft = Draft("2.1.1", json.dumps(told), "2026-01-01T00:00:00Z", "*")
            STORE.objects.put(key, draft, expected=stored.revision if stored else None)
        return {"statusCode": 200}
"""
WATCHER = """
    import json, os, pathlib, time

    NOTES = pathlib.Path(os.environ["OCPI_STORE"].partition(":")[2]).with_name("notes")

    def handler(event, context):
        failed = []
        with NOTES.open("a") as notes:
            for record in event["Records"]:
                notes.write(json.dumps(record) + "\\n")
        for record in event["Records"]:
            pk = record["dynamodb"]["Keys"]["pk"]["S"]
            if pk.endswith("#never"):
                time.sleep(60)
            if pk.endswith("#slow"):
                time.sleep(2)
                NOTES.with_name("ended").touch()
            if pk.endswith("#raise"):
                raise RuntimeError("on purpose")
            if pk.endswith("#poison"):
                failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
        return {"batchItemFailures": failed}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("system")
    return write_system(folder, stream="watcher", writer=WRITER, watcher=WATCHER)


@pytest.fixture(scope="module")
def running(template: Path) -> Iterator[Gateway]:
    with running_gateway(template=template) as gateway:
        yield gateway


def write(gateway: Gateway, object_id: str, collection: str = "own/tariffs", method: str = "PUT", **more: Any) -> None:
    told = {"collection": collection, "id": object_id, **more}
    assert httpx.request(method, f"{gateway.url}/ocpi/writer", json=told).status_code == 200


def noted(gateway: Gateway, object_id: str) -> list[dict[str, Any]]:
    """The records about this object that the watcher got."""
    path = gateway.data / "notes"
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [each for each in records if each["dynamodb"]["Keys"]["pk"]["S"].endswith(f"#{object_id.lower()}")]


def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_a_function_is_called_once_for_an_object_of_ours_that_was_written(running: Gateway) -> None:
    write(running, "LOC1", "own/locations")
    until(lambda: noted(running, "LOC1"))
    write(running, "after")
    until(lambda: noted(running, "after"))
    (record,) = noted(running, "LOC1")
    assert (record["eventName"], record["eventSource"]) == ("INSERT", "aws:dynamodb")
    assert record["eventSourceARN"].startswith("arn:aws:dynamodb:eu-central-1:000000000000:table/Table/stream/")
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "OBJECT#own/locations#loc1"}, "sk": {"S": "OBJECT"}}
    assert record["dynamodb"]["NewImage"]["collection"] == {"S": "own/locations"}
    assert record["dynamodb"]["NewImage"]["id"] == {"S": "LOC1"}


def test_every_write_is_told_of_in_order(running: Gateway) -> None:
    write(running, "T1")
    write(running, "T1", price=1)
    write(running, "T1", method="DELETE")
    until(lambda: len(noted(running, "T1")) == 3)
    records = noted(running, "T1")
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(set(numbers))


def test_objects_of_partners_are_not_told_of(running: Gateway) -> None:
    write(running, "received", "NL-TNM/tariffs")
    write(running, "own")
    until(lambda: noted(running, "own"))
    assert noted(running, "received") == []


def test_what_another_process_writes_is_told_of(running: Gateway) -> None:
    store = SQLiteStore(running.data / "ocpi.db")
    draft = Draft("2.1.1", "{}", "2026-01-01T00:00:00Z", "*")
    store.objects.put(Key(Collection(OWN, "tariffs"), "elsewhere"), draft, expected=None)
    store.close()
    until(lambda: noted(running, "elsewhere"))


@pytest.mark.parametrize("poison", ["poison", "raise"])
def test_what_fails_each_time_is_given_up_and_the_rest_goes_on(running: Gateway, poison: str) -> None:
    queues = SQLiteQueues(running.data / "queues.db")
    before = queues.depth("Dead")
    write(running, poison)
    write(running, f"beside {poison}")
    until(lambda: noted(running, f"beside {poison}"))
    until(lambda: queues.depth("Dead") == before + 1)
    newest = queues.receive("Dead", 10, 0)[-1]
    where = json.loads(newest.body)["DDBStreamBatchInfo"]
    assert where["startSequenceNumber"] == noted(running, poison)[0]["dynamodb"]["SequenceNumber"]
    assert where["batchSize"] == 1
    queues.close()


def test_a_gateway_ends_when_the_batch_under_way_has(template: Path) -> None:
    with running_gateway(template=template) as gateway:
        write(gateway, "slow")
        until(lambda: noted(gateway, "slow"))
        assert gateway.stop() == 0
        assert (gateway.data / "ended").exists()
        assert "Traceback" not in gateway.output()


def test_what_a_killed_gateway_was_telling_of_is_told_again(template: Path, tmp_path: Path) -> None:
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        write(gateway, "never")
        until(lambda: noted(gateway, "never"))
        write(gateway, "waits")
        gateway.stop(signal.SIGKILL)
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        until(lambda: len(noted(gateway, "never")) == 2)
        gateway.stop(signal.SIGKILL)
    store = SQLiteStore(tmp_path / "data" / "ocpi.db")
    assert [change.id for change in store.changes.pending(10)] == ["never", "waits"]
    store.close()
