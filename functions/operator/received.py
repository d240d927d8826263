"""``/operator/partners/{id}/{module}``: what a partner gave us, by push or pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lists import list_objects
from modules import partners_module
from partners import known_partner

from ocpi.deployment import store
from ocpi.objects.own import etag
from ocpi.objects.received import get_exact, received_collection, require
from ocpi.objects.tokens import find_token, read_token_type
from ocpi.store.port import Key
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource

if TYPE_CHECKING:
    from ocpi.store.port import Collection


def list_received(call: Call) -> Answer:
    """A page of what the partner gave us of a module."""
    return list_objects(call, _collection(call))


def get_received(call: Call) -> Answer:
    """One object, as the partner gave it."""
    collection, object_id = _collection(call), call.path["object_id"]
    if collection.module == "tokens":
        record = find_token(store().objects, collection, object_id, read_token_type(call.query))
    else:
        record = get_exact(store().objects, Key(collection, object_id))
    record = require(record, "object")
    return Answer(200, record.document, {"ETag": etag(record)})


def _collection(call: Call) -> Collection:
    partner = known_partner(call)
    return received_collection(partner, partners_module(call, partner).name)


RESOURCES = [
    OperatorResource("/partners/{id:segment}/{module:segment}", GET=list_received),
    OperatorResource("/partners/{id:segment}/{module:segment}/{object_id:segment}", GET=get_received),
]
