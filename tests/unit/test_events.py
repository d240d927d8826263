"""Every event under ``events/`` is one that its function takes, and every function has one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.context import LambdaContext
from local.environment import joint_environment, local_environment
from local.functions import load
from local.routing import Routes
from local.template import Function, read_template
from ocpi import deployment
from ocpi.settings import settings
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport.authentication import token_hash

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
EVENTS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "events").glob("*.json"))}

ANSWERS = {
    "credentials-read": (200, 1000),
    "credentials-register": (405, 2000),  # who is registered renews with PUT
    "locations-list": (200, 1000),
    "locations-status": (404, 2003),
    "operator-health": (200, None),
    "operator-invite": (201, None),
    "operator-party": (200, None),
    "tariffs-delete": (404, 2001),
    "tariffs-list": (200, 1000),
    "tokens-list": (200, 1000),
    "tokens-put": (201, 1000),
    "versions": (200, 1000),
    "versions-details": (200, 1000),
    "versions-unknown-path": (404, 2000),
}
"""HTTP status and OCPI status code of each event's answer, of a store in which only the two partners are known."""

Invoke = Callable[[Function, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Runs a function on an event, with an empty store of its own that knows the partners of the events."""
    overrides = local_environment(tmp_path, 8080, {})
    for name, value in joint_environment(TEMPLATE.functions, overrides).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "operator.key").write_text("example-of-an-operator-key", encoding="utf-8")
    store = SQLiteStore(tmp_path / "ocpi.db")
    _register(store, "CPO", "EXC", "example-of-a-cpo-token")
    _register(store, "EMSP", "EXM", "example-of-an-emsp-token")
    settings.cache_clear()
    monkeypatch.setattr(deployment, "store", lambda: store)

    def run(function: Function, event: dict[str, Any]) -> dict[str, Any]:
        context = LambdaContext(function.name, function.memory, function.timeout)
        answer: dict[str, Any] = load(function.folder, function.handler)(event, context)
        return answer

    yield run
    store.close()
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


def test_every_function_has_a_sample_event() -> None:
    assert {_function_of(event).name for event in EVENTS.values()} == {function.name for function in TEMPLATE.functions}


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
        grants=(token_hash(token),),
    )
    grant = Grant(token_hash(token), partner.id, "registered")
    store.partners.save(PartnerChange(partner, None, put_grants=(grant,), claim_party=True))
