"""Deliveries and channels: each belongs to a partner, and what is pending is woken by something."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi.delivery import catching_up
from ocpi.delivery.channel import LEASE_SECONDS
from ocpi.delivery.instants import instant_at
from ocpi.delivery.pauses import LONGEST_ASKED_SECONDS
from ocpi.delivery.recipients import CONNECTED, DELETABLE, MODULES, ONCE, switched_on, takes
from ocpi.doctor.entry import Flaw
from ocpi.doctor.names import PRECISE
from ocpi.store.deliveries import HELD, Delivery, DeliveryState
from ocpi.store.port import OWN, Collection, Conflict, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.doctor.world import World
    from ocpi.store.deliveries import Channel
    from ocpi.store.port import Partner

LONGEST_WAIT_SECONDS = 2 * LONGEST_ASKED_SECONDS
"""No pause of ours, and none that a partner may ask for, is half as long."""
CHANNEL_INSTANTS = (
    "leased_until",
    "paused_until",
    "asked_until",
    "tried_at",
    "taken_at",
    "behind_since",
    "paced_until",
)


@dataclass(frozen=True, slots=True)
class DeliveryChecks:
    """``exists`` says whether there is an object of a key, readable or not."""

    world: World
    exists: Callable[[Key], bool]

    def flaws(self, delivery: Delivery, delete: Callable[[], bool]) -> Iterator[Flaw]:
        """What is wrong with a delivery."""
        key = delivery.key
        if not self.world.knows(key.partner_id):
            yield Flaw("is to a partner that is not there", "delete it", delete)
            return
        partner = self.world.partners.get(key.partner_id)
        # Of a partner that has left upkeep forgets them.
        if partner is None or partner.status not in CONNECTED:
            return
        if key.module not in MODULES[partner.role]:
            yield Flaw("is of a module that a partner of this role is never pushed", "delete it", delete)
        elif key.module not in DELETABLE and not self.exists(Key(Collection(OWN, key.module), key.object_id)):
            # What a partner holds of a CDR is known nowhere else, should the object come back.
            keeps = key.module in ONCE and (delivery.holds is not None or delivery.unsure)
            remedy = "restore the object, or leave it: nothing is sent" if keeps else "delete it"
            yield Flaw("is of an object that is not there", remedy, None if keeps else delete)
        if delivery.state is DeliveryState.PENDING:
            yield from self._pending(partner, delivery)

    def _pending(self, partner: Partner, delivery: Delivery) -> Iterator[Flaw]:
        due, now = str(delivery.due), time.time()
        if due == HELD:
            if self._stays_held(partner, delivery):
                yield self._due_now(delivery, "is held although its module is pushed")
        elif not PRECISE.fullmatch(due):
            yield self._due_now(delivery, "is due at no instant")
        elif due > instant_at(now + LONGEST_WAIT_SECONDS):
            yield self._due_now(delivery, "is due later than anything waits")

    def _stays_held(self, partner: Partner, delivery: Delivery) -> bool:
        module = delivery.key.module
        if not takes(partner, module) or not switched_on(partner, module):
            return False
        try:
            return not catching_up.read(self.world.store.channels.get(partner.id).catch_up)
        except Exception:  # noqa: BLE001 - a channel that cannot be read is a finding of its own
            return False

    def _due_now(self, delivery: Delivery, what: str) -> Flaw:
        def repair() -> bool:
            (written,) = self.world.store.deliveries.put_many([replace(delivery, due=instant_at(time.time()))])
            return not isinstance(written, Conflict)

        return Flaw(what, "make it due now", repair)


def channel_flaws(channel: Channel, world: World, delete: Callable[[], bool]) -> Iterator[Flaw]:
    """What is wrong with a channel."""
    if not world.knows(channel.partner_id):
        yield Flaw("is of a partner that is not there", "delete it", delete)
        return
    try:
        catching_up.read(channel.catch_up)
    except Exception:  # noqa: BLE001 - whatever it is, it is no list of jobs
        yield _changed(channel, world, "does not say what is to be compared", "have everything compared", ["catch_up"])
        return
    latest = instant_at(time.time() + LONGEST_WAIT_SECONDS)
    lease = instant_at(time.time() + 2 * LEASE_SECONDS)
    wrong = [
        name
        for name in CHANNEL_INSTANTS
        if (value := getattr(channel, name)) is not None
        and (not PRECISE.fullmatch(str(value)) or value > (lease if name == "leased_until" else latest))
    ]
    if wrong:
        yield _changed(channel, world, f"has an impossible {', '.join(wrong)}", "remove that", wrong)


def _changed(channel: Channel, world: World, what: str, remedy: str, names: list[str]) -> Flaw:
    def repair() -> bool:
        nothing: dict[str, Any] = dict.fromkeys(names)
        mended = replace(channel, **nothing)
        partner = world.partners.get(channel.partner_id)
        if "catch_up" in names and partner is not None:
            mended = replace(mended, catch_up=catching_up.written(catching_up.all_jobs(partner)))
        try:
            world.store.channels.put(mended)
        except Conflict:
            return False
        return True

    return Flaw(what, remedy, repair)
