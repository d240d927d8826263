"""Starting a reconciliation: one at a time for each partner, as they share its rate limit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.errors import StateConflict
from ocpi.jobs.job import new_job_id, running_draft
from ocpi.reconciliation.expecting import compared_modules
from ocpi.reconciliation.reconciliation import KIND, ModuleComparison, Reconciliation
from ocpi.store.port import Collection, Conflict, Draft, Key, PartnerStatus
from ocpi.store.update import update
from ocpi.times import normalise
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.jobs.upkeep import JobUpkeep
    from ocpi.store.port import Objects, Partner, Record


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

    def by_hand(self, partner: Partner, modules: Sequence[str], *, repair: bool) -> Reconciliation:
        """The reconciliation that the operator asked for: a new one, or the one that goes on if that is what was asked
        for. Raises :class:`StateConflict` if the partner is not connected, or another one goes on.
        """
        if partner.status is not PartnerStatus.REGISTERED:
            raise StateConflict(f"the partner is {partner.status}; only what a registered one holds can be compared")
        try:
            return self._start(partner, modules, repair=repair)
        except AlreadyRunning as running:
            if running.reconciliation.modules.keys() >= set(modules) and running.reconciliation.repair == repair:
                return running.reconciliation
            raise StateConflict("another reconciliation of this partner goes on, of other modules or repairs") from None

    def by_schedule(self, partner: Partner) -> None:
        """The one that is due, of everything, which repairs nothing; none if there is nothing to compare, or one goes
        on.
        """
        modules = compared_modules(partner)
        if modules:
            try:
                self._start(partner, modules, repair=False)
            except AlreadyRunning:
                return

    def _start(self, partner: Partner, modules: Sequence[str], *, repair: bool) -> Reconciliation:
        now = normalise(self.now())
        job = Reconciliation(
            new_job_id(), partner.id, now, repair=repair, modules={name: ModuleComparison() for name in modules}
        )
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
