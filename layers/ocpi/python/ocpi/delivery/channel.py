"""The channel of one partner: who delivers to it now, and the writes of whoever does not.

worker                           somebody else
  │ leased_until = now + 45 s       │
  │ sends, writes what came of it   │
  │                                 │ finds it leased: called + 1, and goes
  │ lets go: refused, since the     │
  │ channel is not as it was        │
  │ sees the call, looks again      │
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.store.port import Conflict
from ocpi.store.update import FIRST_PAUSE_S, LONGEST_PAUSE_S, TRIES, Busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.deliveries import Channel, Channels

    Change: TypeAlias = Callable[[Channel], Channel]

LEASE_SECONDS = 45.0
"""Renewed before each round, unless it was taken just before; everything that a round sends has ended before."""
RENEWED_EVERY_SECONDS = 10.0
"""By whoever works on without sending anything."""


def _nothing(channel: Channel) -> Channel:
    return channel


class LeaseLost(Exception):
    """Somebody else delivers to this partner now."""


def change_channel(
    channels: Channels,
    partner_id: str,
    change: Callable[[Channel], Channel | None],
    seen: Channel | None = None,
) -> Channel:
    """Make a channel what ``change`` says (``None``: it stays), without losing what others write at the same time.
    ``seen`` is how it was a moment ago, if somebody looked. Returns it as it is then; raises
    :class:`~ocpi.store.update.Busy`.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))
        channel = seen if seen is not None and not attempt else channels.get(partner_id)
        changed = change(channel)
        if changed is None or changed == channel:
            return channel
        try:
            return channels.put(changed)
        except Conflict:
            continue
    raise Busy("a channel is being written by many at once")


def is_leased(channel: Channel, now: float) -> bool:
    """Whether somebody delivers, and is not to be thought dead."""
    return seconds_of(channel.leased_until) > now


def resting_until(channel: Channel) -> float:
    """When the partner may be tried again, in seconds since 1970."""
    return max(seconds_of(channel.paused_until), seconds_of(channel.asked_until))


class Lease:
    """The right to deliver to a partner. ``channel`` is how it was seen last."""

    def __init__(self, channels: Channels, channel: Channel) -> None:
        self._channels = channels
        self.channel = channel
        self._heard, self._unheard = channel.called, False
        self._counts_until = seconds_of(channel.leased_until)

    @classmethod
    def taken(
        cls,
        channels: Channels,
        partner_id: str,
        now: float,
        prepare: Callable[[Channel], Channel],
        told: Callable[[Channel], None] = lambda _: None,
        *,
        also: Change = _nothing,
        seen: Channel | None = None,
    ) -> Lease | None:
        """The lease, or ``None`` if somebody has it: that one is ``told`` to look again. Both ways
        ``prepare`` is applied, and ``also`` if the lease is taken. ``seen`` is how the channel was a moment ago.
        """

        def take(channel: Channel) -> Channel:
            prepared = prepare(channel)
            if is_leased(channel, now):
                return replace(prepared, called=channel.called + 1)
            return replace(also(prepared), leased_until=instant_at(now + LEASE_SECONDS), called=0)

        before: list[Channel] = []

        def remember(channel: Channel) -> Channel:
            before[:] = [channel]
            return take(channel)

        after = change_channel(channels, partner_id, remember, seen)
        if is_leased(before[0], now):
            told(after)
            return None
        return cls(channels, after)

    def was_called(self) -> bool:
        """Whether somebody has called since this was asked last, as far as the channel was seen since."""
        called = self._unheard or self.channel.called != self._heard
        self._heard, self._unheard = self.channel.called, False
        return called

    def renew(self, now: float, *, also: Change = _nothing, taken_at: str | None = None) -> None:
        """Have the lease end later, and change the channel by ``also`` in the same write; ``taken_at`` as in
        :class:`~ocpi.store.deliveries.Channel`, if it is new.
        """
        until = instant_at(now + LEASE_SECONDS)
        # As often as a lease would have ended, the next that calls sees to it again that its end is watched.
        anew = now > self._counts_until

        def renewed(channel: Channel) -> Channel:
            self._unheard = self._unheard or (anew and channel.called != self._heard)
            called = 0 if anew else channel.called
            return replace(also(channel), leased_until=until, taken_at=taken_at or channel.taken_at, called=called)

        self.change(renewed)
        if anew:
            self._heard, self._counts_until = 0, now + LEASE_SECONDS

    def keep(self, now: float) -> None:
        """Renew it if that was last done a while ago."""
        if seconds_of(self.channel.leased_until) < now + LEASE_SECONDS - RENEWED_EVERY_SECONDS:
            self.renew(now)

    def change(self, change: Callable[[Channel], Channel]) -> None:
        """Write the channel; what others wrote meanwhile is kept. Raises :class:`LeaseLost`."""
        ours = self.channel.leased_until
        for _ in range(TRIES):
            try:
                self.channel = self._channels.put(change(self.channel))
            except Conflict:
                self._look(ours)
            else:
                return
        raise Busy("a channel is being written by many at once")

    def let_go(self, *, also: Change = _nothing, taken_at: str | None) -> bool:
        """End the lease, and change the channel by ``also``, unless it has changed since it was seen: then look at it
        again.
        """
        try:
            ended = replace(also(self.channel), leased_until=None, taken_at=taken_at)
            self.channel = self._channels.put(ended)
        except Conflict:
            self._look(self.channel.leased_until)
            return False
        return True

    def _look(self, ours: str | None) -> None:
        found = self._channels.get(self.channel.partner_id)
        if found.leased_until != ours:
            raise LeaseLost
        self.channel = found
