"""Our own tokens, as CPO partners read them (OCPI 2.1.1, section 12.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.store.port import OWN, Collection
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.transport.paging import list_page

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def list_tokens(call: Call, caller: Caller) -> Answer:
    """A page of our tokens, withdrawn ones included."""
    return list_page(call, store(), Collection(OWN, "tokens"), reader=caller.partner.id)


RESOURCES = [OcpiResource("EMSP", "2.1.1/tokens", GET=list_tokens)]
