"""``/operator/2.1.1/{module}``: our own objects, whatever the module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiences import asked_audience, audience_shown
from lists import list_objects
from modules import own_module

from ocpi.deployment import store
from ocpi.errors import MethodNotAllowed
from ocpi.faults import Fault, Invalid
from ocpi.objects.documents import read_document, sound_document
from ocpi.objects.identity import require_same_id
from ocpi.objects.own import OwnWrites, etag, is_spelled, own_key, require_match
from ocpi.objects.received import delete_exact, require
from ocpi.objects.tokens import find_token, read_token_type
from ocpi.settings import settings
from ocpi.store.port import OWN, Collection, Key, Record
from ocpi.store.update import Outcome, update
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.v2_1_1.module_rules import ModuleRules

Document = dict[str, Any]


def list_own(call: Call) -> Answer:
    """A page of our own objects of a module."""
    return list_objects(call, Collection(OWN, own_module(call).name))


def get_own(call: Call) -> Answer:
    """The plain object."""
    record = _find(call, own_module(call))
    return Answer(200, record.document, {"ETag": etag(record)})


def put_own_object(call: Call) -> Answer:
    """Create or replace."""
    rules = own_module(call)
    body = rules.check_own(call.json())
    require_same_id(body, rules.id_field, call.path["object_id"], folds=rules.folds_ids)
    _require_same_type(call, rules, body)
    key = own_key(rules, rules.object_id(body))
    return written(rules, update(store().objects, key, own_writes(call, rules).put(key, body)))


def own_writes(call: Call, rules: ModuleRules) -> OwnWrites:
    """Writes as this call asks for them: ``?partner=`` says whose a session or CDR is, ``If-Match`` which revision."""
    return OwnWrites(
        rules,
        store().objects,
        settings().pending_session_minutes,
        audience=asked_audience(call, rules),
        if_match=call.headers.get("if-match"),
    )


def patch_own_object(call: Call) -> Answer:
    """Merge the given fields."""
    rules = own_module(call)
    patch = rules.check_patch(call.json())
    require_same_id(patch, rules.id_field, call.path["object_id"], folds=rules.folds_ids)
    key = _find(call, rules).key
    if rules.name == "tokens":
        require_same_id(patch, "type", key.id.partition("/")[0])
    decide = own_writes(call, rules).change(key, lambda stored: rules.merged(stored, patch))
    return written(rules, update(store().objects, key, decide))


def delete_own(call: Call) -> Answer:
    """Delete an object, if OCPI has a way to tell partners so: only tariffs."""
    rules = own_module(call)
    if not rules.deletable:
        raise MethodNotAllowed(f"OCPI lets nobody delete {rules.name}", ["GET", "PATCH", "PUT"])
    key, if_match = _find(call, rules).key, call.headers.get("if-match")
    require(delete_exact(store().objects, key, lambda record: require_match(record, if_match)), "object")
    return Answer(204, "")


def written(
    rules: ModuleRules, outcome: Outcome, pick: Callable[[Document], Document | None] = lambda document: document
) -> Answer:
    """The answer to a write; ``pick`` takes the part of the object that was written, which decides what is new."""
    record = require(outcome.after, "object")
    document = read_document(record)
    known = sound_document(outcome.before) if outcome.before is not None else None
    before = pick(known) if known is not None else None
    return answer_json(
        {"object": pick(document), "audience": audience_shown(record.audience), "warnings": _warnings(rules, document)},
        http_status=201 if before is None else 200,
        headers={"ETag": etag(record)},
    )


def _warnings(rules: ModuleRules, document: Document) -> list[str]:
    named = rules.tariff_ids(document)
    tariffs = store().objects.get_many([Key(Collection(OWN, "tariffs"), tariff_id) for tariff_id in named])
    known = {tariff.key.id for tariff in tariffs if tariff is not None}
    dangling = [f"{pointer}: there is no such tariff" for tariff_id, pointer in named.items() if tariff_id not in known]
    return [*rules.own_warnings(document), *dangling]


def _find(call: Call, rules: ModuleRules) -> Record:
    object_id = call.path["object_id"]
    if rules.name == "tokens":
        token_type = read_token_type(call.query)
        return require(find_token(store().objects, Collection(OWN, "tokens"), object_id, token_type), "token")
    key = own_key(rules, object_id)
    record = store().objects.get(key)
    return require(record if is_spelled(rules, record, key) else None, "object")


def _require_same_type(call: Call, rules: ModuleRules, body: Document) -> None:
    if rules.name == "tokens" and read_token_type(call.query) not in (None, body["type"]):
        raise Invalid([Fault("/type", "is not the type in the URL")])


RESOURCES = [
    OperatorResource("/2.1.1/{module:segment}", GET=list_own),
    OperatorResource(
        "/2.1.1/{module:segment}/{object_id:segment}",
        GET=get_own,
        PUT=put_own_object,
        PATCH=patch_own_object,
        DELETE=delete_own,
    ),
]
