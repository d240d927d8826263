"""Our own CDRs, as eMSP partners read them: each those of its own tokens (OCPI 2.1.1, section 10.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.registration.rewriting import rewriting
from ocpi.store.port import OWN, Collection
from ocpi.transport.ocpi_surface import OcpiResource, list_only
from ocpi.transport.paging import list_page

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def list_cdrs(call: Call, caller: Caller) -> Answer:
    """A page of the caller's CDRs."""
    partner = caller.partner
    audience, rewrite = str(partner.party), rewriting(partner, "CDR")
    collection = Collection(OWN, "cdrs")
    return list_page(call, store(), collection, reader=partner.id, audience=audience, rewrite=rewrite)


RESOURCES = [
    OcpiResource("CPO", "2.1.1/cdrs", GET=list_cdrs),
    OcpiResource("CPO", "2.1.1/cdrs/{cdr_id:segment}", GET=list_only),
]
