"""When what is to be done about a partner regularly: pulls in the first place (TF-62), spaced with splay so that not
all partners are asked at once, nor one partner by all who know it.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.store.port import Collection, Draft, Key
from ocpi.times import normalise, parse_instant, to_wire
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.pull.sync import Sync
    from ocpi.store.port import Record

SCHEDULES = Collection("jobs", "schedules")
"""Where schedules are kept, each under the id of its partner."""
OVERLAP = timedelta(minutes=10)
"""What changed so long before the last pull began is asked for again: clocks differ, and lists lag."""
WEEK = timedelta(days=7)
SOON = timedelta(minutes=5)
"""Within this all partners are pulled from after we were down."""
FIRST_PAUSE = timedelta(minutes=15)
SPLAY = 0.2


@dataclass(frozen=True, slots=True)
class Schedule:
    """What comes next for one partner: ``next`` has instants (whole seconds) under ``pull``, ``full`` and the names of
    other errands.

    ``modules`` has, for each module, when its last complete pull began. ``failures`` counts scheduled pulls in a row
    that were not complete. ``running`` is the sync that goes on, ``concluded`` the last one that ended. ``away`` is
    set while the partner is suspended, or behind.
    """

    partner: str
    next: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    running: str | None = None
    concluded: str | None = None
    away: str = ""

    @property
    def key(self) -> Key:
        """Where it is kept."""
        return schedule_key(self.partner)

    def date_from(self, module: str) -> str | None:
        """From when on changes of a module are to be asked for; ``None``: all there is."""
        began = self.modules.get(module)
        return to_wire(parse_instant(began) - OVERLAP) if began is not None else None


def schedule_key(partner_id: str) -> Key:
    """Where the schedule of a partner is kept."""
    return Key(SCHEDULES, partner_id)


def schedule_draft(schedule: Schedule) -> Draft:
    """What is stored of a schedule. While the partner is suspended nothing is due."""
    due = None if schedule.away == "suspended" else min(schedule.next.values(), default=None)
    document = strict_json.write(asdict(schedule))
    return Draft(VERSION, document, last_updated="2000-01-01T00:00:00Z", audience=schedule.partner, due=due)


def schedule_from(record: Record) -> Schedule:
    """A schedule from what is stored of it."""
    return Schedule(**strict_json.read(record.document))


def new_schedule(partner_id: str, now: str, others: Mapping[str, timedelta]) -> Schedule:
    """That of a partner that is new: it is pulled from at once. ``others`` are other errands, each with its period."""
    first = {"pull": normalise(now), "full": some_time_within(WEEK, now)}
    return Schedule(
        partner_id, next={**first, **{name: some_time_within(every, now) for name, every in others.items()}}
    )


def with_errands(schedule: Schedule, now: str, others: Mapping[str, timedelta]) -> Schedule:
    """With an instant for each errand that there is, and for no other."""
    kept = {name: at for name, at in schedule.next.items() if name in others or name in ("pull", "full")}
    missing = {name: some_time_within(every, now) for name, every in others.items() if name not in kept}
    return replace(schedule, next={**kept, **missing}) if missing or kept != schedule.next else schedule


def begun(schedule: Schedule, now: str, *, full: bool, every: timedelta) -> Schedule:
    """After a scheduled pull was begun: when the next one is. Its end may say it anew."""
    at = {"pull": splayed(every, now)}
    if full:
        at["full"] = splayed(WEEK, now)
    return replace(schedule, next={**schedule.next, **at})


def concluded(schedule: Schedule, sync: Sync, now: str, *, every: timedelta, scheduled: bool) -> Schedule:
    """After a sync ended: from when each module is asked for next time, and when that is. The same end again changes
    nothing.
    """
    running = None if schedule.running == sync.id else schedule.running
    if schedule.concluded == sync.id:
        return replace(schedule, running=running)
    complete = {name: normalise(str(pull.started_at)) for name, pull in sync.modules.items() if pull.complete}
    schedule = replace(schedule, running=running, concluded=sync.id, modules={**schedule.modules, **complete})
    if not scheduled or sync.error is not None:
        return schedule
    if len(complete) == len(sync.modules):
        return replace(schedule, failures=0, next={**schedule.next, "pull": splayed(every, now)})
    pause = min(FIRST_PAUSE * 2 ** min(schedule.failures, 20), every)
    return replace(schedule, failures=schedule.failures + 1, next={**schedule.next, "pull": splayed(pause, now)})


def splayed(time: timedelta, now: str) -> str:
    """So long from now, a fifth more or less."""
    return to_wire(parse_instant(now) + time * random.uniform(1 - SPLAY, 1 + SPLAY))


def some_time_within(time: timedelta, now: str) -> str:
    """Any time from now on within so long."""
    return to_wire(parse_instant(now) + time * random.random())
