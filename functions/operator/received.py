"""``/operator/partners/{id}/{module}``: what a partner gave us, by push or pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lists import list_objects
from modules import partners_module
from partners import known_partner

from ocpi.deployment import store
from ocpi.objects.own import etag, is_spelled
from ocpi.objects.received import received_collection, require
from ocpi.objects.tokens import find_token, read_token_type
from ocpi.store.port import Key
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.store.port import Collection, Record


def list_received(call: Call) -> Answer:
    """A page of what the partner gave us of a module."""
    return list_objects(call, _collection(call))


def get_received(call: Call) -> Answer:
    """One object, as the partner gave it."""
    record = _find(call)
    return Answer(200, record.document, {"ETag": etag(record)})


def get_findings(call: Call) -> Answer:
    """What was remarkable about an object when the partner gave it, which is kept beside it."""
    record = _find(call)
    return answer_json({"findings": list(record.findings), "received_at": record.received})


def _find(call: Call) -> Record:
    partner = known_partner(call)
    rules, object_id = partners_module(call, partner), call.path["object_id"]
    collection = received_collection(partner, rules.name)
    if rules.name == "tokens":
        return require(find_token(store().objects, collection, object_id, read_token_type(call.query)), "token")
    key = Key(collection, object_id)
    record = store().objects.get(key)
    return require(record if is_spelled(rules, record, key) else None, "object")


def _collection(call: Call) -> Collection:
    partner = known_partner(call)
    return received_collection(partner, partners_module(call, partner).name)


_MODULE = "/partners/{id:segment}/{module:segment}"
RESOURCES = [
    OperatorResource(_MODULE, GET=list_received),
    OperatorResource(_MODULE + "/{object_id:segment}", GET=get_received),
    OperatorResource(_MODULE + "/{object_id:segment}/findings", GET=get_findings),
]
