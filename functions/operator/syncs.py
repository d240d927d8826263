"""``/operator/partners/{id}/sync``: pulling from a partner now, and how a pull goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from partners import known_partner

from ocpi.deployment import pulls, store
from ocpi.faults import Fault, Invalid, pointer
from ocpi.objects.received import require
from ocpi.pull.starting import MODULES, Starting, pulled_modules
from ocpi.pull.sync import load_sync, shown
from ocpi.settings import settings
from ocpi.times import now_precise
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.store.port import Partner
    from ocpi.transport.message import Answer, Call


def post_sync(call: Call) -> Answer:
    """Pull now: everything that the partner has for us, unless the body says which modules."""
    partner = known_partner(call)
    modules, full = _read(call.json() if call.body.strip() else {}, partner)
    starting = Starting(store().objects, pulls, timedelta(hours=settings().pull_hours), now_precise)
    sync = starting.by_hand(partner, modules, full=full)
    location = f"/operator/partners/{partner.id}/syncs/{sync.id}"
    return answer_json(shown(sync), http_status=202, headers={"Location": location})


def get_sync(call: Call) -> Answer:
    """How a pull goes, or went."""
    partner, found = known_partner(call), load_sync(store().objects, call.path["sync_id"])
    sync = found[0] if found is not None else None
    known = sync if sync is not None and (sync.partner, sync.id) == (partner.id, call.path["sync_id"]) else None
    return answer_json(shown(require(known, "sync of this partner")))


def _read(body: Any, partner: Partner) -> tuple[list[str], bool]:
    """The modules that are asked for, in the order in which they are pulled, and whether in full."""
    if not isinstance(body, dict):
        raise Invalid([Fault("", "must be a JSON object")])
    faults = [Fault(pointer([name]), "is not a field of this request") for name in body.keys() - {"modules", "full"}]
    asked, full, there = body.get("modules"), body.get("full", False), pulled_modules(partner)
    if not isinstance(full, bool):
        faults.append(Fault("/full", "must be true or false"))
    if asked is not None and (not isinstance(asked, list) or not asked):
        faults.append(Fault("/modules", "must be a list of at least one module"))
        asked = None
    for index, name in enumerate(asked or ()):
        if name not in MODULES[partner.role]:
            faults.append(
                Fault(f"/modules/{index}", f"must be one of {', '.join(MODULES[partner.role])}, by the partner's role")
            )
        elif partner.endpoints and name not in there:
            faults.append(Fault(f"/modules/{index}", "is not served: the partner has no endpoint for it"))
    if faults:
        raise Invalid(faults)
    return [name for name in there if asked is None or name in asked], full


RESOURCES = [
    OperatorResource("/partners/{id:segment}/sync", POST=post_sync),
    OperatorResource("/partners/{id:segment}/syncs/{sync_id:segment}", GET=get_sync),
]
