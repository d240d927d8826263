"""When to look again at an object that waits for something. Instants are ``YYYY-MM-DDTHH:MM:SSZ``."""

from __future__ import annotations

from datetime import timedelta

from ocpi.times import parse_instant, to_wire

FIRST_TRY = timedelta(minutes=1)
RAREST_TRY = timedelta(days=1)


def after_minutes(instant: str, minutes: int) -> str:
    """So many minutes after an instant."""
    return to_wire(parse_instant(instant) + timedelta(minutes=minutes))


def after_seconds(instant: str, seconds: int) -> str:
    """So many seconds after an instant."""
    return to_wire(parse_instant(instant) + timedelta(seconds=seconds))


def first_try(created: str) -> str:
    """When to look for the first time for what an object waits for since it was created."""
    return to_wire(parse_instant(created) + FIRST_TRY)


def next_try(created: str, now: str) -> str:
    """When to look again after a look in vain: ever more rarely, and at least once a day."""
    waited = parse_instant(now) - parse_instant(created)
    return to_wire(parse_instant(now) + min(max(waited, FIRST_TRY), RAREST_TRY))
