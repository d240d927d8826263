"""Python runs this as a process starts that has this folder on its path (:mod:`tests.support.watched_gateway`).

It plays the network for that process: names lead where the test says, a public address leads to a server of the test,
and nothing else can be connected to. Every question and every connection is written down.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from typing import Any

_TOLD = json.loads(os.environ["WATCHED_NETWORK"])
_NAMES: dict[str, list[list[str]]] = _TOLD["names"]
"""For each name the answers to one question after the other, the last one again and again."""
_SERVERS: dict[str, int] = _TOLD["servers"]
_ASKED: Counter[str] = Counter()
_getaddrinfo, _connect = socket.getaddrinfo, socket.socket.connect


def _write(what: str, where: Any) -> None:
    with open(_TOLD["log"], "a", encoding="utf-8") as log:  # noqa: PTH123 - as early as this, what is cheap
        log.write(json.dumps([what, where]) + "\n")


def _resolve(host: Any, port: Any, *options: Any, **more: Any) -> list[Any]:
    if isinstance(host, str) and host.replace(".", "").isdigit():
        return _getaddrinfo(host, port, *options, **more)
    if isinstance(host, str) and ":" in host:
        return _getaddrinfo(host, port, *options, **more)
    _write("asked", host)
    answers = _NAMES.get(host)
    if answers is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    addresses = answers[min(_ASKED[host], len(answers) - 1)]
    _ASKED[host] += 1
    return [
        (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
        for each in addresses
    ]


def _dial(self: socket.socket, address: Any) -> None:
    _write("dialled", list(address[:2]) if isinstance(address, tuple) else str(address))
    server = _SERVERS.get(f"{address[0]}:{address[1]}") if isinstance(address, tuple) else None
    if server is None:
        raise ConnectionRefusedError("the network of this test has nobody there")
    _connect(self, ("127.0.0.1", server))


socket.getaddrinfo = _resolve
socket.socket.connect = _dial  # type: ignore[method-assign,assignment] # the network is what is played here
