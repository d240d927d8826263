"""Connections that serve one request after the other, for who sends many to one partner within a short time.

The address of a connection was judged by the guard when it was made. A kept connection may have been closed by the
other side in the meantime: what was sent over such a one, and brought not a single byte back, is sent again over a new
one, unless it is a POST, which may have arrived.
"""

from __future__ import annotations

import contextlib
import io
import select
import threading
from collections import defaultdict
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

from ocpi.outbound.deadline import cut_at
from ocpi.outbound.exchange import RawAnswer, Request, connect, encrypt, read_body
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from ocpi.outbound.address_guard import PartnerUrl, Target
    from ocpi.outbound.deadline import Deadline

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class _Stale(Exception):
    """A connection that had served before was dead before anything of an answer came."""


class KeptConnections:
    """Connections by origin; safe to share between threads, each request having one to itself."""

    def __init__(self) -> None:
        self._idle: defaultdict[Origin, list[_Line]] = defaultdict(list)
        self._lock = threading.Lock()

    def exchange(
        self,
        url: PartnerUrl,
        check: Callable[[], Target],
        request: Request,
        *,
        deadline: Deadline,
        max_bytes: int,
        tls: Callable[[], ssl.SSLContext],
    ) -> RawAnswer:
        """As :func:`ocpi.outbound.exchange.exchange`; ``check`` gives the target when a connection has to be made."""
        origin = (url.scheme, url.host, url.port)
        while (line := self._take(origin)) is not None:
            if line.is_dead():
                line.close()
                continue
            with contextlib.suppress(_Stale):
                return self._converse(origin, line, url.path_and_query, request, deadline, max_bytes)
        line = _open(check(), deadline, tls)
        return self._converse(origin, line, url.path_and_query, request, deadline, max_bytes)

    def close(self) -> None:
        """Close all that are idle. Harmless when repeated."""
        with self._lock:
            idle = [line for lines in self._idle.values() for line in lines]
            self._idle.clear()
        for line in idle:
            line.close()

    def _take(self, origin: Origin) -> _Line | None:
        with self._lock:
            lines = self._idle[origin]
            return lines.pop() if lines else None

    def _converse(
        self, origin: Origin, line: _Line, path: str, request: Request, deadline: Deadline, max_bytes: int
    ) -> RawAnswer:
        try:
            answer = line.converse(path, request, deadline, max_bytes)
        except BaseException:
            line.close()
            raise
        if line.is_open:
            with self._lock:
                self._idle[origin].append(line)
        else:
            line.close()
        return answer


class _Line:
    """One open connection."""

    def __init__(self, connection: socket.socket, target: Target) -> None:
        self._socket = _TimedSocket(connection)
        self._authority = target.authority
        self._http = HTTPConnection(target.host, target.port)
        self._http.sock = self._socket
        self._http.auto_open = 0
        self._used = False

    @property
    def is_open(self) -> bool:
        """Whether it can serve another request."""
        return self._http.sock is not None

    def is_dead(self) -> bool:
        """Whether the other side has closed it, or says what nobody asked."""
        return self._socket.is_readable()

    def close(self) -> None:
        self._socket.finish()

    def converse(self, path: str, request: Request, deadline: Deadline, max_bytes: int) -> RawAnswer:
        """Send a request and read the answer; raises :class:`PartnerUnreachable`, or :class:`_Stale` if the same
        request may be sent over another connection.
        """
        was_used, self._used = self._used, True
        self._socket.begin(deadline)
        try:
            return self._send(path, request, max_bytes)
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            if isinstance(error, (TimeoutError, UrllibTimeoutError)):
                failure: Exception = deadline.missed()
            elif was_used and not self._socket.received and request.method != "POST":
                failure = _Stale()
            else:
                failure = PartnerUnreachable("broken", f"the connection or the answer broke: {type(error).__name__}")
        # Raised out here, so that no error that quotes what was sent hangs on as its context.
        raise failure

    def _send(self, path: str, request: Request, max_bytes: int) -> RawAnswer:
        headers = {**request.headers, "Host": self._authority}
        # A partner may refuse a long body before it has read all of it; its answer is there all the same.
        with contextlib.suppress(ConnectionError):
            self._http.request(request.method, path, request.body, headers, preload_content=False)
        with self._http.getresponse() as response:
            body = read_body(response, max_bytes)
            return RawAnswer(response.status, list(response.headers.iteritems()), body)


class _TimedSocket:
    """A socket on which every wait ends at the deadline of the exchange under way, however a peer drips. ``begin``
    comes before anything is sent.
    """

    received: bool
    _deadline: Deadline

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def begin(self, deadline: Deadline) -> None:
        self._deadline, self.received = deadline, False

    def is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(0))

    def sendall(self, data: Any) -> None:
        self._wait_at_most()
        self._connection.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        self._wait_at_most()
        count = self._connection.recv_into(buffer)
        self.received = self.received or count > 0
        return count

    def makefile(self, mode: str, buffering: int | None = None) -> io.BufferedReader:
        del mode, buffering
        return io.BufferedReader(_Incoming(self))

    def settimeout(self, seconds: float | None) -> None:
        """The deadline counts."""

    def close(self) -> None:
        """The HTTP layer closes what the answer says is the last; the answer may still have to be read."""

    def finish(self) -> None:
        self._connection.close()

    def _wait_at_most(self) -> None:
        self._connection.settimeout(self._deadline.left())


class _Incoming(io.RawIOBase):
    def __init__(self, connection: _TimedSocket) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.receive_into(buffer)


def _open(target: Target, deadline: Deadline, tls: Callable[[], ssl.SSLContext]) -> _Line:
    connection = connect(target, deadline)
    if target.scheme == "http":
        return _Line(connection, target)
    try:
        with cut_at(deadline, connection) as cut:
            return _Line(encrypt(connection, target, deadline, tls(), cut), target)
    except BaseException:
        # TLS takes the socket over, and closes it if it fails; but the time may be over before it has begun.
        connection.close()
        raise
