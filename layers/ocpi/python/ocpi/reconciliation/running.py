"""Working on a reconciliation, step by step.

    page of ids ─▶ compare some, save what differs ─▶ have it delivered, save that ─┐
         ▲                                                                          │
         └──────────────────── what is left, next page, next module ◀───────────────┘

What differs is written down before it is repaired: a worker that dies in between leaves a repair to be done once more,
and no difference that nobody has heard of.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.marking import Marking, Wanted
from ocpi.delivery.pacing import Pace
from ocpi.delivery.turns import Turns
from ocpi.delivery.wake_ups import wake
from ocpi.reconciliation.comparing import Comparing
from ocpi.reconciliation.expecting import compared_modules
from ocpi.reconciliation.module_step import ModuleStep, next_page
from ocpi.reconciliation.starting import claim_key, claimed_by
from ocpi.registration.settings_of_partner import partner_settings
from ocpi.store.port import OWN, Collection, Conflict, Key, PartnerStatus
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.jobs.working import Held, Working
    from ocpi.outbound.answer import Answer
    from ocpi.queues.port import Queue
    from ocpi.reconciliation.comparing import LookUp
    from ocpi.reconciliation.module_step import Stepped
    from ocpi.reconciliation.reconciliation import Reconciliation
    from ocpi.store.port import Partner, Store

PATIENCE_SECONDS = 5.0
"""So long it is cheaper to wait for the rate limit than to end the step."""
MOST_BOOKED = 10
"""Requests at a time."""


@dataclass(slots=True)
class _Known:
    """What a worker need not find out twice: how to ask a partner, by its revision; and whose turn it is."""

    turns: Turns
    look_ups: dict[int, LookUp] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reconciling:
    """Works on reconciliations. ``look_up_from`` gives what asks a partner for objects, given what is to be called
    before each request, or raises :class:`SealBroken`. ``clock`` is in seconds since 1970.
    """

    store: Store
    deliveries: Queue
    working: Working[Reconciliation]
    look_up_from: Callable[[Partner, Callable[[], None]], LookUp]
    clock: Callable[[], float]

    def work(self, reconciliation_id: str, seconds: float) -> None:
        """Go on with a reconciliation, as :meth:`Working.work` has it."""
        known = _Known(Turns(self.clock, PATIENCE_SECONDS))
        self.working.work(reconciliation_id, seconds, lambda held: self._step(held, known))

    def _step(self, held: Held[Reconciliation], known: _Known) -> float:
        job = held.job
        partner, name = self.store.partners.get(job.partner), job.at_hand
        if partner is None or partner.status is not PartnerStatus.REGISTERED:
            status = "gone" if partner is None else partner.status
            self._conclude(held, error=f"the partner is {status}")
            return 0
        if name is None:
            self._conclude(held)
            return 0
        module = job.modules[name]
        if module.to_repair:
            self.working.save(held, self._repaired(job, name, partner))
            return 0
        if name not in compared_modules(partner):
            ended = module.noted("the partner is not pushed this module any more").ended()
            self.working.save(held, job.with_module(name, ended))
            return 0
        rest = max(seconds_of(job.paused_until), seconds_of(self.store.channels.get(partner.id).asked_until))
        if rest > self.clock():
            return rest - self.clock()
        try:
            return self._compared(held, known, name, partner)
        except SealBroken:
            self._conclude(held, error="the token kept for the partner cannot be opened")
            return 0

    def _compared(self, held: Held[Reconciliation], known: _Known, name: str, partner: Partner) -> float:
        job, began = held.job, self.clock()
        module = job.modules[name]
        pace = known.turns.pace = self._pace(partner, len(module.object_ids))
        comparing = Comparing(self.store, partner, self._look_up(known, partner), self.clock)
        step = ModuleStep(name, comparing, job.repair, self.working.monotonic)
        if module.object_ids:
            pace.look(self.store.channels.get(partner.id))
            wait = pace.wait()
            if wait > PATIENCE_SECONDS:
                return wait
            stepped = step.run(module)
            pace.let_go()
        elif module.stage == "waiting" or module.after is not None:
            page = next_page(self.store.objects, partner, name, module, job.since)
            self.working.save(held, job.with_module(name, page))
            return 0
        elif module.unproved:
            stepped = step.settled(module)
        else:
            self.working.save(held, job.with_module(name, module.ended()))
            return 0
        self.working.save(held, self._after(job, name, stepped))
        return self.clock() - began + stepped.pause if stepped.pause else 0

    def _after(self, job: Reconciliation, name: str, stepped: Stepped) -> Reconciliation:
        job = job.with_module(name, stepped.module).with_differences(stepped.differences)
        paused = instant_at(self.clock() + stepped.pause) if stepped.pause else None
        return replace(job, paused_until=paused)

    def _pace(self, partner: Partner, objects: int) -> Pace:
        limit, most = partner_settings(partner)["requests_per_minute"], max(1, min(MOST_BOOKED, objects))
        sleep = self.working.sleep
        return Pace.in_channel(self.store.channels, partner.id, limit, most=most, clock=self.clock, sleep=sleep)

    def _look_up(self, known: _Known, partner: Partner) -> LookUp:
        if partner.revision not in known.look_ups:
            known.look_ups[partner.revision] = self.look_up_from(partner, known.turns.take)
        look_up = known.look_ups[partner.revision]

        def look_up_in_turn(module: str, object_id: str, url: str | None) -> Answer:
            known.turns.begin()
            return look_up(module, object_id, url)

        return look_up_in_turn

    def _repaired(self, job: Reconciliation, name: str, partner: Partner) -> Reconciliation:
        """With what is to be repaired on its way to the partner as a whole, as it is now."""
        module = job.modules[name]
        records = self.store.objects.get_many([Key(Collection(OWN, name), each) for each in module.to_repair])
        wanted = [Wanted(partner, name, record.key.id, record) for record in records if record is not None]
        if wanted:
            Marking(self.store.deliveries, self.clock).compared(wanted, everything=True)
            wake(self.store.channels, self.deliveries, partner.id, self.clock)
        repaired = {(name, each.object_id) for each in wanted}
        differences = tuple(
            replace(each, repaired=each.repaired or (each.module, each.object_id) in repaired)
            for each in job.differences
        )
        module = replace(module.counted(repaired=len(wanted)), to_repair=())
        return replace(job.with_module(name, module), differences=differences)

    def _conclude(self, held: Held[Reconciliation], *, error: str | None = None) -> None:
        """The end, in steps that may all be repeated; only the last one says that it is over."""
        job = held.job
        claim = self.store.objects.get(claim_key(job.partner))
        if claim is not None and claimed_by(claim) == job.id:
            with suppress(Conflict):  # somebody has started another one, which this one does not keep from going on
                self.store.objects.delete(claim.key, expected=claim.revision)
        broken = any(module.broken_off for module in job.modules.values())
        self.working.end(held, replace(job, state="failed" if error or broken else "done", error=error))
