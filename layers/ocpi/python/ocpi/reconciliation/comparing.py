"""Comparing one object of ours with what a partner shows of it, while it may change on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ocpi.delivery.recipients import is_for
from ocpi.outbound.own_hosts import still_partners
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.reconciliation.expecting import is_expected, is_on_its_way
from ocpi.reconciliation.finding import Finding, found_in, found_without_answer
from ocpi.store.deliveries import DeliveryKey
from ocpi.store.port import OWN, Collection, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from ocpi.store.deliveries import Delivery
    from ocpi.store.port import Partner, Record, Store

    LookUp: TypeAlias = Callable[[str, str, str | None], Answer]

TRIES = 3
"""An object that changes each time it is compared is on its way, which is all there is to know."""


@dataclass(frozen=True, slots=True)
class Compared:
    """``finding`` is ``None`` if the partner was not asked. ``pending``: it is on its way; ``expected``: the partner
    should hold it; neither: it is none of the partner's business.
    """

    pending: bool = False
    expected: bool = False
    delivery: Delivery | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Comparing:
    """``look_up`` asks the partner for the object of a module and id, at a URL if one is known. ``clock`` is in seconds
    since 1970.
    """

    store: Store
    partner: Partner
    look_up: LookUp
    clock: Callable[[], float]

    def compare(self, module: str, object_id: str, *, only_expected: bool) -> Compared | None:
        """Compare one object; ``None`` if there is none that the partner may see. With ``only_expected`` the partner is
        not asked for one that it need not hold.
        """
        record, delivery = self._read(module, object_id)
        for _ in range(TRIES):
            if record is None or not is_for(self.partner, record):
                return None
            if is_on_its_way(record, delivery, self.clock()):
                return Compared(pending=True)
            expected = is_expected(self.partner, record, delivery)
            if only_expected and not expected:
                return Compared(delivery=delivery, finding=None)
            finding = self._look(record, delivery)
            if finding.problem not in ("missing", "different"):
                return Compared(expected=expected, delivery=delivery, finding=finding)
            # Whatever was written or delivered meanwhile explains it.
            before = (record.write, delivery)
            record, delivery = self._read(module, object_id)
            if record is not None and (record.write, delivery) == before:
                return Compared(expected=expected, delivery=delivery, finding=finding)
        return Compared(pending=True)

    def _read(self, module: str, object_id: str) -> tuple[Record | None, Delivery | None]:
        record = self.store.objects.get(Key(Collection(OWN, module), object_id))
        (delivery,) = self.store.deliveries.get_many([DeliveryKey(self.partner.id, module, object_id)])
        return record, delivery

    def _look(self, record: Record, delivery: Delivery | None) -> Finding:
        url = still_partners(self.partner, delivery.url) if delivery is not None else None
        try:
            answer = self.look_up(record.key.collection.module, record.key.id, url)
        except PartnerUnreachable as error:
            return found_without_answer(error)
        return found_in(answer, record, self.clock())
