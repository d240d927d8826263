"""Starting a sync: one at a time for each partner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.errors import StateConflict
from ocpi.jobs.job import new_job_id, running_draft
from ocpi.jobs.upkeep import JobUpkeep
from ocpi.pull.scheduling import Schedule, begun, new_schedule, schedule_draft, schedule_from, schedule_key
from ocpi.pull.sync import KIND, ModulePull, Sync, load_sync
from ocpi.store.port import Conflict, PartnerStatus
from ocpi.store.update import update
from ocpi.times import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from ocpi.queues.port import Queue
    from ocpi.store.port import Draft, Objects, Partner, Record

MODULES = {"CPO": ("tariffs", "locations", "sessions", "cdrs"), "EMSP": ("tokens",)}
"""What a partner of a role has for us, in the order in which it is pulled."""


class AlreadyRunning(Exception):
    """Another sync of the partner goes on."""

    def __init__(self, sync: Sync) -> None:
        super().__init__(sync.id)
        self.sync = sync


def pulled_modules(partner: Partner) -> list[str]:
    """The modules that there is something to pull of: those of its role, if it has an endpoint for them."""
    endpoints = {endpoint["identifier"] for endpoint in partner.endpoints}
    return [name for name in MODULES[partner.role] if name in endpoints]


@dataclass(frozen=True, slots=True)
class Starting:
    """Starts syncs. ``pulls`` opens the queue; ``every`` is the time between scheduled pulls; ``now`` gives
    ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.
    """

    objects: Objects
    pulls: Callable[[], Queue]
    every: timedelta
    now: Callable[[], str]

    def by_hand(self, partner: Partner, modules: Sequence[str], *, full: bool) -> Sync:
        """The sync that the operator asked for: a new one, or the one that goes on if that is what was asked for.
        Raises :class:`StateConflict` if the partner is not connected, or another sync goes on.
        """
        if partner.status is not PartnerStatus.REGISTERED:
            raise StateConflict(f"the partner is {partner.status}; one pulls from a registered one only")
        try:
            return self._start(partner, modules, full=full, sync_id=new_job_id())
        except AlreadyRunning as running:
            if _covers(running.sync, modules, full=full):
                return running.sync
            raise StateConflict("another sync of this partner goes on, of other modules or not in full") from None

    def by_schedule(self, partner: Partner, schedule: Schedule, *, full: bool) -> None:
        """The pull that is due. Its id is made of the schedule, so of two upkeeps at once only one starts it. Raises
        :class:`AlreadyRunning`.
        """
        place = f"{schedule.next['pull']}-{schedule.next['full']}".replace(":", "").replace("-", "")
        self._start(partner, pulled_modules(partner), full=full, sync_id=f"scheduled-{partner.id}-{place}")

    def send(self, sync: Sync) -> None:
        """Have somebody work on it. If that fails, upkeep does it later."""
        JobUpkeep(KIND, self.objects, self.pulls, self.now).send(sync)

    def _start(self, partner: Partner, modules: Sequence[str], *, full: bool, sync_id: str) -> Sync:
        sync = self._create(partner, modules, full=full, sync_id=sync_id)
        is_scheduled = is_by_schedule(sync_id)

        def claim(record: Record | None) -> Draft:
            now = self.now()
            schedule = schedule_from(record) if record is not None else new_schedule(partner.id, now, {})
            other = self._running(schedule, sync_id)
            if other is not None:
                raise AlreadyRunning(other)
            if is_scheduled and schedule.running != sync_id:
                schedule = begun(schedule, now, full=full, every=self.every)
            return schedule_draft(replace(schedule, running=sync_id))

        try:
            update(self.objects, schedule_key(partner.id), claim)
        except AlreadyRunning:
            self._withdraw(sync_id)
            raise
        self.send(sync)
        return sync

    def _create(self, partner: Partner, modules: Sequence[str], *, full: bool, sync_id: str) -> Sync:
        """Before the schedule names it: a sync that nobody wrote down would be one that nobody finishes."""
        record, now = self.objects.get(schedule_key(partner.id)), normalise(self.now())
        schedule = schedule_from(record) if record is not None else Schedule(partner.id)
        since = {name: None if full else schedule.date_from(name) for name in modules}
        pulls = {name: ModulePull(full=at is None, date_from=at) for name, at in since.items()}
        sync = Sync(sync_id, partner.id, now, modules=pulls)
        try:
            self.objects.put(sync.key, running_draft(sync, now), expected=None)
        except Conflict:
            known = load_sync(self.objects, sync_id)
            return known[0] if known is not None else sync
        return sync

    def _running(self, schedule: Schedule, sync_id: str) -> Sync | None:
        if schedule.running in (None, sync_id):
            return None
        known = load_sync(self.objects, str(schedule.running))
        return known[0] if known is not None and known[0].state == "running" else None

    def _withdraw(self, sync_id: str) -> None:
        known = load_sync(self.objects, sync_id)
        if known is not None and known[0].started_at is None:
            try:
                self.objects.delete(known[1].key, expected=known[1].revision)
            except Conflict:
                return  # somebody works on it already


def is_by_schedule(sync_id: str) -> bool:
    """Whether a sync was started by the schedule."""
    return sync_id.startswith("scheduled-")


def _covers(sync: Sync, modules: Sequence[str], *, full: bool) -> bool:
    return all(name in sync.modules and (sync.modules[name].full or not full) for name in modules)
