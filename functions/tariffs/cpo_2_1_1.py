"""Our own tariffs, as eMSP partners read them (OCPI 2.1.1, section 11.2.1)."""

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


def list_tariffs(call: Call, caller: Caller) -> Answer:
    """A page of our tariffs."""
    rewrite = rewriting(caller.partner, "Tariff")
    return list_page(call, store(), Collection(OWN, "tariffs"), reader=caller.partner.id, rewrite=rewrite)


RESOURCES = [
    OcpiResource("CPO", "2.1.1/tariffs", GET=list_tariffs),
    OcpiResource("CPO", "2.1.1/tariffs/{tariff_id:segment}", GET=list_only),
]
