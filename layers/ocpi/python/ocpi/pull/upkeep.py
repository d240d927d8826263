"""What upkeep does about schedules and syncs: it starts what is due, and what died it has gone on with."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.jobs.job import LOOK_MINUTES
from ocpi.jobs.upkeep import JobUpkeep
from ocpi.objects.looks import after_minutes
from ocpi.observability import logger
from ocpi.pull.outage import note_run, was_down
from ocpi.pull.scheduling import (
    FIRST_PAUSE,
    SOON,
    WEEK,
    Schedule,
    new_schedule,
    schedule_draft,
    schedule_from,
    schedule_key,
    some_time_within,
    splayed,
    with_errands,
)
from ocpi.pull.starting import AlreadyRunning, Starting, pulled_modules
from ocpi.pull.sync import KIND
from ocpi.store.port import Conflict, Partner, PartnerStatus
from ocpi.store.update import update
from ocpi.times import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from ocpi.store.port import Draft, Record, Store

KEEPING = (PartnerStatus.REGISTERED, PartnerStatus.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Errand:
    """What else is done about each partner regularly: ``run`` is cheap, and may happen twice."""

    every: timedelta
    run: Callable[[Partner], object]


@dataclass(frozen=True, slots=True)
class PullUpkeep:
    """``errands`` by name; ``now`` gives ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""

    store: Store
    starting: Starting
    errands: Mapping[str, Errand]
    now: Callable[[], str]

    def attend(self) -> int:
        """See to it that every connected partner has a schedule, and nobody else; how many failed.

        A partner that comes back, from being suspended or out of reach, is pulled from at once, and all are soon after
        we were down ourselves (section 3.3, TF-60).
        """
        now = self.now()
        down = was_down(self.store.objects, now)
        partners = self.store.partners.list()
        records = self.store.objects.get_many([schedule_key(partner.id) for partner in partners])
        failed = 0
        for partner, record in zip(partners, records, strict=True):
            try:
                self._attend_to(partner, record, by=some_time_within(SOON, now) if down else None)
            except Exception:  # noqa: BLE001 - whatever it is, the others have schedules too
                logger.exception("upkeep of a partner's schedule failed", partner=partner.id)
                failed += 1
        note_run(self.store.objects, now)
        return failed

    def look_at_schedule(self, record: Record) -> None:
        """Do what is due."""
        schedule, partner = schedule_from(record), self.store.partners.get(record.key.id)
        if partner is None or partner.status is not PartnerStatus.REGISTERED:
            self._attend_to(partner, record) if partner else self._forget(record)
            return
        self._run(partner, schedule)

    def look_at_sync(self, record: Record) -> None:
        """Have a sync that made no progress gone on with; forget one that ended long ago."""
        JobUpkeep(KIND, self.store.objects, self.starting.pulls, self.now).look_at(record)

    def _attend_to(self, partner: Partner, record: Record | None, *, by: str | None = None) -> None:
        """``by`` is when the next pull has to be, if that matters."""
        if partner.status not in KEEPING:
            if record is not None:
                self._forget(record)
            return
        schedule = self._current(partner, record, by)
        if record is None and partner.status is PartnerStatus.REGISTERED:
            # Not left to the look at what is due: its index may lag.
            self._run(partner, schedule)

    def _current(self, partner: Partner, record: Record | None, by: str | None) -> Schedule:
        """The schedule as it has to be now, stored."""
        known = schedule_from(record) if record is not None else None
        if known is not None and self._fitting(partner, known, by) == known:
            return known
        current: list[Schedule] = []

        def decide(record: Record | None) -> Draft:
            now = self.now()
            stored = schedule_from(record) if record is not None else new_schedule(partner.id, now, self._periods)
            current[:] = [self._fitting(partner, stored, by)]
            return schedule_draft(current[0])

        update(self.store.objects, schedule_key(partner.id), decide)
        return current[0]

    def _fitting(self, partner: Partner, schedule: Schedule, by: str | None) -> Schedule:
        schedule, now = with_errands(schedule, self.now(), self._periods), normalise(self.now())
        if by is not None and by < schedule.next["pull"]:
            schedule = replace(schedule, next={**schedule.next, "pull": by})
        away = "suspended" if partner.status is PartnerStatus.SUSPENDED else "behind" if partner.behind_since else ""
        if away == schedule.away:
            return schedule
        came_back = {"pull": min(now, schedule.next["pull"])} if not away else {}
        return replace(schedule, away=away, next={**schedule.next, **came_back})

    @property
    def _periods(self) -> dict[str, timedelta]:
        return {name: errand.every for name, errand in self.errands.items()}

    def _run(self, partner: Partner, schedule: Schedule) -> None:
        now = normalise(self.now())
        done = {
            name: self._done(errand, partner, now)
            for name, errand in self.errands.items()
            if schedule.next.get(name, "~") <= now
        }
        full = schedule.next["full"] <= now
        if full or schedule.next["pull"] <= now:
            done |= self._pull(partner, schedule, now, full=full)
        if done:
            self._move(partner, done)

    def _done(self, errand: Errand, partner: Partner, now: str) -> str:
        """Run an errand; when it is to be run next."""
        try:
            errand.run(partner)
        except Exception:  # noqa: BLE001 - whatever it is, it keeps nothing else from being done
            logger.exception("an errand failed", partner=partner.id)
            return after_minutes(now, LOOK_MINUTES)
        return splayed(errand.every, now)

    def _pull(self, partner: Partner, schedule: Schedule, now: str, *, full: bool) -> dict[str, str]:
        """Start the pull; where that moves what is next to, unless starting it has moved it already."""
        if not pulled_modules(partner):
            later = {"pull": splayed(self.starting.every, now)}
            return {**later, "full": splayed(WEEK, now)} if full else later
        try:
            self.starting.by_schedule(partner, schedule, full=full)
        except AlreadyRunning:
            later = {"pull": splayed(FIRST_PAUSE, now)}
            return {**later, "full": later["pull"]} if full else later
        return {}

    def _move(self, partner: Partner, done: Mapping[str, str]) -> None:
        def moved(record: Record | None) -> Draft | None:
            if record is None:
                return None
            schedule = schedule_from(record)
            return schedule_draft(replace(schedule, next={**schedule.next, **done}))

        update(self.store.objects, schedule_key(partner.id), moved)

    def _forget(self, record: Record) -> None:
        with suppress(Conflict):  # somebody writes it at this moment; the next run looks again
            self.store.objects.delete(record.key, expected=record.revision)
