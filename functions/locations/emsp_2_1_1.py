"""Locations that CPO partners push to us (OCPI 2.1.1, section 8.2.2).

A change of an EVSE or connector is a change of the location that holds it: read, changed, checked as a whole and
written on condition that nobody else wrote in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ocpi.deployment import store
from ocpi.errors import LocationNotFound
from ocpi.objects.documents import read_document
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import get_exact, owned_collection, require, taking, write
from ocpi.store.port import Key
from ocpi.store.update import update
from ocpi.transport.envelope import success, success_object
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION, models
from ocpi.v2_1_1 import location_tree as tree
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.update import Outcome
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]
_T = TypeVar("_T")


def get_location(call: Call, caller: Caller) -> Answer:
    """The location as the partner gave it to us."""
    return success(_known(get_exact(store().objects, _key(call, caller)), "location").document)


def get_evse(call: Call, caller: Caller) -> Answer:
    """One of its EVSEs."""
    return success_object(_known(tree.find_evse(_read(call, caller), call.path["evse_uid"]), "EVSE"))


def get_connector(call: Call, caller: Caller) -> Answer:
    """One of its connectors."""
    uid, connector_id = call.path["evse_uid"], call.path["connector_id"]
    return success_object(_known(tree.find_connector(_read(call, caller), uid, connector_id), "connector"))


def put_location(call: Call, caller: Caller) -> Answer:
    """Create or replace a location. EVSEs that it no longer lists are kept as REMOVED."""
    key = _key(call, caller)
    location = models.check(models.Location, call.json())
    require_same_id(location, "id", key.id)

    outcome = update(store().objects, key, taking(require_rules("locations"), key, location))
    return success(http_status=201 if outcome.before is None else 200)


def put_evse(call: Call, caller: Caller) -> Answer:
    """Add or replace one EVSE of a known location."""
    key, uid = _key(call, caller), call.path["evse_uid"]
    evse = models.check(models.EVSE, call.json())
    require_same_id(evse, "uid", uid)
    outcome = _change(key, lambda location: tree.put_evse(location, evse))
    return success(http_status=201 if tree.find_evse(_before(outcome), uid) is None else 200)


def put_connector(call: Call, caller: Caller) -> Answer:
    """Add or replace one connector of a known EVSE."""
    key, uid, connector_id = _key(call, caller), call.path["evse_uid"], call.path["connector_id"]
    connector = models.check(models.Connector, call.json())
    require_same_id(connector, "id", connector_id)

    def change(location: Document) -> Document:
        _known(tree.find_evse(location, uid), "EVSE")
        return tree.put_connector(location, uid, connector)

    outcome = _change(key, change)
    return success(http_status=201 if tree.find_connector(_before(outcome), uid, connector_id) is None else 200)


def patch_location(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a location."""
    key = _key(call, caller)
    patch = models.check_patch(models.Location, call.json())
    require_same_id(patch, "id", call.path["location_id"])
    _change(key, lambda location: tree.patch_location(location, patch))
    return success()


def patch_evse(call: Call, caller: Caller) -> Answer:
    """Change the given fields of an EVSE; ``{"status": "REMOVED"}`` is how one is deleted."""
    key, uid = _key(call, caller), call.path["evse_uid"]
    patch = models.check_patch(models.EVSE, call.json())
    require_same_id(patch, "uid", uid)

    def change(location: Document) -> Document:
        _known(tree.find_evse(location, uid), "EVSE")
        return tree.patch_location(location, tree.patch_of_evse(uid, patch))

    _change(key, change)
    return success()


def patch_connector(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a connector."""
    key, uid, connector_id = _key(call, caller), call.path["evse_uid"], call.path["connector_id"]
    patch = models.check_patch(models.Connector, call.json())
    require_same_id(patch, "id", connector_id)

    def change(location: Document) -> Document:
        _known(tree.find_connector(location, uid, connector_id), "connector")
        return tree.patch_location(location, tree.patch_of_connector(uid, connector_id, patch))

    _change(key, change)
    return success()


def _change(key: Key, change: Callable[[Document], Document]) -> Outcome:
    """Change a known location and write it if the whole is still valid."""

    def checked(stored: Document | None) -> Document:
        return tree.raise_parents(models.check(models.Location, change(_known(stored, "location"))))

    return write(store().objects, key, VERSION, checked)


def _key(call: Call, caller: Caller) -> Key:
    return Key(owned_collection(caller.partner, call.path, "locations"), call.path["location_id"])


def _read(call: Call, caller: Caller) -> Document:
    return read_document(_known(get_exact(store().objects, _key(call, caller)), "location"))


def _before(outcome: Outcome) -> Document:
    return read_document(_known(outcome.before, "location"))


def _known(thing: _T | None, what: str) -> _T:
    return require(thing, what, LocationNotFound)


_LOCATION = "2.1.1/locations/{country_code:segment}/{party_id:segment}/{location_id:segment}"
RESOURCES = [
    OcpiResource("EMSP", "2.1.1/locations"),
    OcpiResource("EMSP", _LOCATION, GET=get_location, PUT=put_location, PATCH=patch_location),
    OcpiResource("EMSP", _LOCATION + "/{evse_uid:segment}", GET=get_evse, PUT=put_evse, PATCH=patch_evse),
    OcpiResource(
        "EMSP",
        _LOCATION + "/{evse_uid:segment}/{connector_id:segment}",
        GET=get_connector,
        PUT=put_connector,
        PATCH=patch_connector,
    ),
]
