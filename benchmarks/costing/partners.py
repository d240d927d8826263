"""Partners of one role in a process of its own, which answer everything at once and keep nothing.

    python benchmarks/costing/partners.py

Prints its port. A partner is the first segment of a path. ``GET /count`` says how many requests and bytes came.
Tokens are listed as many as ``/tokens/<number>/<changed>`` was POSTed for: all, or those changed since.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

MODULES = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
TIME = "2026-01-01T00:00:00Z"
lock = threading.Lock()
came = {"requests": 0, "bytes": 0}
tokens = {"all": 0, "changed": 0}


def token(partner: str, number: int) -> dict[str, object]:
    return {
        "uid": f"04{int(partner):02X}{number:08X}",
        "type": "RFID",
        "auth_id": f"DE-{int(partner):03}-C{number:08}",
        "visual_number": f"SYNTHETIC-{number:06}",
        "issuer": "Synthetic Mobility (test data)",
        "valid": True,
        # One in seventeen, as in the data that docs/cost.md names.
        "whitelist": "NEVER" if number % 17 == 16 else "ALLOWED",
        "language": "fr",
        "last_updated": TIME,
    }


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        """Any request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        segments = parts.path.strip("/").split("/")
        if segments == ["count"]:
            self.send(200, came)
            return
        if segments[0] == "tokens":
            tokens.update(all=int(segments[1]), changed=int(segments[2]))
            self.send(200, {})
            return
        with lock:
            came["requests"] += 1
            came["bytes"] += len(body) + len(self.path) + sum(len(n) + len(v) + 4 for n, v in self.headers.items())
        self.as_partner(segments, parts.query)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names of the standard library

    def as_partner(self, segments: list[str], query: str) -> None:
        """As OCPI has it."""
        partner, *rest = segments
        base = f"http://{self.headers['Host']}/{partner}"
        if self.command == "POST" and rest[0] == "cdrs":
            self.ocpi(None, Location=f"{base}/cdrs/{came['requests']}")
        elif self.command == "POST" and rest[0] == "tokens":
            self.ocpi({"allowed": "ALLOWED"})
        elif self.command != "GET":
            self.ocpi(None)
        elif rest == ["versions"]:
            self.ocpi([{"version": "2.1.1", "url": f"{base}/2.1.1"}])
        elif rest == ["2.1.1"]:
            found = [{"identifier": module, "url": f"{base}/{module}"} for module in MODULES]
            self.ocpi({"version": "2.1.1", "endpoints": found})
        elif rest == ["tokens"]:
            number = tokens["changed" if "date_from" in query else "all"]
            self.ocpi([token(partner, each) for each in range(number)], **{"X-Total-Count": str(number)})
        else:
            self.send(404, {"status_code": 2003, "status_message": "unknown object", "timestamp": TIME})

    def ocpi(self, data: object, **headers: str) -> None:
        """An envelope."""
        self.send(200, {"data": data, "status_code": 1000, "timestamp": TIME}, **headers)

    def send(self, status: int, value: object, **headers: str) -> None:
        """JSON."""
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the standard library
        """Keep the output to the port."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
