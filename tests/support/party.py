"""The two sides that tests play against a running gateway: its operator, and a partner with a server of its own.

with running_gateway() as gateway, Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ABC") as partner:
    partner.register(operator.invite("EMSP"))
    page = partner.get(partner.endpoint("locations"))
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from types import TracebackType

    from tests.support.gateway import Gateway

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "2.1.1"
MODULES = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")


def fixture(name: str, /, **changes: Any) -> dict[str, Any]:
    """An object of ``tests/fixtures``, with some fields changed; ``...`` as a value takes a field out."""
    value: dict[str, Any] = {**json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8")), **changes}
    return {key: member for key, member in value.items() if member is not ...}


@dataclass(frozen=True, slots=True)
class Invited:
    """What an operator hands to a partner."""

    partner_id: str
    token: str
    versions_url: str


class Operator(httpx.Client):
    """A client of the operator API; paths are relative to ``/operator``."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(base_url=gateway.endpoints["operator"]["url"], headers=gateway.operator_headers, timeout=30)

    def invite(self, role: str, name: str = "Partner", **more: Any) -> Invited:
        """Invite a partner of a role."""
        answer = self.post("/partners", json={"role": role, "name": name, **more})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return Invited(body["id"], body["token"], body["versions_url"])

    def put_object(self, module: str, value: dict[str, Any]) -> httpx.Response:
        """PUT one of our own objects under its own id."""
        return self.put(f"/2.1.1/{module}/{value['uid' if module == 'tokens' else 'id']}", json=value)


class PlayedPartner:
    """A partner: a client for its calls to us, and a real server for ours to it (``self.server``).

    ``role`` is the role that it plays. Until :meth:`register`, ``token`` is ``None`` and :meth:`get` and its like send
    no token unless one is given.
    """

    def __init__(
        self,
        role: str,
        country_code: str = "DE",
        party_id: str = "ABC",
        *,
        token: str = "token-b",
        server: PartnerServer | None = None,
    ) -> None:
        self.role, self.country_code, self.party_id = role, country_code, party_id
        self.issued = token
        """The token that the gateway is to use on this partner (token B)."""
        self.token: str | None = None
        """The token that this partner uses on the gateway (token C)."""
        self.partner_id: str | None = None
        self.endpoints: dict[str, str] = {}
        self.server = server or PartnerServer()
        self.http = httpx.Client(timeout=30)

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.serve_versions()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.server.__exit__(kind, error, trace)

    @property
    def versions_url(self) -> str:
        """The partner's own versions URL."""
        return f"{self.server.url}/{self.role.lower()}/versions"

    @property
    def owner_path(self) -> str:
        """``DE/ABC``: the owner in URLs of objects that this partner pushes."""
        return f"{self.country_code}/{self.party_id}"

    def serve_versions(self, *modules: str, version: str = "2.1.1") -> None:
        """Script the partner's versions and version details."""
        details = f"{self.server.url}/{self.role.lower()}/{version}"
        endpoints = [{"identifier": module, "url": f"{details}/{module}"} for module in modules or MODULES]
        self.server.on("GET", f"/{self.role.lower()}/versions", Reply.ocpi([{"version": version, "url": details}]))
        self.server.on(
            "GET", f"/{self.role.lower()}/{version}", Reply.ocpi({"version": version, "endpoints": endpoints})
        )

    def credentials(self, **changes: Any) -> dict[str, Any]:
        """The Credentials object that this partner sends."""
        return {
            "token": self.issued,
            "url": self.versions_url,
            "business_details": {"name": f"{self.country_code}-{self.party_id}"},
            "party_id": self.party_id,
            "country_code": self.country_code,
            **changes,
        }

    def discover(self, versions_url: str, token: str) -> dict[str, str]:
        """Endpoints of 2.1.1 by module, found through versions and details as the specification says."""
        versions = self.get(versions_url, token=token).json()["data"]
        details_url = next(entry["url"] for entry in versions if entry["version"] == "2.1.1")
        details = self.get(details_url, token=token).json()["data"]
        return {entry["identifier"]: entry["url"] for entry in details["endpoints"]}

    def register(self, invited: Invited) -> httpx.Response:
        """Run the handshake as the partner; asserts that it succeeds."""
        self.endpoints = self.discover(invited.versions_url, invited.token)
        answer = self.call("POST", self.endpoints["credentials"], token=invited.token, json=self.credentials())
        assert answer.json()["status_code"] == 1000, answer.text
        self.token = answer.json()["data"]["token"]
        self.partner_id = invited.partner_id
        self.endpoints = self.discover(answer.json()["data"]["url"], str(self.token))
        return answer

    def endpoint(self, module: str, *segments: str) -> str:
        """The gateway's URL for a module, with path segments (as they are, not encoded) after it."""
        return "/".join((self.endpoints[module].rstrip("/"), *segments))

    def own_url(self, module: str, *segments: str) -> str:
        """The URL of an object that this partner pushes: endpoint, its country code and party id, and the id."""
        return self.endpoint(module, self.owner_path, *segments)

    def call(self, method: str, url: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """Any request, with this partner's token unless another is given."""
        shown = token or self.token
        headers = {**({"Authorization": f"Token {shown}"} if shown else {}), **options.pop("headers", {})}
        return self.http.request(method, url, headers=headers, **options)

    def get(self, url: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", url, **options)

    def put(self, url: str, value: Any, **options: Any) -> httpx.Response:
        """PUT a JSON value."""
        return self.call("PUT", url, json=value, **options)

    def patch(self, url: str, value: Any, **options: Any) -> httpx.Response:
        """PATCH with a JSON value."""
        return self.call("PATCH", url, json=value, **options)
