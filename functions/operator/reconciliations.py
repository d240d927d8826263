"""``/operator/partners/{id}/reconcile``: comparing now what a partner holds of our objects, and how that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lists import list_objects
from partners import known_partner

from ocpi import strict_json
from ocpi.delivery.recipients import MODULES, takes
from ocpi.deployment import reconciliations, store
from ocpi.faults import Fault, Invalid, pointer
from ocpi.jobs.upkeep import JobUpkeep
from ocpi.objects.received import require
from ocpi.reconciliation.expecting import compared_modules
from ocpi.reconciliation.reconciliation import KIND, RECONCILIATIONS, reconciliation_from, shown, shown_in_full
from ocpi.reconciliation.starting import Starting
from ocpi.times import normalise, now_precise
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.store.port import Partner
    from ocpi.transport.message import Answer, Call


def post_reconcile(call: Call) -> Answer:
    """Compare now: every module that the partner is pushed, and all of it, unless the body says which."""
    partner = known_partner(call)
    modules, repair, since = _read(call.json() if call.body.strip() else {}, partner)
    upkeep = JobUpkeep(KIND, store().objects, reconciliations, now_precise)
    started = Starting(store().objects, upkeep, now_precise).by_hand(partner, modules, repair=repair, since=since)
    location = f"/operator/partners/{partner.id}/reconciliations/{started.id}"
    return answer_json(shown_in_full(started), http_status=202, headers={"Location": location})


def list_reconciliations(call: Call) -> Answer:
    """Those of the last 30 days, without what differed."""
    return list_objects(
        call,
        RECONCILIATIONS,
        audience=known_partner(call).id,
        order="created",
        read=reconciliation_from,
        show=lambda reconciliation: strict_json.write(shown(reconciliation)),
    )


def get_reconciliation(call: Call) -> Answer:
    """How a reconciliation goes, or went."""
    partner, found = known_partner(call), KIND.load(store().objects, call.path["reconciliation_id"])
    known = found[0] if found is not None else None
    is_this = known is not None and (known.partner, known.id) == (partner.id, call.path["reconciliation_id"])
    return answer_json(shown_in_full(require(known if is_this else None, "reconciliation of this partner")))


_FIELDS = ("modules", "repair", "since")


def _read(body: Any, partner: Partner) -> tuple[list[str], bool, str | None]:
    """The modules that are asked for, in the order in which they are compared, whether to repair, and since when
    sessions and CDRs.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("", "must be a JSON object")])
    faults = [Fault(pointer([name]), "is not a field of this request") for name in body.keys() - set(_FIELDS)]
    asked, repair, compared = body.get("modules"), body.get("repair", False), compared_modules(partner)
    since, fault_of_since = _instant(body.get("since"))
    if fault_of_since is not None:
        faults.append(Fault("/since", fault_of_since))
    if not isinstance(repair, bool):
        faults.append(Fault("/repair", "must be true or false"))
    if asked is not None and (not isinstance(asked, list) or not asked):
        faults.append(Fault("/modules", "must be a list of at least one module"))
        asked = None
    for index, name in enumerate(asked or ()):
        fault = _fault_of(name, partner, compared)
        if fault is not None:
            faults.append(Fault(f"/modules/{index}", fault))
    if faults:
        raise Invalid(faults)
    return [name for name in compared if asked is None or name in asked], repair, since


def _instant(value: Any) -> tuple[str | None, str | None]:
    """An instant of whole seconds, and what is wrong with it."""
    if value is None:
        return None, None
    try:
        return normalise(value if isinstance(value, str) else ""), None
    except ValueError as error:
        return None, str(error)


def _fault_of(name: Any, partner: Partner, compared: list[str]) -> str | None:
    if name not in MODULES[partner.role]:
        return f"must be one of {', '.join(MODULES[partner.role])}, by the partner's role"
    if name in compared or not partner.endpoints:
        return None
    if not takes(partner, name):
        return "is not served: the partner has no endpoint for it"
    return "is not pushed to this partner: its setting push says so"


RESOURCES = [
    OperatorResource("/partners/{id:segment}/reconcile", POST=post_reconcile),
    OperatorResource("/partners/{id:segment}/reconciliations", GET=list_reconciliations),
    OperatorResource("/partners/{id:segment}/reconciliations/{reconciliation_id:segment}", GET=get_reconciliation),
]
