"""An eMSP that has registered with the deployment: a real HTTP server on this machine, and a client of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_B = "emsp-token-b-of-the-deploy-test"


@dataclass(frozen=True, slots=True)
class Emsp:
    """``http`` sends token C, the one that registration gave it; ``modules`` maps a module to its URL."""

    id: str
    server: PartnerServer
    token_a: str
    token_c: str
    modules: dict[str, str]
    http: httpx.Client


def registered_emsp(operator: httpx.Client) -> Iterator[Emsp]:
    """Have the operator invite an eMSP, which then finds its way from our versions URL and registers."""
    invited = _ok(operator.post("/partners", json={"role": "EMSP", "name": "Example Mobility"}))
    token_a = invited["token"]
    with PartnerServer() as server, httpx.Client(timeout=30) as http:
        _offer_versions(server)
        http.headers["Authorization"] = f"Token {token_a}"
        (version,) = _data(http.get(invited["versions_url"]))
        details = _data(http.get(version["url"]))
        modules = {endpoint["identifier"]: endpoint["url"] for endpoint in details["endpoints"]}
        credentials = _data(http.post(modules["credentials"], json=_our_credentials(server)))
        http.headers["Authorization"] = f"Token {credentials['token']}"
        yield Emsp(invited["id"], server, token_a, credentials["token"], modules, http)


def _offer_versions(server: PartnerServer) -> None:
    details_url = f"{server.url}/ocpi/emsp/2.1.1"
    endpoints = [
        {"identifier": module, "url": f"{details_url}/{module}"} for module in ("credentials", "locations", "tokens")
    ]
    server.on("GET", "/ocpi/versions", Reply.ocpi([{"version": "2.1.1", "url": details_url}]))
    server.on("GET", "/ocpi/emsp/2.1.1", Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))


def _our_credentials(server: PartnerServer) -> dict[str, Any]:
    return {
        "token": TOKEN_B,
        "url": f"{server.url}/ocpi/versions",
        "business_details": {"name": "Example Mobility"},
        "country_code": "NL",
        "party_id": "EXM",
    }


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def _data(answer: httpx.Response) -> Any:
    envelope = answer.json()
    assert (answer.status_code, envelope["status_code"]) == (200, 1000), answer.text
    return envelope["data"]
