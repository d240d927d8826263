"""Every event under ``events/`` is one that its function takes, and every function has one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.context import LambdaContext
from local.environment import joint_environment, local_environment, queue_environment
from local.functions import load
from local.routing import Routes
from local.schedule import scheduled_event
from local.sqs_event import sqs_event
from local.stream_event import stream_record
from local.template import Function, read_template
from ocpi import deployment
from ocpi.queues.sqlite import Message, queues_in
from ocpi.settings import settings
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_changes import Change
from ocpi.transport.authentication import token_hash

ROOT = Path(__file__).parents[2]
HOOK = {"OCPI_COMMAND_HOOK_URL": "https://charging.example.com/commands"}
TEMPLATE = read_template(ROOT / "template.yaml", HOOK)
ALL_EVENTS = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "events").glob("*.json"))
}
EVENTS = {name: event for name, event in ALL_EVENTS.items() if "httpMethod" in event}
BATCHES = {name: event for name, event in ALL_EVENTS.items() if "Records" in event}
QUEUED = {name: event for name, event in BATCHES.items() if event["Records"][0]["eventSource"] == "aws:sqs"}
STREAMED = {name: event for name, event in BATCHES.items() if name not in QUEUED}
SCHEDULED = {name: event for name, event in ALL_EVENTS.items() if name not in EVENTS | BATCHES}

ANSWERS = {
    "cdrs-list": (200, 1000),
    "cdrs-post": (201, 1000),
    "commands-start": (200, 2003),
    "credentials-read": (200, 1000),
    "credentials-register": (405, 2000),  # who is registered renews with PUT
    "locations-list": (200, 1000),
    "locations-status": (404, 2003),
    "operator-authorize": (200, None),
    "operator-health": (200, None),
    "operator-invite": (201, None),
    "operator-party": (200, None),
    "sessions-list": (200, 1000),
    "sessions-put": (201, 1000),
    "tariffs-delete": (404, 2001),
    "tariffs-list": (200, 1000),
    "tokens-authorize": (404, 2001),
    "tokens-list": (200, 1000),
    "tokens-put": (201, 1000),
    "versions": (200, 1000),
    "versions-details": (200, 1000),
    "versions-unknown-path": (404, 2000),
}
"""HTTP status and OCPI status code of each event's answer, of a store in which only the two partners are known."""

QUEUES = ("command_requests", "command_results", "command_results_dead", "deliveries", "pulls", "reconciliations")

