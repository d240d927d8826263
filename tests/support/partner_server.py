"""A small real HTTP server that plays a partner: scripted answers per path, every request recorded.

    with PartnerServer() as partner:
        partner.on("GET", "/ocpi/versions", Reply.ocpi([{"version": "2.1.1", "url": f"{partner.url}/2.1.1"}]))
        ...
        assert partner.requests[0].headers["authorization"] == "Token abc"

Answers of one route are given one after the other, the last one again and again. A path without a route gets what
``otherwise`` says: 404, unless told so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

TIMESTAMP = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Reply:
    """A scripted answer. ``raw`` is sent as it is instead of a proper answer, each piece ``pause`` seconds after
    the one before; ``wait`` is how many seconds pass before anything is sent."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0
    raw: Iterable[bytes] | None = None
    pause: float = 0

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None, wait: float = 0) -> Reply:
        """Any JSON value as it is."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}, wait)

    @classmethod
    def ocpi(
        cls,
        data: Any = None,
        *,
        status_code: int = 1000,
        status_message: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        wait: float = 0,
    ) -> Reply:
        """An envelope; ``data`` is left out when ``None``."""
        envelope = {"status_code": status_code, "timestamp": TIMESTAMP}
        optional = {"data": data, "status_message": status_message}
        envelope |= {name: value for name, value in optional.items() if value is not None}
        return cls.json(envelope, status, headers, wait)


@dataclass(frozen=True)
class Received:
    """A request that came in. ``path`` is without the query; header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Script = Reply | Callable[[Received], Reply]


class PartnerServer:
    """Listens on a free port of 127.0.0.1 while its ``with`` block runs. ``tls`` makes it an https server."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.otherwise: Script = Reply.ocpi(status_code=2001, status_message="unknown path", status=404)
        self._routes: dict[tuple[str, str], list[Script]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._tls = tls
        self._listen(0)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``, or https, without a trailing slash."""
        return f"{'https' if self._server.tls else 'http'}://127.0.0.1:{self.port}"

    def on(self, method: str, path: str, *script: Script) -> None:
        """What to answer on a method and path (without query); replaces what was scripted there."""
        with self._lock:
            self._routes[method, path] = list(script)

    def received(self, method: str, path: str) -> list[Received]:
        """The requests for a method and path so far, oldest first."""
        with self._lock:
            return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def answer(self, request: Received) -> Reply:
        """The next scripted answer for a request, which is recorded."""
        with self._lock:
            self.requests.append(request)
            script = self._routes.get((request.method, request.path)) or [self.otherwise]
            step = script.pop(0) if len(script) > 1 else script[0]
        return step(request) if callable(step) else step

    def sleep(self, seconds: float) -> bool:
        """Wait; true as soon as the server is closing."""
        return self._closing.wait(seconds) if seconds else self._closing.is_set()

    def go_down(self) -> None:
        """Refuse connections from now on, until :meth:`come_up`. Requests under way are answered first."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def come_up(self) -> None:
        """Listen again, on the port of before."""
        self._listen(self.port)
        self._thread.start()

    def _listen(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(self), self._tls)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.go_down()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for every request, so that no thread outlives its test
    request_queue_size = 128  # many connect at once; the standard library's 5 would reset some of them

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, handler)
        self.tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the request's own thread, so a slow or failing TLS handshake holds up nobody else."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(10)
        with self.tls.wrap_socket(request.dup(), server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients under test break connections on purpose."""


def _handler(partner: PartnerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = partner.answer(Received(self.command, parts.path, parts.query, headers, body))
            if partner.sleep(reply.wait):
                self.close_connection = True
                return
            if reply.raw is not None:
                self._send_raw(reply.raw, reply.pause)
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - names of the standard library

        def _send_raw(self, pieces: Iterable[bytes], pause: float) -> None:
            self.close_connection = True
            for piece in pieces:
                self.wfile.write(piece)
                if partner.sleep(pause):
                    return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the standard library
            """Keep test output quiet."""

    return Handler


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Return once the condition holds; fails the test when it does not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
