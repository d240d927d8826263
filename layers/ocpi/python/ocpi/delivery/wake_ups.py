"""Messages that say to which partner something is to be delivered.

What is to be delivered is noted in the store. A message may name what was noted just now, so that whoever delivers
need not wait for an index to show it; it never says what an object holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from ocpi import strict_json
from ocpi.delivery.channel import change_channel, is_leased, resting_until
from ocpi.delivery.instants import seconds_of
from ocpi.queues.port import MAX_DELAY_SECONDS
from ocpi.store.deliveries import DeliveryKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.queues.port import Queue
    from ocpi.store.deliveries import Channel, Channels

Why = Literal["change", "called", "retry", "due", "abandoned"]
"""An object changed; the partner called us; the operator or a change of the partner asks for it; its time has come;
whoever delivered may have died.
"""
LONGEST_PARTNER_ID = 64
MOST_NOTED = 50
"""Named in one message. Of more none are named: whoever delivers looks a second time then."""


class NoWakeUp(Exception):
    """A message that names no partner."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Deliver to this partner; ``noted`` are deliveries that were noted just before, ``()`` if it is not said which."""

    partner_id: str
    why: Why
    noted: tuple[DeliveryKey, ...] = ()

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
        return cls(partner_id, why if why in get_args(Why) else "due", _noted(partner_id, message.get("noted")))

    def send(self, queue: Queue, *, after: float = 0.0) -> None:
        """Send it, to arrive after so many seconds, at most 15 minutes: what is later is upkeep's."""
        delay = min(MAX_DELAY_SECONDS, math.ceil(max(0.0, after)))
        message: dict[str, Any] = {"partner": self.partner_id, "why": self.why}
        # Not even a dead-letter queue holds numbers of cards.
        if 0 < len(self.noted) <= MOST_NOTED and all(key.module != "tokens" for key in self.noted):
            message["noted"] = [[key.module, key.object_id] for key in self.noted]
        queue.send(strict_json.write(message), delay_seconds=delay)


def _noted(partner_id: str, value: Any) -> tuple[DeliveryKey, ...]:
    """Unless all of it can be read, none of it is: then it is not said what was noted."""
    if not isinstance(value, list) or len(value) > MOST_NOTED:
        return ()
    keys: list[DeliveryKey] = []
    for each in value:
        match each:
            case [str(module), str(object_id)]:
                keys.append(DeliveryKey(partner_id, module, object_id))
            case _:
                return ()
    return tuple(keys)


def watch(queue: Queue, channel: Channel, now: float) -> None:
    """Whoever found a channel leased sees to it that somebody looks after the lease, should its holder have died: the
    first that called during the lease, for all of them.
    """
    if channel.called == 1:
        WakeUp(channel.partner_id, "abandoned").send(queue, after=seconds_of(channel.leased_until) + 1.0 - now)


def wake(
    channels: Channels,
    queue: Queue,
    partner_id: str,
    clock: Callable[[], float],
    noted: Sequence[DeliveryKey] = (),
) -> None:
    """Have changes delivered that were ``noted``: by whoever delivers to this partner right now, or else by a message.
    A partner that is left in peace needs neither: somebody has seen to it that it is tried again.
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
        WakeUp(partner_id, "change", tuple(noted)).send(queue)
