"""What is read is given out as it was stored: no document is parsed on the way to a partner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.context import LambdaContext
from local.functions import load
from ocpi import deployment
from ocpi.settings import settings
from ocpi.store.port import Collection, Draft, Grant, Key, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport.authentication import token_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = Path(__file__).parents[2] / "functions"
NO_JSON = "{<stored “as it is” [{}"
"""Whoever parses this fails, and whoever writes it anew changes it."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    """An empty store that knows an eMSP and a CPO, which functions loaded from now on use."""
    place = tmp_path / "ocpi.sqlite"
    variables = {
        "COUNTRY_CODE": "NL",
        "PARTY_ID": "TNM",
        "STORE": f"sqlite:{place}",
        "VAULT": f"keyfile:{tmp_path}/key",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"OCPI_{name}", value)
    settings.cache_clear()
    deployment.store.cache_clear()
    opened = deployment.store()
    assert isinstance(opened, SQLiteStore)
    for role in ("EMSP", "CPO"):
        hashed = token_hash(f"token-of-the-{role}")
        partner = Partner(
            role,
            "EMSP" if role == "EMSP" else "CPO",
            role,
            PartnerStatus.REGISTERED,
            "2024-05-01T00:00:00Z",
            country_code="DE",
            party_id="ABC",
            grants=(hashed,),
        )
        opened.partners.save(PartnerChange(partner, None, put_grants=(Grant(hashed, role, "registered"),)))
    yield opened
    opened.close()
    settings.cache_clear()
    deployment.store.cache_clear()


def body_of(module: str, role: str, path: str) -> str:
    """What a function of a module answers to a partner of that role who gets that path."""
    handler = load(FUNCTIONS / module, "app.handler")
    tree = "cpo" if role == "EMSP" else "emsp"
    event = {
        "resource": "/{proxy+}",
        "path": f"/ocpi/{tree}/2.1.1/{module}{path}",
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {"Authorization": [f"Token token-of-the-{role}"]},
        "multiValueQueryStringParameters": {"limit": ["2"], "date_from": ["2024-01-01T00:00:00Z"]},
        "requestContext": {"domainName": "api.example", "stage": "v1"},
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = handler(event, LambdaContext(module, 128, 10.0))
    assert answer["statusCode"] == 200, answer
    assert isinstance(answer["body"], str)
    return answer["body"]


def data_in(body: str) -> str:
    """``data`` of an envelope, whatever it holds."""
    before, separator, status = body.removeprefix('{"data":').rpartition(',"status_code":')
    assert json.loads("{" + separator.removeprefix(",") + status)["status_code"] == 1000
    return before


@pytest.mark.parametrize(
    ("module", "role", "audience"),
    [
        ("locations", "EMSP", "*"),
        ("sessions", "EMSP", "DE-ABC"),
        ("cdrs", "EMSP", "DE-ABC"),
        ("tariffs", "EMSP", "*"),
        ("tokens", "CPO", "*"),
    ],
)
def test_a_list_holds_its_documents_as_they_were_stored(
    store: SQLiteStore, module: str, role: str, audience: str
) -> None:
    for number in range(3):
        key = Key(Collection("own", module), f"{'RFID/' if module == 'tokens' else ''}{number}")
        store.objects.put(key, Draft("2.1.1", f"{NO_JSON}{number}}}", "2024-05-01T00:00:00Z", audience), expected=None)

    assert data_in(body_of(module, role, "")) == f"[{NO_JSON}0}},{NO_JSON}1}}]"


def test_an_empty_list_is_a_list(store: SQLiteStore) -> None:
    del store  # it only has to be there
    assert data_in(body_of("locations", "EMSP", "")) == "[]"


@pytest.mark.parametrize(
    ("module", "role", "owner", "object_id", "path"),
    [
        ("locations", "EMSP", "own", "1", "/1"),
        ("locations", "CPO", "DE-ABC", "1", "/DE/ABC/1"),
        ("sessions", "CPO", "DE-ABC", "1", "/DE/ABC/1"),
        ("tariffs", "CPO", "DE-ABC", "1", "/DE/ABC/1"),
        ("tokens", "EMSP", "DE-ABC", "RFID/1", "/DE/ABC/1"),
    ],
)
def test_an_object_is_given_out_as_it_was_stored(
    store: SQLiteStore, module: str, role: str, owner: str, object_id: str, path: str
) -> None:
    draft = Draft("2.1.1", NO_JSON, "2024-05-01T00:00:00Z", "*")
    store.objects.put(Key(Collection(owner, module), object_id), draft, expected=None)

    assert data_in(body_of(module, role, path)) == NO_JSON
