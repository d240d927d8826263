"""From objects of ours that were written to partners that something is to be delivered to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at
from ocpi.delivery.marking import Marking, Wanted
from ocpi.delivery.recipients import DELETABLE, MODULES, connected, is_for, switched_on, takes
from ocpi.store.deliveries import HELD
from ocpi.store.port import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.store.deliveries import Delivery, DeliveryKey
    from ocpi.store.port import Key, Store

PUSHED = frozenset(module for modules in MODULES.values() for module in modules)


@dataclass(frozen=True, slots=True)
class FanOut:
    """Marks deliveries after writes. ``clock`` is in seconds since 1970."""

    store: Store
    clock: Callable[[], float]

    def mark(self, keys: Sequence[Key]) -> dict[str, list[DeliveryKey]]:
        """Mark what these writes mean for each partner; what was marked, by the id of the partner.

        Repeating it is harmless. Objects that are nobody's business are passed over.
        """
        ours = {
            (key.collection.module, key.folded_id): key
            for key in keys
            if key.collection.owner == OWN and key.collection.module in PUSHED
        }
        partners = connected(self.store.partners.list()) if ours else []
        if not partners:
            return {}
        wanted: list[Wanted] = []
        for key, record in zip(ours.values(), self.store.objects.get_many(list(ours.values())), strict=True):
            module, object_id = key.collection.module, record.key.id if record is not None else key.id
            if record is None and module not in DELETABLE:
                continue
            wanted += [
                Wanted(partner, module, object_id, record)
                for partner in partners
                if takes(partner, module) and (record is None or is_for(partner, record))
            ]
        marked = Marking(self.store.deliveries, self.clock).changed(wanted)
        self._let_go([delivery for delivery in marked if delivery.due == HELD])
        noted: dict[str, list[DeliveryKey]] = {}
        for delivery in marked:
            noted.setdefault(delivery.key.partner_id, []).append(delivery.key)
        return noted

    def _let_go(self, held: Sequence[Delivery]) -> None:
        """What was held because of how the partner was before, if its module was switched on in the meantime: who
        switched it on may have looked for what is held too early to find this.
        """
        partners = {each: self.store.partners.get(each) for each in {delivery.key.partner_id for delivery in held}}
        free = [
            delivery
            for delivery in held
            if (partner := partners[delivery.key.partner_id]) and switched_on(partner, delivery.key.module)
        ]
        if free:
            now = instant_at(self.clock())
            # What is not as it was marked has been looked at by somebody else.
            self.store.deliveries.put_many([replace(delivery, due=now) for delivery in free])
