"""Delivering to one partner until nothing is due, or nothing can be done.

    take the lease ─▶ what is due, oldest first ─▶ read the objects as they are now ─▶ send ─▶ write down ─┐
                          ▲                                                                                 │
                          └──────────────── renew the lease ◀───────────────────────────────────────────────┘
    let go; if somebody called meanwhile, look again

Whoever dies on the way leaves deliveries pending and a lease that ends. What it had sent is sent again, which does no
harm, but for what must arrive once: that is marked before it is sent, and looked up before it is sent again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ocpi.delivery.beginning import MOST_BOOKED, begun
from ocpi.delivery.catching_up import CatchingUp
from ocpi.delivery.channel import LeaseLost, resting_until
from ocpi.delivery.choosing import Choosing
from ocpi.delivery.diagnosis import UNUSABLE, after_round, diagnosed, fails_alone, next_try
from ocpi.delivery.habits import Habits
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.looking_again import LookingAgain
from ocpi.delivery.outcome import Ending
from ocpi.delivery.pacing import AHEAD_SECONDS, LATE_SECONDS
from ocpi.delivery.recording import Recording, Tried, after_try
from ocpi.delivery.round import PARALLEL, Round
from ocpi.delivery.sending import REQUEST_SECONDS, Sender
from ocpi.delivery.wake_ups import WakeUp
from ocpi.observability import logger
from ocpi.store.deliveries import HELD, Channel, Delivery, DeliveryState
from ocpi.store.port import PartnerStatus
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.delivery.channel import Lease
    from ocpi.delivery.diagnosis import Diagnosis
    from ocpi.delivery.pacing import Pace
    from ocpi.outbound.client import PartnerClient
    from ocpi.queues.port import Queue
    from ocpi.store.deliveries import DeliveryKey
    from ocpi.store.port import Partner, Record, Store
    from ocpi.vault.port import Vault

BATCH = MOST_BOOKED
ROUND_SECONDS = 30.0
"""From the renewal of the lease to the end of the last request."""
SENDING_SECONDS = 8.0
"""So long requests are begun in a round; each may then take REQUEST_SECONDS, and be followed by one or two others."""
PATIENCE_SECONDS = 5.0
"""So long it is cheaper to wait for the rate limit than to end and be called again."""
HEALTHY_SECONDS = 30.0
REQUESTS_OF_ONE = 3
"""That an object may need: where few may begin, few objects are under way at a time."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a drain works with. ``party`` is our country code and party id; ``clock`` is in seconds since 1970."""

    store: Store
    queue: Queue
    vault: Vault
    client: PartnerClient
    party: tuple[str, str]
    clock: Callable[[], float]
    sleep: Callable[[float], None]


def drain(parts: Parts, wake_up: WakeUp, ends: float) -> None:
    """Deliver what is due to a partner, until ``ends`` (seconds since 1970) at the latest. A partner that is unknown,
    has left, or is suspended gets nothing. What remains gets a wake-up.
    """
    partner = parts.store.partners.get(wake_up.partner_id)
    if partner is None or partner.status is PartnerStatus.UNREGISTERED:
        parts.store.deliveries.forget(wake_up.partner_id)
        return
    if partner.status is not PartnerStatus.REGISTERED or partner.token is None:
        return
    began = begun(parts.store.channels, parts.queue, partner, wake_up, parts.clock, parts.sleep)
    if began is None:
        return
    with (
        parts.client.keeping_connections() as client,
        ThreadPoolExecutor(PARALLEL, thread_name_prefix="deliver") as threads,
    ):
        try:
            Drain(replace(parts, client=client), *began, threads, ends, wake_up).run()
        except LeaseLost:
            logger.warning("a lease was lost", partner=partner.id)


