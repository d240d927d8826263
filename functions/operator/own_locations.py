"""``/operator/2.1.1/locations/{id}/evses/…``: one EVSE or connector of a location of ours.

A change of one is a change of its location, so that ``last_updated`` moves up and writers do not overwrite
each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules import named_own_module
from own_objects import own_writes, written

from ocpi.deployment import store
from ocpi.objects.documents import read_document
from ocpi.objects.identity import require_same_id
from ocpi.objects.own import etag, own_key
from ocpi.objects.received import get_exact, require
from ocpi.store.update import update
from ocpi.transport.operator_surface import OperatorResource, answer_json
from ocpi.v2_1_1 import location_tree as tree
from ocpi.v2_1_1 import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def get_evse(call: Call) -> Answer:
    """The plain EVSE."""
    return _get(call, lambda location: tree.find_evse(location, call.path["uid"]))


def put_evse(call: Call) -> Answer:
    """Add or replace one EVSE."""
    evse = models.check(models.EVSE, call.json(), last_updated="optional")
    require_same_id(evse, "uid", call.path["uid"])
    return _change_evse(call, lambda location: tree.put_evse(location, evse))


def patch_evse(call: Call) -> Answer:
    """Merge the given fields into one EVSE: ``{"status": "CHARGING"}`` is the everyday call."""
    uid = call.path["uid"]
    patch = models.check_patch(models.EVSE, call.json(), last_updated="optional")
    require_same_id(patch, "uid", uid)
    return _change_evse(call, lambda location: _patched(location, uid, tree.patch_of_evse(uid, patch)))


def delete_evse(call: Call) -> Answer:
    """Set its status to REMOVED; an EVSE never disappears."""
    uid = call.path["uid"]
    return _change_evse(call, lambda location: _patched(location, uid, tree.patch_of_evse(uid, {"status": "REMOVED"})))


def get_connector(call: Call) -> Answer:
    """The plain connector."""
    return _get(call, lambda location: tree.find_connector(location, call.path["uid"], call.path["connector_id"]))


def put_connector(call: Call) -> Answer:
    """Add or replace one connector of a known EVSE."""
    uid = call.path["uid"]
    connector = models.check(models.Connector, call.json(), last_updated="optional")
    require_same_id(connector, "id", call.path["connector_id"])

    def change(location: Document) -> Document:
        require(tree.find_evse(location, uid), "EVSE")
        return tree.put_connector(location, uid, connector)

    return _change_connector(call, change)


def patch_connector(call: Call) -> Answer:
    """Merge the given fields into one connector."""
    uid, connector_id = call.path["uid"], call.path["connector_id"]
    patch = models.check_patch(models.Connector, call.json(), last_updated="optional")
    require_same_id(patch, "id", connector_id)

    def change(location: Document) -> Document:
        require(tree.find_connector(location, uid, connector_id), "connector")
        return tree.patch_location(location, tree.patch_of_connector(uid, connector_id, patch))

    return _change_connector(call, change)


def _patched(location: Document, uid: str, patch: Document) -> Document:
    require(tree.find_evse(location, uid), "EVSE")
    return tree.patch_location(location, patch)


def _change_evse(call: Call, change: Callable[[Document], Document]) -> Answer:
    return _change(call, change, lambda location: tree.find_evse(location, call.path["uid"]))


def _change_connector(call: Call, change: Callable[[Document], Document]) -> Answer:
    uid, connector_id = call.path["uid"], call.path["connector_id"]
    return _change(call, change, lambda location: tree.find_connector(location, uid, connector_id))


def _change(call: Call, change: Callable[[Document], Document], pick: Callable[[Document], Document | None]) -> Answer:
    rules = named_own_module("locations")
    key = own_key(rules, call.path["location_id"])
    decide = own_writes(call, rules).change(key, change)
    return written(rules, update(store().objects, key, decide), pick)


def _get(call: Call, pick: Callable[[Document], Document | None]) -> Answer:
    record = require(
        get_exact(store().objects, own_key(named_own_module("locations"), call.path["location_id"])), "location"
    )
    return answer_json(require(pick(read_document(record)), "part of this location"), headers={"ETag": etag(record)})


_EVSE = "/2.1.1/locations/{location_id:segment}/evses/{uid:segment}"
RESOURCES = [
    OperatorResource(_EVSE, GET=get_evse, PUT=put_evse, PATCH=patch_evse, DELETE=delete_evse),
    OperatorResource(
        _EVSE + "/connectors/{connector_id:segment}", GET=get_connector, PUT=put_connector, PATCH=patch_connector
    ),
]
