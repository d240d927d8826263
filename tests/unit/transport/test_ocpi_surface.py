"""What leaves when a handler fails: an envelope, and nothing of the inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.settings import settings
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus, TooLarge
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.update import Busy
from ocpi.transport.authentication import token_hash
from ocpi.transport.message import Answer, Call
from ocpi.transport.ocpi_surface import OcpiResource, OcpiSurface
from ocpi.transport.routing import _routed_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "token-c"
SECRET = "password in /var/task/app.py"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    variables = {"COUNTRY_CODE": "NL", "PARTY_ID": "EXA", "STORE": "sqlite:x", "VAULT": "keyfile:x"}
    for name, value in {**variables, "OPERATOR_KEY": "file:x"}.items():
        monkeypatch.setenv(f"OCPI_{name}", value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def surface(tmp_path: Path) -> OcpiSurface:
    store = SQLiteStore(tmp_path / "ocpi.db")
    hashed = token_hash(TOKEN)
    partner = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2024-05-01T00:00:00Z", grants=(hashed,))
    grant = Grant(hashed, partner.id, "registered")
    store.partners.save(PartnerChange(partner, expected=None, put_grants=(grant,)))
    return OcpiSurface(store)


def serve(surface: OcpiSurface, error: Exception, **headers: str) -> Answer:
    def handler(call: Call, caller: Any) -> Answer:
        raise error

    headers = {"authorization": f"Token {TOKEN}", **headers}
    call = Call("GET", "/ocpi/cpo/2.1.1/locations", {}, {}, headers, b"", "https://x.example")
    return surface.serve(call, OcpiResource("CPO", "2.1.1/locations", GET=handler))


@pytest.mark.req("TF-80", "SC-02", "TF-22")
@pytest.mark.parametrize(
    ("error", "http_status", "status_code"),
    [
        (RuntimeError(SECRET), 500, 3000),
        (KeyError(SECRET), 500, 3000),
        (Busy(SECRET), 503, 3000),
        (TooLarge(2, 1), 413, 2001),
    ],
)
def test_a_failure_of_ours_is_an_envelope_that_gives_nothing_away(
    surface: OcpiSurface, error: Exception, http_status: int, status_code: int
) -> None:
    answer = serve(surface, error)
    body = json.loads(answer.text)
    assert (answer.http_status, body["status_code"]) == (http_status, status_code)
    assert body["status_message"]
    assert "data" not in body
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.req("TF-82")
@pytest.mark.parametrize(
    ("sent", "returned"), [("r-1", "r-1"), ("", None), ("x" * 129, None), ("a\x01b", None), ("é", None)]
)
def test_a_request_id_comes_back_if_it_may_stand_in_a_header(
    surface: OcpiSurface, sent: str, returned: str | None
) -> None:
    assert serve(surface, RuntimeError("x"), **{"x-request-id": sent}).headers.get("X-Request-ID") == returned


@pytest.mark.req("TF-65")
@pytest.mark.parametrize(
    ("public_url", "sent", "routed"),
    [
        ("", "/ocpi/cpo/versions", "/ocpi/cpo/versions"),
        ("", "/ocpi/cpo/versions/", "/ocpi/cpo/versions"),
        ("", "/", "/"),
        ("https://x.example", "/ocpi/cpo/versions", "/ocpi/cpo/versions"),
        ("https://x.example/roaming", "/roaming/ocpi/cpo/versions", "/ocpi/cpo/versions"),
        ("https://x.example/roaming/", "/roaming/ocpi/cpo/versions/", "/ocpi/cpo/versions"),
        ("https://x.example/roaming", "/ocpi/cpo/versions", "/ocpi/cpo/versions"),
        ("https://x.example/roaming", "/roaming/operator/partners", "/operator/partners"),
        ("https://x.example/roaming", "/roaming/else", "/roaming/else"),
        ("https://x.example/a/b", "/a/b/ocpi/cpo/2.1.1/tokens/DE/EMS/A%2FB", "/ocpi/cpo/2.1.1/tokens/DE/EMS/A%2FB"),
        ("https://x.example/ocpi", "/ocpi/ocpi/cpo/versions", "/ocpi/cpo/versions"),
        ("https://x.example/ocpi", "/ocpi/cpo/versions", "/ocpi/cpo/versions"),
    ],
)
def test_a_path_is_routed_without_the_base_path_of_the_public_url(
    monkeypatch: pytest.MonkeyPatch, public_url: str, sent: str, routed: str
) -> None:
    monkeypatch.setenv("OCPI_PUBLIC_URL", public_url)
    settings.cache_clear()
    assert _routed_path({"path": sent}) == routed
