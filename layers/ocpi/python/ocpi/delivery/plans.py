"""What is sent about an object, as its OCPI version has it: the one place where deliveries meet a version."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.objects.journal import changed_since
from ocpi.v2_1_1 import pushes
from ocpi.v2_1_1.module_rules import module_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Record
    from ocpi.v2_1_1.pushes import PushRequest

Document = dict[str, Any]


@lru_cache(maxsize=256)
def _parsed(document: str) -> Document:
    """Twenty partners get the same object within a moment. Whoever reads it must not change it."""
    value: Document = strict_json.read(document)
    return value


@lru_cache(maxsize=256)
def _whole_with_nulls(module: str, document: str) -> str:
    return strict_json.write(pushes.whole(module, _parsed(document), nulls=True).body)


def plan(record: Record, holds: str | None, *, patch: bool, nulls: bool) -> list[PushRequest]:
    """The requests that bring a partner up to date that took the write ``holds`` last."""
    module = record.key.collection.module
    changed = changed_since(record, holds) if patch else None
    return pushes.push_plan(module, _parsed(record.document), changed, patch=patch, nulls=nulls)


def whole(record: Record, *, nulls: bool) -> PushRequest:
    """The request that gives the partner all of it."""
    return pushes.whole(record.key.collection.module, _parsed(record.document), nulls=nulls)


def deletion(module: str, object_id: str) -> PushRequest:
    """The request that deletes an object of ours at the partner."""
    return pushes.deletion(module, object_id)


def lookup(module: str, object_id: str) -> PushRequest:
    """The request that asks for an object of ours."""
    return pushes.lookup(module, object_id)


def body_text(record: Record | None, request: PushRequest, *, nulls: bool) -> str | None:
    """The body of a request as JSON text."""
    if request.body is None:
        return None
    if request.whole and record is not None:
        # What is stored is the canonical text of the object already.
        return _whole_with_nulls(record.key.collection.module, record.document) if nulls else record.document
    return strict_json.write(request.body)


def is_shown(record: Record, data: Any, at: Sequence[str] = ()) -> bool:
    """Whether what the partner's GET shows is the object, or the part of it at this place, as we have it."""
    return not differences(record, data, at)


def differences(record: Record, data: Any, at: Sequence[str] = ()) -> list[str]:
    """JSON pointers to where it is not."""
    return pushes.same(record.key.collection.module, _parsed(record.document), data, at=at)


def is_named(record: Record, data: Any) -> bool:
    """Whether what the partner's GET shows is an object of this id, whatever else it says."""
    return has_id(record.key.collection.module, record.key.id, data)


def has_id(module: str, object_id: str, data: Any) -> bool:
    """The same, of the id that one of our own objects has in the store."""
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    rules = module_rules(module)
    if rules is None or not isinstance(data, dict):
        return False
    return str(data.get(rules.id_field)).lower() == object_id.rpartition("/")[2].lower()


def object_id(module: str, document: str) -> str:
    """The id in the store of one of our own objects."""
    rules = module_rules(module)
    assert rules is not None  # noqa: S101 - for the type checker: our own modules have rules
    return rules.object_id(strict_json.read(document))
