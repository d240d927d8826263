"""Our own locations, as eMSP partners read them (OCPI 2.1.1, section 8.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.errors import LocationNotFound
from ocpi.objects.documents import read_document
from ocpi.objects.received import get_exact
from ocpi.registration.rewriting import rewriting, rewritten, rewritten_text
from ocpi.store.port import OWN, Collection, Key, Record
from ocpi.transport.envelope import success, success_object
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.transport.paging import list_page
from ocpi.v2_1_1.location_tree import find_connector, find_evse

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

COLLECTION = Collection(OWN, "locations")


def list_locations(call: Call, caller: Caller) -> Answer:
    """A page of our locations."""
    rewrite = rewriting(caller.partner, "Location")
    return list_page(call, store(), COLLECTION, reader=caller.partner.id, rewrite=rewrite)


def get_location(call: Call, caller: Caller) -> Answer:
    """One location, with all its EVSEs."""
    return success(rewritten_text(caller.partner, "Location", _location(call).document))


def get_evse(call: Call, caller: Caller) -> Answer:
    """One EVSE."""
    evse = find_evse(read_document(_location(call)), call.path["evse_uid"])
    if evse is None:
        raise LocationNotFound("there is no such EVSE at this location")
    return success_object(rewritten(caller.partner, "EVSE", evse))


def get_connector(call: Call, caller: Caller) -> Answer:
    """One connector."""
    location = read_document(_location(call))
    connector = find_connector(location, call.path["evse_uid"], call.path["connector_id"])
    if connector is None:
        raise LocationNotFound("there is no such connector at this EVSE")
    return success_object(rewritten(caller.partner, "Connector", connector))


def _location(call: Call) -> Record:
    record = get_exact(store().objects, Key(COLLECTION, call.path["location_id"]))
    if record is None:
        raise LocationNotFound("there is no such location")
    return record


_LOCATION = "2.1.1/locations/{location_id:segment}"
RESOURCES = [
    OcpiResource("CPO", "2.1.1/locations", GET=list_locations),
    OcpiResource("CPO", _LOCATION, GET=get_location),
    OcpiResource("CPO", _LOCATION + "/{evse_uid:segment}", GET=get_evse),
    OcpiResource("CPO", _LOCATION + "/{evse_uid:segment}/{connector_id:segment}", GET=get_connector),
]
