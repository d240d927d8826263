"""CDRs that CPO partners send us (OCPI 2.1.1, section 10.2.2). A CDR is stored once and never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ocpi.deployment import store
from ocpi.objects.received import received_collection, require, taking
from ocpi.store.port import Key
from ocpi.store.update import update
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import models
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def post_cdr(call: Call, caller: Caller) -> Answer:
    """Take a CDR. Whatever is odd about it is stored beside it: refusing would only hide what the CPO will bill."""
    cdr = models.check(models.CDR, call.json())
    key = Key(received_collection(caller.partner, "cdrs"), cdr["id"])
    outcome = update(store().objects, key, taking(require_rules("cdrs"), key, cdr))
    location = f"{call.base_url}{call.route}/{quote(require(outcome.after, 'CDR').key.id, safe='')}"
    return success(http_status=201 if outcome.before is None else 200, headers={"Location": location})


def get_cdr(call: Call, caller: Caller) -> Answer:
    """The CDR as the partner gave it to us; letter case of its id does not count."""
    key = Key(received_collection(caller.partner, "cdrs"), call.path["cdr_id"])
    return success(require(store().objects.get(key), "CDR").document)


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/cdrs", POST=post_cdr),
    OcpiResource("EMSP", "2.1.1/cdrs/{cdr_id:segment}", GET=get_cdr),
]
