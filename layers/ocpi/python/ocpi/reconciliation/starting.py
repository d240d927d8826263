"""Starting a reconciliation: one at a time for each partner, as they share its rate limit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.errors import StateConflict
from ocpi.jobs.job import new_job_id, running_draft
from ocpi.reconciliation.expecting import compared_modules
from ocpi.reconciliation.reconciliation import KIND, ModuleComparison, Reconciliation
from ocpi.store.port import Collection, Conflict, Draft, Key, PartnerStatus
from ocpi.store.update import update
from ocpi.times import normalise, parse_instant, to_wire
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.jobs.upkeep import JobUpkeep
    from ocpi.store.port import Objects, Partner, Record


LOOKS_BACK = timedelta(days=30)
"""Of sessions and CDRs. From one weekly comparison to the next every one is met, and after that three times more."""


class AlreadyRunning(Exception):
    """Another reconciliation of the partner goes on."""

    def __init__(self, reconciliation: Reconciliation) -> None:
        super().__init__(reconciliation.id)
        self.reconciliation = reconciliation


def claim_key(partner_id: str) -> Key:
    """Where it is written which reconciliation of a partner goes on."""
    return Key(Collection("jobs", "reconciling"), partner_id)


def claimed_by(claim: Record) -> str:
    """The id of the reconciliation that goes on, or went on until its worker died."""
    reconciliation_id: str = strict_json.read(claim.document)
    return reconciliation_id


@dataclass(frozen=True, slots=True)
class Starting:
    """Starts reconciliations. ``now`` gives ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""

    objects: Objects
    upkeep: JobUpkeep[Reconciliation]
    now: Callable[[], str]

    def by_hand(
        self, partner: Partner, modules: Sequence[str], *, repair: bool, since: str | None = None
    ) -> Reconciliation:
        """The reconciliation that the operator asked for: a new one, or the one that goes on if that is what was asked
        for. ``since`` as in :class:`Reconciliation`. Raises :class:`StateConflict` if the partner is not connected, or
        another one goes on.
        """
        if partner.status is not PartnerStatus.REGISTERED:
            raise StateConflict(f"the partner is {partner.status}; only what a registered one holds can be compared")
        try:
            return self._start(partner, modules, repair=repair, since=since)
        except AlreadyRunning as running:
            goes_on = running.reconciliation
            reaches = goes_on.since is None or (since is not None and goes_on.since <= since)
            if goes_on.modules.keys() >= set(modules) and goes_on.repair == repair and reaches:
                return goes_on
            raise StateConflict(
                "another reconciliation of this partner goes on: of other modules, of less, or with other repairs"
            ) from None

    def by_schedule(self, partner: Partner) -> None:
        """The one that is due, of every module, which repairs nothing and looks back so far; none if there is nothing
        to compare, or one goes on.
        """
        modules = compared_modules(partner)
        if modules:
            try:
                since = to_wire(parse_instant(self.now()) - LOOKS_BACK)
                self._start(partner, modules, repair=False, since=since)
            except AlreadyRunning:
                return

    def _start(self, partner: Partner, modules: Sequence[str], *, repair: bool, since: str | None) -> Reconciliation:
        now = normalise(self.now())
        compared = {name: ModuleComparison() for name in modules}
        job = Reconciliation(new_job_id(), partner.id, now, repair=repair, since=since, modules=compared)
        # Before it is claimed: one that nobody wrote down would be one that nobody finishes.
        record = self.objects.put(KIND.key(job.id), running_draft(job, now), expected=None)

        def claim(found: Record | None) -> Draft:
            other = KIND.load(self.objects, claimed_by(found)) if found is not None else None
            if other is not None and other[0].state == "running":
                raise AlreadyRunning(other[0])
            return Draft(VERSION, strict_json.write(job.id), now)

        try:
            update(self.objects, claim_key(partner.id), claim)
        except AlreadyRunning:
            with suppress(Conflict):  # somebody works on it already
                self.objects.delete(record.key, expected=record.revision)
            raise
        self.upkeep.send(job)
        return job
