"""The rate limit of one partner, over all who send to it: the generic cell rate algorithm (GCRA), the strict way.

After a burst of ``b`` requests each following one waits for its cell of ``interval`` seconds. In any time of 60 seconds
there are at most ``b + 60 / interval`` requests, which is never more than the limit.

The theoretical arrival time stands in the partner's channel. Whoever wants to send books: moves it on by one cell for
each request, and owns the cells in between. Cells are used in time or lost, since late ones would add to those that
others own by then.

stored ──▶│ cell │ cell │ cell │──▶ of whoever books next
          begins               ends
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ocpi.delivery.channel import LeaseLost, change_channel
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.store.update import Busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.delivery.channel import Change
    from ocpi.store.deliveries import Channel, Channels

    Write: TypeAlias = Callable[[Change], object]

WINDOW_SECONDS = 62.0
"""A little more than the minute of the limit: for LATE_SECONDS, and as a request leaves a moment after it was let
through.
"""
LATE_SECONDS = 0.5
"""So long after its time a cell may still be used."""
AHEAD_SECONDS = 1.0
"""What begins within this time is booked at once."""
YIELDED_SECONDS = 5.0
"""By so much, or one cell, whoever yields lets the others go first."""


class Paced(Exception):
    """A request may not begin in time; it was not counted."""


class Pace:
    """Lets requests of one partner through; safe to share between threads.

    ``write`` makes the channel what a function says, as :func:`~ocpi.delivery.channel.change_channel` does; at most
    ``most`` requests are booked at a time. ``yields``: nothing is booked before it may begin, and those who do not
    yield go first. ``clock`` is in seconds since 1970.
    """

    def __init__(
        self,
        requests_per_minute: int,
        write: Write,
        *,
        most: int,
        yields: bool = False,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._write, self._most, self._yields = write, most, yields
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = self._ends = 0.0
        self._stored = 0.0
        self.adjust(requests_per_minute)

    @classmethod
    def in_channel(
        cls,
        channels: Channels,
        partner_id: str,
        requests_per_minute: int,
        *,
        most: int,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> Pace:
        """For whoever has no lease of the channel, and yields to the one who has."""

        def write(move: Change) -> object:
            return change_channel(channels, partner_id, move)

        return cls(requests_per_minute, write, most=most, yields=True, clock=clock, sleep=sleep)

    def adjust(self, requests_per_minute: int) -> None:
        """From here on by another limit."""
        burst = max(1, requests_per_minute // 4)
        self._interval = WINDOW_SECONDS / max(1, requests_per_minute - burst)
        self._tolerance = (burst - 1) * self._interval
        self._yielded = min(self._interval, YIELDED_SECONDS) if self._yields else 0.0

    def look(self, channel: Channel) -> None:
        """Take note of how the channel is now."""
        self._stored = seconds_of(channel.paced_until)

    def wait(self) -> float:
        """Seconds until the next request may begin, as far as is known."""
        return max(0.0, self._may_begin(self._free(self._stored)) - self._clock())

    def ready_within(self, seconds: float) -> int:
        """How many requests may begin from now until so many seconds later, as far as is known."""
        now = self._clock()
        free = max(self._free(self._stored), now)
        return max(0, int((now + seconds - self._may_begin(free)) / self._interval) + 1)

    def book(self, requests: int, write: Write | None = None) -> None:
        """Book so many requests, whenever they may begin; with ``write`` in the place of the one known."""
        with self._lock:
            self._book(write or self._write, requests)

    def take(self, latest: float) -> None:
        """Wait until one more request may begin, and book it if it is not; raises :class:`Paced` if that is after
        ``latest``, or if the booking cannot be written.
        """
        while True:
            with self._lock:
                now = self._clock()
                taken = self._fits(now) or self._booked(now, latest)
                begins = max(now, self._next - self._tolerance if taken else self._may_begin(self._stored))
                if begins > latest:
                    raise Paced
                if taken:
                    self._next = self._cell(begins) + self._interval
            if begins > now:
                self._sleep(begins - now)
            if taken:
                return

    def let_go(self) -> None:
        """Give back what is booked and not used."""
        with self._lock, suppress(Busy):
            if self._next < self._ends and self._clock() < self._ends:
                self._write(self.released)
            self._ends = self._next

    def released(self, channel: Channel) -> Channel:
        """The channel without what is booked and not used, unless somebody has booked after it."""
        stored = seconds_of(channel.paced_until)
        free = self._free(stored)
        return channel if free == stored else _paced_until(channel, free)

    def _free(self, stored: float) -> float:
        return self._next if stored == self._ends else stored

    def _may_begin(self, free: float) -> float:
        return free - self._tolerance + self._yielded

    def _cell(self, begins: float) -> float:
        return max(self._next, begins - LATE_SECONDS)

    def _fits(self, now: float) -> bool:
        """Whether there is a booked cell for the next request."""
        return self._cell(max(now, self._next - self._tolerance)) + self._interval <= self._ends + 1e-6

    def _booked(self, now: float, latest: float) -> bool:
        """Whether cells could be booked that may be used by ``latest``; whoever yields has to wait for them first."""
        try:
            return self._book(self._write, None, now if self._yields else latest)
        except (Busy, LeaseLost):
            raise Paced from None

    def _book(self, write: Write, requests: int | None, latest: float | None = None) -> bool:
        begins = ends = 0.0

        def move(channel: Channel) -> Channel:
            nonlocal begins, ends
            self._stored = seconds_of(channel.paced_until)
            free, ends = self._free(self._stored), 0.0
            if latest is not None and self._may_begin(free) > latest:
                return channel
            begins = max(free, self._clock())
            cells = requests or max(1, min(self._most, self.ready_within(AHEAD_SECONDS)))
            moved = _paced_until(channel, begins + cells * self._interval)
            ends = seconds_of(moved.paced_until)
            return moved

        try:
            write(move)
        except BaseException:
            # It may have been written all the same: then what was owned before is somebody else's by now.
            self._ends = self._next
            raise
        if not ends:
            return False
        self._next, self._ends, self._stored = begins, ends, ends
        return True


def _paced_until(channel: Channel, theoretical: float) -> Channel:
    return replace(channel, paced_until=instant_at(theoretical))
