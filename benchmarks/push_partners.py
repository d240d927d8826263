"""Twenty partners in one process that costs as little as it can: it answers everything alike and notes when it came.

    python benchmarks/push_partners.py 20

Prints the ports as a JSON list. Then each line on standard input is a command: ``close N …`` has nobody listen there
any more, ``silence N …`` has them read and never answer, ``count`` prints how many pushes came to each, ``report FILE``
writes a line ``[partner, seconds since 1970, path, body]`` for each push since the last report.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

TAKEN = b'{"data":null,"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
MODULES = ("credentials", "locations", "sessions", "cdrs", "tariffs")


@dataclass
class Partners:
    """All of them."""

    arrived: list[tuple[int, float, bytes, bytes]] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    servers: list[asyncio.Server] = field(default_factory=list)
    open: list[set[asyncio.Transport]] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    async def listen(self, number: int) -> list[int]:
        """Open so many; their ports."""
        loop = asyncio.get_running_loop()
        for index in range(number):
            self.open.append(set())
            self.count.append(0)
            self.servers.append(await loop.create_server(lambda index=index: Connection(self, index), "127.0.0.1", 0))  # type: ignore[misc] # bound early
        return [server.sockets[0].getsockname()[1] for server in self.servers]

    def do(self, line: str) -> None:
        """Carry out a command."""
        command, *arguments = line.split()
        match command:
            case "close":
                for index in map(int, arguments):
                    self.servers[index].close()
                    for transport in list(self.open[index]):
                        transport.abort()
            case "silence":
                self.silent.update(map(int, arguments))
            case "count":
                print(json.dumps(self.count), flush=True)
            case "report":
                with Path(arguments[0]).open("w", encoding="utf-8") as file:
                    for index, at, path, body in self.arrived:
                        file.write(json.dumps([index, at, path.decode(), json.loads(body)]) + "\n")
                self.arrived.clear()
                print("done", flush=True)


class Connection(asyncio.Protocol):
    """One kept-alive connection of HTTP/1.1; bodies have a ``Content-Length``."""

    def __init__(self, partners: Partners, index: int) -> None:
        self.partners, self.index, self.buffer = partners, index, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in :class:`asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.transport = transport
        self.partners.open[self.index].add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """As there."""
        del exc
        self.partners.open[self.index].discard(self.transport)

    def data_received(self, data: bytes) -> None:
        """As there; answers every request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            method, path, _ = head.split(b" ", 2)
            self.answer(method, path, body)

    def answer(self, method: bytes, path: bytes, body: bytes) -> None:
        """Note a push, and answer."""
        if self.index in self.partners.silent:
            return
        answered = TAKEN
        if method == b"GET":
            port = self.transport.get_extra_info("sockname")[1]
            answered = _discovery(path.decode(), f"http://127.0.0.1:{port}")
        elif b"/locations/" in path:
            self.partners.arrived.append((self.index, time.time(), path, body))
            self.partners.count[self.index] += 1
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answered)
        self.transport.write(head + answered)


def _discovery(path: str, url: str) -> bytes:
    details = f"{url}/emsp/2.1.1"
    data: object = [{"version": "2.1.1", "url": details}]
    if path.endswith("/2.1.1"):
        endpoints = [{"identifier": module, "url": f"{details}/{module}"} for module in MODULES]
        data = {"version": "2.1.1", "endpoints": endpoints}
    return json.dumps({"data": data, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}).encode()


async def main(number: int) -> None:
    partners = Partners()
    print(json.dumps(await partners.listen(number)), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        partners.do(line)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
