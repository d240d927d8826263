"""How the demo's eMSP calls us: plain OCPI 2.1.1 over HTTP."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import urllib3

from local.data import write_json
from local.demo.tokens import PARTNER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.demo.partner.server import PartnerServer

TIMEOUT_SECONDS = 30
NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class PartnerError(Exception):
    """The story cannot go on; the message says why."""


class Party:
    """The eMSP as a caller. What the handshake gave it is kept in ``demo-partner.json``, so it can come back."""

    def __init__(self, data: Path, server: PartnerServer) -> None:
        self._data, self._server = data, server
        self._http = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)
        self._token = ""
        self.endpoints: dict[str, str] = {}
        """URLs by module."""

    def register(self) -> str:
        """Run the credentials handshake with the invitation, or renew the credentials of an earlier time; which."""
        kept = self._data / "demo-partner.json"
        if kept.exists():
            known = json.loads(kept.read_text(encoding="utf-8"))
            method, self._token, versions_url = "PUT", known["token"], known["versions_url"]
        else:
            invitation = self._read("demo.json")
            if invitation["role"] != "EMSP" or not invitation["token"]:
                raise PartnerError(
                    f"the invitation of {self._data} is not for an eMSP, or somebody has used it already"
                )
            method, self._token, versions_url = "POST", invitation["token"], invitation["versions_url"]
        self.endpoints = self._discover(versions_url)
        ours = {"token": self._server.token, "url": f"{self._server.url}/versions", **PARTNER}
        theirs = self.send(method, self.endpoints["credentials"], ours)
        self._token = theirs["token"]
        write_json(kept, {"token": self._token, "versions_url": theirs["url"]})
        self.endpoints = self._discover(theirs["url"])
        return "registered" if method == "POST" else "registered before; credentials renewed"

    def send(self, method: str, url: str, body: Any = None) -> Any:
        """One call; the ``data`` that came back. Raises :class:`PartnerError` for anything but success."""
        return self._call(method, url, body)[0]

    def pages(self, url: str) -> Iterator[dict[str, Any]]:
        """All objects of a list, page by page as ``Link`` says."""
        following: str | None = url
        while following is not None:
            objects, link = self._call("GET", following)
            yield from objects
            match = NEXT.search(link)
            following = match[1] if match else None

    def _discover(self, versions_url: str) -> dict[str, str]:
        versions = self.send("GET", versions_url)
        url = next((entry["url"] for entry in versions if entry["version"] == "2.1.1"), None)
        if url is None:
            raise PartnerError(f"{versions_url} offers no OCPI 2.1.1")
        return {entry["identifier"]: entry["url"] for entry in self.send("GET", url)["endpoints"]}

    def _call(self, method: str, url: str, body: Any = None) -> tuple[Any, str]:
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        try:
            answer = self._http.request(
                method, url, body=None if body is None else json.dumps(body).encode(), headers=headers
            )
            envelope = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise PartnerError(f"{method} {url}: {error}") from error
        if not isinstance(envelope, dict) or envelope.get("status_code") != 1000:
            raise PartnerError(f"{method} {url} answered HTTP {answer.status}: {str(envelope)[:300]}")
        return envelope.get("data"), answer.headers.get("Link", "")

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self._data / name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise PartnerError(f"there is no {error.filename}: start `make run`, with its demo, first") from error
        return content
