"""A server without HTTP: what it says, and when it hangs up, is up to the test."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


@contextmanager
def listening(serve: Callable[[socket.socket, int], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that gives each connection, with its number, to ``serve``; its URL, and the numbers so far. When the
    block has ended all have been served: a thread that outlives its test would hold a connection open in the next one.
    """
    numbers: list[int] = []
    threads: list[threading.Thread] = []

    def start(work: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            numbers.append(len(numbers))
            start(partial(run, connection, numbers[-1]))

    def run(connection: socket.socket, number: int) -> None:
        # A client that hangs up with something unread resets the connection.
        with connection, suppress(OSError):
            serve(connection, number)

    with socket.create_server(("127.0.0.1", 0)) as server:
        start(accept)
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/a", numbers
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def answer_once(connection: socket.socket) -> bool:
    """Whether there was a request."""
    asked = bool(connection.recv(65536))
    if asked:
        connection.sendall(OK)
    return asked
