"""How a worker comes to deliver to a partner: it takes the lease, and books its first request in the same write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ocpi.delivery.channel import Lease, is_leased, resting_until
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.pacing import Pace
from ocpi.delivery.wake_ups import watch
from ocpi.registration.settings_of_partner import partner_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.delivery.channel import Change
    from ocpi.delivery.wake_ups import WakeUp
    from ocpi.queues.port import Queue
    from ocpi.store.deliveries import Channel, Channels
    from ocpi.store.port import Partner

CALLED_SECONDS = 2.0
"""A partner that calls us is tried again, but not before so long after the last try."""
MOST_BOOKED = 100
"""Requests at a time."""


def begun(
    channels: Channels,
    queue: Queue,
    partner: Partner,
    wake_up: WakeUp,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[Lease, float, Pace] | None:
    """The lease, since when it counts (seconds since 1970), and the pace with one request booked; ``None`` if there is
    nothing to do, or somebody does it, who is told then to look again.
    """
    now = clock()
    channel = channels.get(partner.id)
    if wake_up.why == "abandoned" and (channel.leased_until is None or is_leased(channel, now)):
        return None
    if not is_leased(channel, now) and _prepared(channel, wake_up) == channel and _rests(channel, now):
        return None
    leases: list[Lease] = []

    def take(book: Change) -> None:
        lease = Lease.taken(
            channels,
            partner.id,
            now,
            lambda found: _prepared(found, wake_up),
            lambda found: watch(queue, found, now),
            also=book,
            seen=channel,
        )
        if lease is not None:
            leases.append(lease)

    limit = partner_settings(partner)["requests_per_minute"]

    def change(move: Change) -> None:
        leases[0].change(move)

    pace = Pace(limit, change, most=MOST_BOOKED, clock=clock, sleep=sleep)
    pace.book(1, take)
    return (leases[0], now, pace) if leases else None


def _rests(channel: Channel, now: float) -> bool:
    return resting_until(channel) > now and channel.catch_up is None


def _prepared(channel: Channel, wake_up: WakeUp) -> Channel:
    """A call of the partner, and the operator, end a pause; but nobody the one that the partner asked for."""
    if wake_up.why == "retry":
        return replace(channel, paused_until=None)
    if wake_up.why == "called" and channel.paused_until is not None:
        soon = instant_at(seconds_of(channel.tried_at) + CALLED_SECONDS)
        return replace(channel, paused_until=min(channel.paused_until, soon))
    return channel