Invoke = Callable[[Function, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Runs a function on an event, with an empty store of its own that knows the partners of the events."""
    overrides = local_environment(tmp_path, 8080, HOOK)
    overrides |= queue_environment(TEMPLATE.functions, TEMPLATE.queues, tmp_path)
    for name, value in joint_environment(TEMPLATE.functions, overrides).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "operator.key").write_text("example-of-an-operator-key", encoding="utf-8")
    store = SQLiteStore(tmp_path / "ocpi.db")
    _register(store, "CPO", "EXC", "example-of-a-cpo-token")
    _register(store, "EMSP", "EXM", "example-of-an-emsp-token")
    settings.cache_clear()
    monkeypatch.setattr(deployment, "store", lambda: store)
    for name in QUEUES:
        getattr(deployment, name).cache_clear()

    def run(function: Function, event: dict[str, Any]) -> dict[str, Any]:
        context = LambdaContext(function.name, function.memory, function.timeout)
        handler: Callable[..., dict[str, Any]] = load(function.folder, function.handler)
        if not function.event_sources and not function.streams:
            return handler(event, context)
        # What works on batches ends the event loop of its thread, and the one here is still needed.
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(handler, event, context).result()

    yield run
    store.close()
    queues_in(tmp_path / "queues.db").close()
    settings.cache_clear()


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_is_answered_by_the_function_it_is_named_after(name: str, invoke: Invoke) -> None:
    event = EVENTS[name]
    answer = invoke(_function_of(event), event)
    assert (answer["statusCode"], json.loads(answer["body"]).get("status_code")) == ANSWERS[name]


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_is_routed_as_the_template_says(name: str) -> None:
    event = EVENTS[name]
    match = Routes(TEMPLATE.functions).match(event["httpMethod"], event["path"])
    assert match is not None
    assert match.function.folder.name == name.partition("-")[0]
    assert match.resource == event["resource"] == event["requestContext"]["resourcePath"]
    assert match.path_parameters == (event["pathParameters"] or {})
    assert event["requestContext"]["path"] == f"/{event['requestContext']['stage']}{event['path']}"


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_scheduled_sample_event_is_taken_by_the_function_it_is_named_after(name: str, invoke: Invoke) -> None:
    assert invoke(_worker_of(name), SCHEDULED[name]) == {"objects": 0, "failed": 0}


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_scheduled_sample_event_is_one_of_an_eventbridge_rule(name: str) -> None:
    (schedule,) = _worker_of(name).schedules
    event = SCHEDULED[name]
    assert event.keys() == scheduled_event(schedule, 0).keys()
    assert (event["detail-type"], event["source"], event["detail"]) == ("Scheduled Event", "aws.events", {})
    # The stack's name, the rule's, and what CloudFormation makes up.
    assert f"-{schedule.name}-" in event["resources"][0]


@pytest.mark.parametrize("name", BATCHES)
def test_a_sample_batch_is_taken_by_the_function_it_is_named_after(name: str, invoke: Invoke) -> None:
    assert invoke(_worker_of(name), BATCHES[name]) == {"batchItemFailures": []}


@pytest.mark.parametrize("name", QUEUED)
def test_a_sample_batch_is_one_of_the_functions_queue(name: str) -> None:
    (source,) = _worker_of(name).event_sources
    (like,) = sqs_event([Message("", "", 0, 0, 1, "")], source.queue.arn)["Records"]
    for record in QUEUED[name]["Records"]:
        assert record.keys() == like.keys()
        assert record["attributes"].keys() == like["attributes"].keys()
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
        # The stack's name, the queue's, and what CloudFormation makes up.
        assert f"-{source.queue.name}-" in record["eventSourceARN"]


@pytest.mark.parametrize("name", STREAMED)
def test_a_sample_of_the_stream_is_one_of_the_tables_and_passes_the_filter(name: str) -> None:
    (source,) = _worker_of(name).streams
    for record in STREAMED[name]["Records"]:
        stream = record["dynamodb"]
        image = stream.get("NewImage") or stream["OldImage"]
        like = stream_record(Change(1, record["eventName"], image["collection"]["S"], image["id"]["S"]), source.arn)
        assert record.keys() == like.keys()
        assert stream.keys() == like["dynamodb"].keys()
        assert stream["Keys"] == like["dynamodb"]["Keys"] == {name: image[name] for name in ("pk", "sk")}
        # All of the item in AWS, what names it here.
        assert like["dynamodb"].get("NewImage", {}).items() <= stream.get("NewImage", {}).items()
        assert source.filter.passes(record)
        # The stack's name, the table's, and what CloudFormation makes up.
        assert ":table/ocpi-Table-" in record["eventSourceARN"]


def test_every_function_has_a_sample_event() -> None:
    taken = {_function_of(event).name for event in EVENTS.values()}
    taken |= {_worker_of(name).name for name in SCHEDULED | BATCHES}
    assert taken == {function.name for function in TEMPLATE.functions}


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_names_no_host_address_or_token_of_anybody(name: str) -> None:
    event = EVENTS[name]
    assert event["requestContext"]["identity"]["sourceIp"].startswith("192.0.2.")  # RFC 5737: for documentation
    text = json.dumps(event)
    hosts = re.findall(r"https?://([^/\"\\]+)", text)
    assert all(host.endswith("example.com") for host in hosts)
    authorization = event["headers"].get("Authorization", "Token example")
    assert authorization.partition(" ")[2].startswith("example")


def _function_of(event: dict[str, Any]) -> Function:
    match = Routes(TEMPLATE.functions).match(event["httpMethod"], event["path"])
    assert match is not None, event["path"]
    return match.function


def _worker_of(name: str) -> Function:
    (worker,) = (each for each in TEMPLATE.functions if each.folder.name == name.partition("-")[0])
    return worker


def _register(store: SQLiteStore, role: Any, party_id: str, token: str) -> None:
    partner = Partner(
        id=f"example-{role.lower()}",
        role=role,
        name=f"Example {role}",
        status=PartnerStatus.REGISTERED,
        invited_at="2026-01-01T00:00:00Z",
        version="2.1.1",
        country_code="NL",
        party_id=party_id,
        versions_url=f"https://{role.lower()}.example.com/ocpi/versions",
        grants=(token_hash(token),),
    )
    grant = Grant(token_hash(token), partner.id, "registered")
    store.partners.save(PartnerChange(partner, None, put_grants=(grant,), claim_party=True))
