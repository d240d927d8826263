"""The deadline of an exchange and the cut, by a clock and a connection of the test's own."""

from __future__ import annotations

import socket
import threading
from typing import Any, cast

import pytest

from ocpi.outbound.deadline import Deadline, cut_at
from ocpi.outbound.unreachable import PartnerUnreachable


class Line:
    """A connection whose every use is noted; ``error`` is what shutting it down raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done: list[Any] = []
        self.error = error
        self.cut = threading.Event()

    def dup(self) -> Line:
        self.done.append("dup")
        return self

    def shutdown(self, how: int) -> None:
        self.done.append(how)
        self.cut.set()
        if self.error:
            raise self.error

    def close(self) -> None:
        self.done.append("close")


def test_what_is_left_is_counted_from_when_the_deadline_was_made() -> None:
    now = [100.0]
    deadline = Deadline(2.5, lambda: now[0])
    assert deadline.left() == 2.5
    now[0] = 102.25
    assert deadline.left() == 0.25
    for now[0] in (102.5, 103.0):
        with pytest.raises(PartnerUnreachable) as missed:
            deadline.left()
        assert (missed.value.kind, missed.value.detail) == ("timeout", "no complete answer within 2.5 s")
        assert str(missed.value) == "timeout: no complete answer within 2.5 s"


def test_a_connection_is_cut_in_both_directions_when_the_deadline_passes() -> None:
    line = Line()
    with cut_at(Deadline(0.01, lambda: 0.0), cast("Any", line)) as cut:
        assert line.cut.wait(5)
        assert cut.made
    assert line.done == ["dup", socket.SHUT_RDWR, "close"]


def test_a_connection_that_is_gone_already_is_cut_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    line = Line(OSError("not connected"))
    with cut_at(Deadline(0.01, lambda: 0.0), cast("Any", line)) as cut:
        assert line.cut.wait(5)
    assert cut.made
    assert errors == []
    assert line.done[-1] == "close"


def test_an_exchange_that_ends_in_time_leaves_no_timer_and_no_duplicate() -> None:
    line, before = Line(), threading.active_count()
    with pytest.raises(ZeroDivisionError), cut_at(Deadline(60, lambda: 0.0), cast("Any", line)) as cut:  # noqa: PT012 - ends the block
        (timer,) = (each for each in threading.enumerate() if isinstance(each, threading.Timer))
        assert (timer.daemon, timer.interval) == (True, 60)
        raise ZeroDivisionError
    assert threading.active_count() == before
    assert (cut.made, line.done) == (False, ["dup", "close"])


def test_nothing_is_begun_once_the_deadline_has_passed() -> None:
    line = Line()
    with pytest.raises(PartnerUnreachable), cut_at(Deadline(0, lambda: 0.0), cast("Any", line)):
        pytest.fail("the deadline has passed")
    assert line.done == []
