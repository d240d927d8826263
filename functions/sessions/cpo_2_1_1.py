"""Our own sessions, as eMSP partners read them: each those of its own tokens (OCPI 2.1.1, section 9.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.errors import BadParameter
from ocpi.registration.rewriting import rewriting
from ocpi.store.port import OWN, Collection
from ocpi.transport.ocpi_surface import OcpiResource, list_only
from ocpi.transport.paging import list_page

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def list_sessions(call: Call, caller: Caller) -> Answer:
    """A page of the caller's sessions. ``date_from`` is required here, and nowhere else (reading A-22)."""
    if "date_from" not in call.query:
        raise BadParameter("date_from", "is required")
    partner = caller.partner
    audience, rewrite = str(partner.party), rewriting(partner, "Session")
    collection = Collection(OWN, "sessions")
    return list_page(call, store(), collection, reader=partner.id, audience=audience, rewrite=rewrite)


RESOURCES = [
    OcpiResource("CPO", "2.1.1/sessions", GET=list_sessions),
    OcpiResource("CPO", "2.1.1/sessions/{session_id:segment}", GET=list_only),
]
