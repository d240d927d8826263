"""The partner of the unit tests: it keeps to OCPI 2.1.1 section 7, remembers which tokens open what, and lives in
this process, so that a test can look into it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ocpi.errors import Unauthorized
from ocpi.outbound.answer import Answer, Headers
from ocpi.transport.authentication import authenticate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partners

URL = "https://partner.example/ocpi"


@dataclass
class Counterpart:
    """An eMSP. ``partners`` are those of the deployment under test, on which it uses ``on_us``.

    ``ours`` are the tokens that open its API, ``ends`` those that each will end when it is first used: a partner may
    not have got the token that replaces another.
    """

    partners: Partners
    invitation: str | None = "token-a"
    ours: set[str] = field(default_factory=set)
    ends: dict[str, set[str]] = field(default_factory=dict)
    on_us: str | None = None
    issued: int = 0
    before_answer: Callable[[str], None] = lambda _: None
    """Called with the method of a credentials request just before its answer goes out."""
    used: list[str] = field(default_factory=list)
    """The requests that came in, as ``METHOD path token``."""

    def may_call(self, url: str) -> bool:
        """As :meth:`ocpi.outbound.client.PartnerClient.may_call`."""
        return url.startswith(URL)

    def request(self, method: str, url: str, *, token: str, body: str | None = None, **_: Any) -> Answer:
        """As :meth:`ocpi.outbound.client.PartnerClient.request`."""
        path = url.removeprefix(URL)
        self.used.append(f"{method} {path} {token}")
        if token not in self.ours | {self.invitation}:
            return _answer(401, 2000)
        self.ours -= self.ends.pop(token, set())
        match method, path:
            case "GET", "/versions":
                return _answer(data=[{"version": "2.1.1", "url": f"{URL}/2.1.1"}])
            case "GET", "/2.1.1":
                modules = ("credentials", "locations", "tokens")
                endpoints = [{"identifier": module, "url": f"{URL}/2.1.1/{module}"} for module in modules]
                return _answer(data={"version": "2.1.1", "endpoints": endpoints})
            case (("POST" | "PUT"), "/2.1.1/credentials") if (method == "POST") == (token == self.invitation):
                return self._exchange(method, json.loads(str(body)))
            case "DELETE", "/2.1.1/credentials" if token in self.ours:
                self.ours, self.on_us = set(), None
                self.before_answer(method)
                return _answer()
        return _answer(405, 2000)

    def _exchange(self, method: str, given: dict[str, Any]) -> Answer:
        for _ in ("versions", "details"):
            if self.opens(given["token"]) is None:
                return _answer(200, 3001)
        self.on_us = given["token"]
        token = self.new_token()
        self.ends[token] = set(self.ours)
        self.ours.add(token)
        if method == "POST":
            self.invitation = None
        self.before_answer(method)
        return _answer(data=self.credentials(token))

    def new_token(self) -> str:
        """A token unlike any before it."""
        self.issued += 1
        return f"token-{self.issued:03}"

    def credentials(self, token: str) -> dict[str, Any]:
        """Its Credentials object."""
        details = {"name": "Partner"}
        return {"token": token, "url": f"{URL}/versions", "business_details": details} | {
            "party_id": "ABC",
            "country_code": "DE",
        }

    def opens(self, token: str | None) -> str | None:
        """What a token of ours opens for it now: the kind of the grant, or ``None``."""
        try:
            return authenticate(self.partners, f"Token {token}", our_role="CPO").grant.kind
        except Unauthorized:
            return None


def _answer(http_status: int = 200, status_code: int = 1000, data: Any = None) -> Answer:
    envelope = {"status_code": status_code, "timestamp": "2026-01-01T00:00:00Z"}
    body = envelope if data is None else {**envelope, "data": data}
    return Answer(http_status, Headers([("Content-Type", "application/json")]), json.dumps(body).encode())
