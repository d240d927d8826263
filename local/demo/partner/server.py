"""What the demo's eMSP serves: versions, its charge cards, and a place for all that our side brings it."""

from __future__ import annotations

import hmac
import json
import queue
import secrets
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from local.demo.tokens import PARTNER, tokens
from local.demo.wire import to_wire

if TYPE_CHECKING:
    from types import TracebackType

MODULES = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
RESULTS = "/2.1.1/commands/"
"""Below it is a ``response_url`` for each command."""
SECONDS = 10

Answer = tuple[int, dict[str, Any], dict[str, str]]
"""HTTP status, envelope, headers."""


class PartnerServer:
    """Listens on a free port of this machine while its block lasts."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        """What callers must show (token B)."""
        self.results: queue.Queue[str] = queue.Queue()
        """Words of CommandResponseType, as they arrive."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def new_response_url(self) -> str:
        """One that nobody can guess."""
        return f"{self.url}{RESULTS}{secrets.token_urlsafe(16)}"

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """The answer to a call with the right token."""
        if (method, path) == ("GET", "/versions"):
            return _success([{"version": "2.1.1", "url": f"{self.url}/2.1.1"}])
        if (method, path) == ("GET", "/2.1.1"):
            endpoints = [{"identifier": module, "url": f"{self.url}/2.1.1/{module}"} for module in MODULES]
            return _success({"version": "2.1.1", "endpoints": endpoints})
        if (method, path) == ("GET", "/2.1.1/tokens"):
            cards = cards_of_partner()
            return _success(cards, {"X-Total-Count": str(len(cards)), "X-Limit": str(len(cards))})
        if method == "POST" and path.startswith(RESULTS):
            self.results.put(str(body["result"] if isinstance(body, dict) else body))
            return _success(None)
        if method == "POST" and path == "/2.1.1/cdrs":
            return _success(None, {"Location": f"{self.url}/2.1.1/cdrs/{body['id']}"})
        if method in ("PUT", "PATCH", "DELETE"):
            return _success(None)
        return 404, {"status_code": 2003, "status_message": "there is nothing here", "timestamp": _now()}, {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def cards_of_partner() -> list[dict[str, Any]]:
    """The Tokens of the demo's eMSP, as it sends them."""
    return [{**card, "last_updated": "2026-01-01T00:00:00Z"} for card in tokens(PARTNER)]


def _success(data: Any, headers: dict[str, str] | None = None) -> Answer:
    return 200, {"status_code": 1000, "timestamp": _now(), **({} if data is None else {"data": data})}, headers or {}


def _now() -> str:
    return to_wire(datetime.now(UTC))


def _handler(partner: PartnerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shown = (self.headers.get("Authorization") or "").encode()
            if not hmac.compare_digest(shown, f"Token {partner.token}".encode()):
                self._send(401, {"status_code": 2001, "status_message": "unknown token", "timestamp": _now()}, {})
                return
            try:
                answer = partner.answer(self.command, urlsplit(self.path).path, json.loads(body) if body else None)
            except (KeyError, TypeError, ValueError):
                answer = 400, {"status_code": 2001, "status_message": "not what belongs here", "timestamp": _now()}, {}
            self._send(*answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - names of the standard library

        def _send(self, status: int, envelope: dict[str, Any], headers: dict[str, str]) -> None:
            content = json.dumps(envelope).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the standard library
            """The story is told elsewhere."""

    return Handler
