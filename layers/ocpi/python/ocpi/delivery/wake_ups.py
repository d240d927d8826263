"""Messages that say to which partner something is to be delivered, never what."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from ocpi import strict_json
from ocpi.delivery.channel import change_channel, is_leased, resting_until
from ocpi.delivery.instants import seconds_of
from ocpi.queues.port import MAX_DELAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.store.deliveries import Channel, Channels

Why = Literal["change", "called", "retry", "due", "abandoned"]
"""An object changed; the partner called us; the operator or a change of the partner asks for it; its time has come;
whoever delivered may have died.
"""
LONGEST_PARTNER_ID = 64


class NoWakeUp(Exception):
    """A message that names no partner."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Deliver to this partner."""

    partner_id: str
    why: Why

    @classmethod
    def read(cls, body: str) -> WakeUp:
        """The wake-up in a message; raises :class:`NoWakeUp`."""
        try:
            message = strict_json.read(body)
        except (strict_json.BrokenJson, strict_json.RefusedJson):
            raise NoWakeUp("the message is no JSON that is taken") from None
        partner_id = message.get("partner") if isinstance(message, dict) else None
        if not isinstance(partner_id, str) or not 0 < len(partner_id) <= LONGEST_PARTNER_ID:
            raise NoWakeUp("the message names no partner")
        why = message.get("why")
        return cls(partner_id, why if why in get_args(Why) else "due")

    def send(self, queue: Queue, *, after: float = 0.0) -> None:
        """Send it, to arrive after so many seconds, at most 15 minutes: what is later is upkeep's."""
        delay = min(MAX_DELAY_SECONDS, math.ceil(max(0.0, after)))
        queue.send(strict_json.write({"partner": self.partner_id, "why": self.why}), delay_seconds=delay)


def watch(queue: Queue, channel: Channel, now: float) -> None:
    """Whoever found a channel leased sees to it that somebody looks after the lease, should its holder have died: the
    first that called during the lease, for all of them.
    """
    if channel.called == 1:
        WakeUp(channel.partner_id, "abandoned").send(queue, after=seconds_of(channel.leased_until) + 1.0 - now)


def wake(channels: Channels, queue: Queue, partner_id: str, clock: Callable[[], float]) -> None:
    """Have a change delivered: by whoever delivers to this partner right now, or else by a message. A partner that is
    left in peace needs neither: somebody has seen to it that it is tried again.
    """
    told: list[bool] = []
    leased = False

    def call(channel: Channel) -> Channel | None:
        nonlocal leased
        now = clock()
        leased = is_leased(channel, now)
        told[:] = [leased or resting_until(channel) > now]
        return replace(channel, called=channel.called + 1) if leased else None

    channel = change_channel(channels, partner_id, call)
    if leased:
        watch(queue, channel, clock())
    if not told[0]:
        WakeUp(partner_id, "change").send(queue)
