"""A partner in memory that registers with us, is registered with, renews and leaves, just as OCPI 2.1.1 says, and keeps
account of every token that either side was given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.event import Request

ANSWERED, GONE = 1000, 401


@dataclass
class Peer:
    """``call`` is ``(method, path, token, body) -> Answer`` of ours. ``token`` is what it uses on us: the last one that
    it was given well. ``ours`` is what we are to use on it, ``accepted`` all that it still opens to. ``given`` are all
    tokens that ever opened us to it, by registration.
    """

    number: int
    role: str
    call: Callable[[str, str, str, Any], Answer]
    token: str | None = None
    ours: str | None = None
    invitation: str | None = None
    accepted: set[str] = field(default_factory=set)
    given: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    """Those of registrations that came to nothing."""
    tries: int = 0
    """Of the last renewal, from either side."""
    unclear_until: float = 0.0
    """Until when an earlier try may have left a token open."""
    _issued: int = 0

    @property
    def host(self) -> str:
        return f"peer-{self.number}.example"

    @property
    def party(self) -> tuple[str, str]:
        return "DE", f"P{self.number:02}"

    @property
    def tree(self) -> str:
        """Ours, which it calls."""
        return "/ocpi/cpo" if self.role == "EMSP" else "/ocpi/emsp"

    @property
    def versions_url(self) -> str:
        return f"https://{self.host}/versions"

    # As who is called

    def request(self, request: Request) -> Answer:
        """What it answers to us."""
        shown = dict(request.headers)["Authorization"].removeprefix("Token ")
        known = shown in self.accepted
        if not known and shown != self.invitation:
            return _answer(401, 2001)
        if request.raw_path == "/versions":
            return _answer(200, 1000, [{"version": "2.1.1", "url": f"https://{self.host}/2.1.1"}])
        if request.raw_path == "/2.1.1":
            return _answer(200, 1000, {"version": "2.1.1", "endpoints": self._endpoints()})
        return self._credentials(request, shown)

    def _credentials(self, request: Request, shown: str) -> Answer:
        if request.method == "DELETE":
            self.forget()
            return _answer(200, 1000)
        if request.method == "GET":
            return _answer(200, 1000, self.credentials(shown))
        if (request.method == "POST") is (shown != self.invitation):
            return _answer(405, 2000)
        token = json.loads(request.body)["token"]
        # A handshake in which we cannot be called back is none.
        if self.call("GET", f"{self.tree}/versions", token, None).status != 200:
            return _answer(200, 3001)
        self.invitation = None
        self.take(token)
        self.ours = self.issue()
        return _answer(200, 1000, self.credentials(self.ours))

    # What it keeps

    def take(self, token: str) -> None:
        """A token of ours, answered well."""
        self.token = token
        self.note(token)

    def note(self, token: str) -> None:
        """A token that may open us."""
        if token not in self.given:
            self.given.append(token)

    def issue(self) -> str:
        """A token for us; those before stay until we are known to have it."""
        self._issued += 1
        token = f"issued-{self.number}-{self._issued}"
        self.accepted.add(token)
        return token

    def invite(self) -> str:
        """A token A for us."""
        self._issued += 1
        self.invitation = f"invitation-{self.number}-{self._issued}"
        return self.invitation

    def forget(self) -> None:
        """The end of a registration."""
        self.token = self.ours = self.invitation = None
        self.accepted = set()

    def credentials(self, token: str) -> dict[str, Any]:
        country_code, party_id = self.party
        return {
            "token": token,
            "url": self.versions_url,
            "country_code": country_code,
            "party_id": party_id,
            "business_details": {"name": f"Peer {self.number}"},
        }

    def _endpoints(self) -> list[dict[str, str]]:
        modules = ("credentials", "locations", "tokens")
        return [{"identifier": name, "url": f"https://{self.host}/2.1.1/{name}"} for name in modules]


def _answer(status: int, code: int, data: Any = None) -> Answer:
    body = {"data": data, "status_code": code, "timestamp": "2026-01-01T00:00:00Z"}
    return Answer(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
