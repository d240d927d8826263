"""Partners that have registered with the deployment: a real HTTP server on this machine, and a client of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import httpx

from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

Role = Literal["CPO", "EMSP"]
NAMES: dict[Role, str] = {"CPO": "Example Chargers", "EMSP": "Example Mobility"}
PARTY_IDS: dict[Role, str] = {"CPO": "EXC", "EMSP": "EXM"}
TOKENS_B: dict[Role, str] = {"CPO": "cpo-token-b-of-the-deploy-test", "EMSP": "emsp-token-b-of-the-deploy-test"}


@dataclass(frozen=True, slots=True)
class Partner:
    """``http`` sends token C, the one that registration gave it; ``modules`` maps a module to its URL."""

    id: str
    server: PartnerServer
    token_a: str
    token_b: str
    token_c: str
    modules: dict[str, str]
    http: httpx.Client


@contextmanager
def registered_partner(operator: httpx.Client, role: Role) -> Iterator[Partner]:
    """Have the operator invite a partner, which then finds its way from our versions URL and registers."""
    invited = _ok(operator.post("/partners", json={"role": role, "name": NAMES[role]}))
    token_a = invited["token"]
    with PartnerServer() as server, httpx.Client(timeout=30) as http:
        _offer_versions(server, role)
        http.headers["Authorization"] = f"Token {token_a}"
        (version,) = _data(http.get(invited["versions_url"]))
        details = _data(http.get(version["url"]))
        modules = {endpoint["identifier"]: endpoint["url"] for endpoint in details["endpoints"]}
        credentials = _data(http.post(modules["credentials"], json=_credentials(server, role)))
        http.headers["Authorization"] = f"Token {credentials['token']}"
        yield Partner(invited["id"], server, token_a, TOKENS_B[role], credentials["token"], modules, http)


def _offer_versions(server: PartnerServer, role: Role) -> None:
    details_path = f"/ocpi/{role.lower()}/2.1.1"
    endpoints = [
        {"identifier": module, "url": f"{server.url}{details_path}/{module}"}
        for module in ("credentials", "locations", "tokens", "commands")
    ]
    for endpoint in endpoints:
        # Nothing to be pulled; a partner that fails would be tried again and again.
        server.on("GET", endpoint["url"].removeprefix(server.url), Reply.ocpi([]))
    server.on("GET", "/ocpi/versions", Reply.ocpi([{"version": "2.1.1", "url": f"{server.url}{details_path}"}]))
    server.on("GET", details_path, Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))


def _credentials(server: PartnerServer, role: Role) -> dict[str, Any]:
    return {
        "token": TOKENS_B[role],
        "url": f"{server.url}/ocpi/versions",
        "business_details": {"name": NAMES[role]},
        "country_code": "NL",
        "party_id": PARTY_IDS[role],
    }


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def _data(answer: httpx.Response) -> Any:
    envelope = answer.json()
    assert (answer.status_code, envelope["status_code"]) == (200, 1000), answer.text
    return envelope["data"]
