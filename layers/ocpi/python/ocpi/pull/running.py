"""Working on a sync, page by page.

    ┌▶ fetch ▶ write objects ▶ save progress ─┐
    └───────── next page, next module ◀───────┘

What a worker that dies has written since its last save is unchanged the second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.pacing import Pace, Paced
from ocpi.delivery.turns import Turns
from ocpi.jobs.working import Working
from ocpi.objects.received import received_collection
from ocpi.pull.module_crawl import ModuleCrawl, settled_before
from ocpi.pull.scheduling import concluded, schedule_draft, schedule_from, schedule_key
from ocpi.pull.seen import Seen
from ocpi.pull.starting import is_by_schedule
from ocpi.pull.sync import KIND
from ocpi.pull.taking import Taking
from ocpi.registration.partner_api import endpoint_url
from ocpi.registration.settings_of_partner import partner_settings
from ocpi.store.port import PartnerStatus
from ocpi.store.update import update
from ocpi.times import normalise
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from ocpi.jobs.working import Held
    from ocpi.outbound.answer import Answer
    from ocpi.pull.sync import ModulePull, Sync
    from ocpi.queues.port import Queue
    from ocpi.store.port import Draft, Partner, Record, Store
    from ocpi.v2_1_1.taking_rules import TakingRules


PATIENCE_SECONDS = 0.5
"""So long a page waits for the rate limit within its step."""


@dataclass(slots=True)
class _Known:
    """What a worker need not find out twice, and whose turn it is."""

    turns: Turns
    fetches: dict[int, Callable[[str], Answer]] = field(default_factory=dict)
    """By revision of the partner: its token has to be decrypted."""
    seen: dict[str, frozenset[str]] = field(default_factory=dict)
    """By module: what a complete list showed."""


@dataclass(frozen=True, slots=True)
class Pulling:
    """Works on syncs. ``fetch_from`` gives what fetches a URL from a partner, given what is to be called before each
    request; ``settle`` is told of tokens that were stored; ``every`` is the time between scheduled pulls. ``now`` gives
    ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, ``monotonic`` and ``sleep`` are in seconds.
    """

    store: Store
    pulls: Queue
    fetch_from: Callable[[Partner, Callable[[], None]], Callable[[str], Answer]]
    rules_of: Callable[[str], TakingRules]
    settle: Callable[[Record], object]
    every: timedelta
    now: Callable[[], str]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def work(self, sync_id: str, seconds: float) -> None:
        """Go on with a sync, as :meth:`Working.work` has it."""
        known = _Known(Turns(self._clock, PATIENCE_SECONDS))
        self._working.work(sync_id, seconds, lambda held: self._step(held, known))

    @property
    def _working(self) -> Working[Sync]:
        return Working(KIND, self.store.objects, self.pulls, self.now, self.monotonic, self.sleep)

    def _step(self, held: Held[Sync], known: _Known) -> float:
        """One step of the sync; the seconds from its beginning on in which the next one must not be made."""
        partner, name = self.store.partners.get(held.job.partner), held.job.at_hand
        if partner is None or partner.status is not PartnerStatus.REGISTERED:
            status = "gone" if partner is None else partner.status
            self._conclude(held, error=f"the partner is {status}")
            return 0
        if name is None:
            self._conclude(held)
            return 0
        rest = self._rest(held.job)
        if rest > 0:
            return rest
        pull, rules = held.job.modules[name], self.rules_of(name)
        endpoint = endpoint_url(partner.endpoints, name)
        if endpoint is None:
            pull, pause = pull.failed("the partner has no endpoint for this module", at=normalise(self.now())), 0.0
        elif pull.stage == "waiting":
            pull, pause = ModuleCrawl.begin(pull, partner, endpoint, self.now(), rules), 0.0
        else:
            pace = known.turns.pace = self._pace(partner)
            known.turns.begin()
            try:
                pull, pause = self._advanced(held.job.id, known, name, pull, partner)
            except SealBroken:
                self._conclude(held, error="the token kept for the partner cannot be opened")
                return 0
            except Paced:
                return pace.wait()
        # Kept, as the queue keeps no message back for as long as a partner may ask for.
        paused = instant_at(seconds_of(self.now()) + pause) if pause else None
        self._working.save(held, replace(held.job.with_module(name, pull), paused_until=paused))
        return pause

    def _rest(self, sync: Sync) -> float:
        """The seconds in which the partner wants to be left in peace, by what a pull or a delivery was told."""
        asked = self.store.channels.get(sync.partner).asked_until
        return max(seconds_of(sync.paused_until), seconds_of(asked)) - self._clock()

    def _advanced(
        self, sync_id: str, known: _Known, name: str, pull: ModulePull, partner: Partner
    ) -> tuple[ModulePull, float]:
        objects, rules = self.store.objects, self.rules_of(name)
        seen, since = Seen(objects, sync_id, name), settled_before(str(pull.started_at))
        taking = Taking(objects, rules, received_collection(partner, name), since, self.settle)
        crawl = ModuleCrawl(partner, self._fetch(known, partner), taking, seen, self.now)
        if pull.stage == "removing":
            if name not in known.seen:
                known.seen[name] = seen.read(pull.crawl.pages if pull.crawl else 0)
            return crawl.next_removal(pull, known.seen[name]), 0
        return crawl.next_page(pull)

    def _clock(self) -> float:
        return seconds_of(self.now())

    def _pace(self, partner: Partner) -> Pace:
        limit = partner_settings(partner)["requests_per_minute"]
        return Pace.in_channel(self.store.channels, partner.id, limit, most=1, clock=self._clock, sleep=self.sleep)

    def _fetch(self, known: _Known, partner: Partner) -> Callable[[str], Answer]:
        if partner.revision not in known.fetches:
            known.fetches[partner.revision] = self.fetch_from(partner, known.turns.take)
        return known.fetches[partner.revision]

    def _conclude(self, held: Held[Sync], *, error: str | None = None) -> None:
        """The end, in steps that may all be repeated; only the last one says that it is over."""
        now = normalise(self.now())
        pulls = held.job.modules.values()
        came = not pulls or any(pull.got_something for pull in pulls)
        sync = replace(held.job, state="failed" if error or not came else "done", error=error)

        def conclusion(record: Record | None) -> Draft | None:
            if record is None:
                return None
            by_schedule = is_by_schedule(sync.id)
            return schedule_draft(concluded(schedule_from(record), sync, now, every=self.every, scheduled=by_schedule))

        update(self.store.objects, schedule_key(sync.partner), conclusion)
        if any(pull.complete for pull in pulls):
            self.store.partners.synced(sync.partner, now)
        for name, pull in sync.modules.items():
            Seen(self.store.objects, sync.id, name).forget(pull.crawl.pages if pull.full and pull.crawl else 0)
        self._working.end(held, sync)
