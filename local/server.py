"""Serves the gateway over HTTP/1.1 until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.gateway import Gateway

# How long requests that are under way at the end may still take.
GRACE_SECONDS = 5


class PortInUseError(Exception):
    """Nothing can listen there; the message says why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises :class:`PortInUseError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: without, every answer waits
    # 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Or the port of a gateway that has just ended stays taken for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise PortInUseError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with PORT") from error
    return listener


class Server(uvicorn.Server):
    """Uvicorn, of which the caller keeps the signals: it would raise them again after a clean end."""

    def __init__(self, gateway: Gateway, when_serving: Callable[[], None]) -> None:
        """``when_serving`` runs in a thread of its own once requests are answered; what it raises ends the server."""
        super().__init__(
            uvicorn.Config(
                gateway,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._when_serving = when_serving
        self._failure: BaseException | None = None

    def run_until_stopped(self, listener: socket.socket) -> None:
        """Serve until :meth:`stop`; raises what ``when_serving`` raised."""
        asyncio.run(self.serve(sockets=[listener]))
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Finish what is under way and end; may be called from a signal handler."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signal handlers as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell so."""
        await super().startup(sockets)
        # A daemon: the end does not wait for it.
        threading.Thread(target=self._call_when_serving, name="when-serving", daemon=True).start()

    def _call_when_serving(self) -> None:
        try:
            self._when_serving()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            self._failure = error
            self.stop()