class Drain:
    """One worker's delivering to one partner, while it has the lease; one request is booked."""

    def __init__(
        self,
        parts: Parts,
        lease: Lease,
        leased_at: float,
        pace: Pace,
        threads: ThreadPoolExecutor,
        ends: float,
        wake_up: WakeUp,
    ) -> None:
        self._parts, self._lease, self._pace, self._threads, self._ends = parts, lease, pace, threads, ends
        self._store, self._clock = parts.store, parts.clock
        self._partner_id = wake_up.partner_id
        self._recording = Recording(parts.store.deliveries)
        self._choosing = Choosing(parts.store, self._recording)
        self._catching_up = CatchingUp(parts.store, parts.clock)
        self._taken_at = lease.channel.taken_at
        self._wake_at: float | None = None
        self._looking = LookingAgain.woken(wake_up, parts.clock())
        # Not from now: whoever stood still since it took the lease may have lost it.
        self._booked_until: float | None = leased_at + LATE_SECONDS
        self._recovered = False
        self._failed: set[DeliveryKey] = set()

    def run(self) -> None:
        """Rounds until nothing is to be done, then let go."""
        while True:
            while self._round():
                pass
            if self._lease.let_go(also=self._pace.released, taken_at=self._taken_at):
                break
        if self._wake_at is not None:
            self._send_wake_up(self._wake_at)
        again = self._looking.next_look(self._wake_at)
        if again is not None:
            self._send_wake_up(again)

    def _send_wake_up(self, at: float) -> None:
        # Who is woken while the partner is left in peace goes away again, and wakes nobody after it.
        after = max(at, resting_until(self._lease.channel)) - self._clock()
        WakeUp(self._partner_id, "due").send(self._parts.queue, after=after)

    def _round(self) -> bool:
        """Whether there may be more to do."""
        now, self._looking.looked_at = self._clock(), None
        if self._lease.was_called():
            self._looking.told_at = now
        if now + ROUND_SECONDS > self._ends:
            self._wake_by(now)
            return False
        partner = self._store.partners.get(self._partner_id)
        if partner is None or partner.status is not PartnerStatus.REGISTERED:
            return False
        # What is due does not wait for a comparison, which may be long.
        more = self._deliver_due(partner)
        if self._lease.channel.catch_up is None:
            return more
        self._lease.keep(self._clock())
        if self._catching_up.step(partner, self._lease):
            self._looking.told_at = self._clock()
        return True

    def _deliver_due(self, partner: Partner) -> bool:
        """Whether something was due, and may be still."""
        now = self._clock()
        if resting_until(self._lease.channel) > now:
            self._wake_by(resting_until(self._lease.channel))
            return False
        due = self._store.deliveries.due(partner.id, instant_at(now), BATCH)
        self._looking.saw(due)
        due = due or self._looking.unseen(self._store.deliveries, now)
        if not due:
            self._looking.looked_at = now
            return self._bring_forward() or self._nothing_is_left(partner)
        probing = self._lease.channel.failures > 0
        # A probe is about what was answered with errors least: one object alone must not stand for the partner.
        return self._deliver(partner, sorted(due, key=lambda each: (probing and _errors(each), each.since)))

    def _deliver(self, partner: Partner, due: Sequence[Delivery]) -> bool:
        habits = Habits(self._store.partners, partner)
        pace = self._pace
        pace.adjust(habits.requests_per_minute)
        pace.look(self._lease.channel)
        wait = pace.wait()
        if wait > PATIENCE_SECONDS:
            self._wake_by(self._clock() + wait)
            return False
        if wait:
            self._parts.sleep(wait)
        ready = pace.ready_within(AHEAD_SECONDS)
        size = 1 if self._lease.channel.failures else max(1, min(len(due), ready))
        renewed = self._clock()
        # The first request was booked when the lease was taken, a moment ago.
        if size > 1 or self._booked_until is None or renewed > self._booked_until:
            pace.book(size, lambda move: self._lease.renew(renewed, also=move, taken_at=self._taken_at))
        self._booked_until = None
        at = instant_at(renewed)
        items = self._choosing.to_send(partner, due[:size], at)
        if items:
            self._send(partner, habits, items, at, min(PARALLEL, max(1, ready // REQUESTS_OF_ONE)))
        return True

    def _send(
        self,
        partner: Partner,
        habits: Habits,
        items: list[tuple[Delivery, Record | None]],
        at: str,
        parallel: int,
    ) -> None:
        now = self._clock()
        try:
            token = self._parts.vault.open(str(partner.token), about=partner.id)
        except SealBroken:
            logger.error("the token kept for a partner cannot be opened", partner=partner.id)
            self._choosing.not_begun(items, at)
            self._lease.change(lambda channel: after_round(channel, UNUSABLE, now))
            self._leave_in_peace(partner)
            return
        sender = Sender(
            partner,
            self._parts.party,
            self._parts.client,
            token,
            habits,
            self._pace,
            self._clock,
            # From the renewal, not from now: whoever stood still in between may have lost the lease.
            latest=seconds_of(at) + SENDING_SECONDS,
            ends=seconds_of(at) + SENDING_SECONDS + 2 * REQUEST_SECONDS,
        )
        healthy = self._lease.channel.failures == 0 and seconds_of(self._taken_at) > now - HEALTHY_SECONDS
        sending = Round(sender, at, self._clock, healthy, self._threads, self._recovered, parallel)
        tried = sending.send(items)
        begun = {each.delivery.key for each in tried}
        self._choosing.not_begun([item for item in items if item[0].key not in begun], at)
        self._note(partner, tried, healthy=healthy)

    def _note(self, partner: Partner, tried: list[Tried], *, healthy: bool) -> None:
        """Write down what became of a round."""
        now = self._clock()
        failing = [each for each in tried if each.outcome.ending is Ending.PASSING]
        failures = self._lease.channel.failures
        diagnosis = diagnosed(
            tried,
            healthy=healthy,
            taken_at=self._taken_at,
            others_fail=lambda: failures > 0 or self._others_fail(failing),
        )
        self._failed = set() if diagnosis.well else self._failed | {each.delivery.key for each in failing}
        after = after_round(self._lease.channel, diagnosis, now)
        self._record(tried, diagnosis, after, now)
        if any(each.outcome.ending is Ending.TAKEN for each in tried):
            self._taken_at = instant_at(now)
        if failing or failures:
            self._change_channel(after)
            self._recovered = self._recovered or (diagnosis.well and failures > 0)
        if diagnosis.failed or diagnosis.wait:
            self._leave_in_peace(partner)
        elif diagnosis.well and partner.behind_since is not None:
            self._store.partners.mark_behind(partner.id, None)

    def _record(self, tried: list[Tried], diagnosis: Diagnosis, channel: Channel, now: float) -> None:
        at = instant_at(now)
        gone = [each.delivery for each in tried if each.record is None and each.outcome.ending is Ending.TAKEN]
        changes = []
        for each in tried:
            if each.record is None and each.outcome.ending is Ending.TAKEN:
                continue
            due = next_try(each, diagnosis, channel, now) if each.outcome.ending is Ending.PASSING else None
            if due is not None:
                self._wake_by(seconds_of(due))
            changes.append((each.delivery, after_try(each, at, due=due)))
        if changes:
            self._recording.write(changes, at)
        if gone:
            self._recording.forget(gone, at)

    def _change_channel(self, after: Channel) -> None:
        self._lease.change(
            lambda channel: replace(
                channel,
                failures=after.failures,
                paused_until=after.paused_until,
                asked_until=after.asked_until,
                tried_at=after.tried_at,
                behind_since=after.behind_since,
            )
        )

    def _leave_in_peace(self, partner: Partner) -> None:
        channel = self._lease.channel
        self._wake_by(resting_until(channel))
        if channel.behind_since is not None and partner.behind_since is None:
            self._store.partners.mark_behind(partner.id, channel.behind_since)

    def _others_fail(self, failing: Sequence[Tried]) -> bool:
        """Whether another object has failed as well, in this drain or since it became pending."""
        these = {each.delivery.key for each in failing}
        if self._failed - these:
            return True
        page = self._store.deliveries.page(self._partner_id, DeliveryState.PENDING, BATCH)
        return any(
            each.attempts and each.key not in these and not fails_alone(each, self._taken_at)
            for each in page.deliveries
        )

    def _bring_forward(self) -> bool:
        """After a partner has recovered: whatever had to wait for another reason than its own is due now."""
        if not self._recovered:
            return False
        self._recovered = False
        now = instant_at(self._clock())
        page = self._store.deliveries.page(self._partner_id, DeliveryState.PENDING, 1000)
        later = [each for each in page.deliveries if each.due is not None and now < each.due < HELD]
        self._recording.write([(each, replace(each, due=now)) for each in later], now)
        self._looking.told_at = self._clock()
        return bool(later)

    def _nothing_is_left(self, partner: Partner) -> Literal[False]:
        """A partner is not behind any more once all that it missed is of no matter: gone, or held."""
        if partner.behind_since is None and self._lease.channel.behind_since is None:
            return False
        pending = self._store.deliveries.page(partner.id, DeliveryState.PENDING, 1).deliveries
        if not pending or pending[0].due == HELD:
            self._lease.change(lambda channel: replace(channel, failures=0, paused_until=None, behind_since=None))
            self._store.partners.mark_behind(partner.id, None)
        return False

    def _wake_by(self, at: float) -> None:
        self._wake_at = at if self._wake_at is None else min(self._wake_at, at)


def _errors(delivery: Delivery) -> int:
    """How often an object was answered with an error, as far as is known: what was not answered says nothing of it."""
    return delivery.attempts if delivery.http_status is not None else 0
