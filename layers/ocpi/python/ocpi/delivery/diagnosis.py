"""Whose fault it is that tries failed in passing: the partner's, which is then left in peace for a while, or that of
single objects, of which one must never keep a healthy partner from getting all others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.outcome import Ending
from ocpi.delivery.pauses import growing_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.delivery.recording import Tried
    from ocpi.store.deliveries import Channel, Delivery

FAILURES_UNTIL_BEHIND = 5
MANY = 4
"""So many failures in a row, without anything taken in between, say something about the partner."""
LONGEST_PAUSE_OF_OBJECT = 900.0
LONGEST_PAUSE_OF_ANSWERING = 900.0
"""A partner that answers, if only with errors, is tried more often than one that cannot be reached."""
LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What follows for the partner: ``well``: it took or refused something; ``failed``: its tries count against it."""

    well: bool
    failed: bool
    reached: bool
    wait: float


UNUSABLE = Diagnosis(well=False, failed=True, reached=False, wait=0.0)
"""Of a partner that nothing can be sent to at all."""


def diagnosed(
    tried: Sequence[Tried], *, healthy: bool, taken_at: str | None, others_fail: Callable[[], bool]
) -> Diagnosis:
    """``healthy``: the partner took something a moment ago, ``taken_at`` when it took something last. ``others_fail``:
    whether other objects have failed before these.
    """
    well = any(each.outcome.ending is not Ending.PASSING for each in tried)
    failing = [each for each in tried if each.outcome.ending is Ending.PASSING]
    reached = all(each.outcome.reached for each in failing)
    telling = [each for each in failing if not reached or not fails_alone(each.delivery, taken_at)]
    # Of a healthy partner few objects at a time may fail. One that cannot be reached is not healthy any more.
    excused = reached and ((healthy and len(telling) < MANY) or (len(telling) == 1 and not well and not others_fail()))
    return Diagnosis(
        well=well,
        failed=bool(telling) and not well and not excused,
        reached=reached,
        wait=max((each.outcome.wait for each in failing), default=0.0),
    )


def fails_alone(delivery: Delivery, taken_at: str | None) -> bool:
    """Whether an object has failed while the partner took others: that it fails again says nothing of the partner."""
    return delivery.attempts > 0 and taken_at is not None and taken_at > delivery.since


def after_round(channel: Channel, diagnosis: Diagnosis, now: float) -> Channel:
    """The channel after a round in which something was tried."""
    channel = replace(channel, tried_at=instant_at(now))
    if diagnosis.wait:
        asked = max(now + diagnosis.wait, seconds_of(channel.asked_until))
        channel = replace(channel, asked_until=instant_at(asked))
    if diagnosis.failed:
        failures = channel.failures + 1
        longest = LONGEST_PAUSE_OF_ANSWERING if diagnosis.reached else LONGEST_PAUSE
        behind = channel.behind_since or (instant_at(now) if failures >= FAILURES_UNTIL_BEHIND else None)
        paused = instant_at(now + growing_pause(failures, longest))
        return replace(channel, failures=failures, paused_until=paused, behind_since=behind)
    if diagnosis.well:
        return replace(channel, failures=0, paused_until=None, behind_since=None)
    return channel


def next_try(tried: Tried, diagnosis: Diagnosis, channel: Channel, now: float) -> str | None:
    """When to try an object again that failed in passing; ``None``: as soon as its partner may be tried.

    One that the partner got, and did not answer well, makes room: the next probe is to be about another object.
    """
    if diagnosis.failed and not tried.outcome.reached:
        return None
    begins = max(now, seconds_of(channel.paused_until)) if diagnosis.failed else now
    return instant_at(begins + growing_pause(tried.delivery.attempts + 1, LONGEST_PAUSE_OF_OBJECT))
