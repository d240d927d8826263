"""CDRs that CPO partners send us (OCPI 2.1.1, section 10.2.2). A CDR is stored once and never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ocpi.deployment import store
from ocpi.errors import StateConflict
from ocpi.objects.documents import draft, read_document
from ocpi.objects.received import received_collection, require
from ocpi.store.port import Key
from ocpi.store.update import update
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION
from ocpi.v2_1_1.cdr_findings import cdr_findings
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.model import check

if TYPE_CHECKING:
    from ocpi.store.port import Draft, Record
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def post_cdr(call: Call, caller: Caller) -> Answer:
    """Take a CDR. Whatever is odd about it is stored beside it: refusing would only hide what the CPO will bill."""
    cdr = check(CDR, call.json())
    key = Key(received_collection(caller.partner, "cdrs"), cdr["id"])

    def decide(record: Record | None) -> Draft | None:
        if record is None:
            return draft(VERSION, cdr, findings=cdr_findings(cdr))
        if _is_same(cdr, read_document(record)):
            return None
        raise StateConflict("there is another CDR with this id already, and a CDR cannot be changed")

    outcome = update(store().objects, key, decide)
    location = f"{call.base_url}{call.route}/{quote(require(outcome.after, 'CDR').key.id, safe='')}"
    return success(http_status=201 if outcome.before is None else 200, headers={"Location": location})


def get_cdr(call: Call, caller: Caller) -> Answer:
    """The CDR as the partner gave it to us; letter case of its id does not count."""
    key = Key(received_collection(caller.partner, "cdrs"), call.path["cdr_id"])
    return success(require(store().objects.get(key), "CDR").document)


def _is_same(cdr: Document, stored: Document) -> bool:
    """Whether two CDRs say the same; numbers are compared as numbers, ids without regard to case (CDR-18)."""
    return {**cdr, "id": stored["id"]} == stored


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/cdrs", POST=post_cdr),
    OcpiResource("EMSP", "2.1.1/cdrs/{cdr_id:segment}", GET=get_cdr),
]
