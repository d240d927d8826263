"""A deadline for a whole exchange, and the cut that enforces it on a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Deadline:
    """``seconds`` from now, by a monotonic ``clock``."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds left, more than 0; raises :class:`PartnerUnreachable` of kind ``timeout`` when none are."""
        left = self._end - self._clock()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> PartnerUnreachable:
        """The error to raise when the deadline has passed."""
        return PartnerUnreachable("timeout", f"no complete answer within {self._seconds:g} s")


class Cut:
    """Whether the deadline cut the line. An end of file is no end of an answer once ``made`` is true."""

    def __init__(self) -> None:
        self.made = False


@contextlib.contextmanager
def cut_at(deadline: Deadline, connection: socket.socket) -> Iterator[Cut]:
    """Shut the connection down when the deadline passes, whoever reads or writes on it then.

    A socket's own timeout starts anew with every byte, so a peer that drips never meets it.
    """
    cut, seconds = Cut(), deadline.left()
    # TLS takes the socket over and leaves the original empty; a duplicate still reaches the same connection.
    line = connection.dup()

    def make() -> None:
        cut.made = True
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, make)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        # The duplicate's number may go to another socket once closed, so the timer must be gone by then.
        timer.join()
        line.close()
