"""Own objects: how a write by the operator becomes what is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import NotFound, PreconditionFailed, StateConflict
from ocpi.faults import Fault, Invalid
from ocpi.objects.own import OwnWrites, etag, own_key, require_match
from ocpi.store.update import Outcome, update
from ocpi.strict_json import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.store.port import Objects

OLD, LATER = "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"
Document = dict[str, Any]


@dataclass(frozen=True)
class Things:
    """Rules of a module of no OCPI version: its objects are valid unless they are ``bad`` or ``unsendable``."""

    name: str = "things"
    version: str = "9.9"
    id_field: str = "id"
    folds_ids: bool = False
    are_tokens: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)

    def check(self, document: Any) -> Document:
        if "bad" in document:
            raise Invalid([Fault("/bad", "is not valid")])
        return dict(sorted(document.items()))

    def own_faults(self, document: Document) -> list[Fault]:
        return [Fault("/unsendable", "cannot be sent")] if "unsendable" in document else []

    def completed(self, document: Document) -> Document:
        return {"said": False} | document

    def stamped(self, document: Document, last_updated: str, stored: Document | None) -> Document:
        return document

    def auth_id(self, document: Document) -> str | None:
        return None

    def pending(self, document: Document) -> bool:
        return False

    def objection(self, stored: Document, new: Document) -> str | None:
        return "it is sealed" if "sealed" in stored else None

    def replaced(self, stored: Document, new: Document) -> Document:
        return new | ({"kept": stored["kept"]} if "kept" in stored else {})


THINGS = Things()
KEY = own_key(THINGS, "T1")


def writes(objects: Objects, if_match: str | None) -> OwnWrites:
    return OwnWrites(THINGS, objects, pending_minutes=60, if_match=if_match)


def put(objects: Objects, if_match: str | None = None, *, object_id: str = "T1", **fields: Any) -> Outcome:
    key = own_key(THINGS, object_id)
    return update(objects, key, writes(objects, if_match).put(key, {"id": object_id, **fields}))


def change(objects: Objects, if_match: str | None = None, *, object_id: str = "T1", **fields: Any) -> Outcome:
    key = own_key(THINGS, object_id)
    return update(objects, key, writes(objects, if_match).change(key, lambda stored: stored | fields))


def stored(objects: Objects) -> Any:
    record = objects.get(KEY)
    assert record is not None
    return read(record.document)


def test_an_object_is_stored_completed_canonical_and_for_everybody(objects: Objects) -> None:
    record = put(objects, last_updated=OLD, a=1).after
    assert record is not None
    assert list(read(record.document).items()) == [("a", 1), ("id", "T1"), ("last_updated", OLD), ("said", False)]
    assert (record.version, record.audience, record.last_updated) == ("9.9", "*", OLD)
    assert str(record.key.collection) == "own/things"


def test_the_same_again_writes_nothing(objects: Objects) -> None:
    for fields in ({"last_updated": OLD}, {}, {"said": False}):
        put(objects, **fields)
        assert not put(objects, **fields).changed
    assert not change(objects).changed


@pytest.mark.parametrize("write", [put, change])
def test_what_is_final_can_be_repeated_and_not_changed(objects: Objects, write: Any) -> None:
    put(objects, sealed=True, last_updated=OLD)
    assert not write(objects, sealed=True).changed
    with pytest.raises(StateConflict, match="it is sealed"):
        write(objects, sealed=True, a=1)


def test_a_replacement_keeps_what_the_rules_keep(objects: Objects) -> None:
    put(objects, kept="k", other="o", last_updated=OLD)
    put(objects, last_updated=LATER)
    assert stored(objects) == {"id": "T1", "kept": "k", "said": False, "last_updated": LATER}


def test_a_change_moves_last_updated_unless_it_is_given(objects: Objects) -> None:
    put(objects, last_updated=OLD)
    change(objects, a=1, last_updated=LATER)
    assert stored(objects)["last_updated"] == LATER
    change(objects, a=2)
    assert stored(objects)["last_updated"] > LATER
    with pytest.raises(StateConflict):
        change(objects, a=3, last_updated=LATER)
    assert stored(objects)["a"] == 2


@pytest.mark.parametrize("write", [put, change])
@pytest.mark.parametrize("fault", ["bad", "unsendable"])
def test_what_is_not_valid_or_cannot_be_sent_is_not_stored(objects: Objects, write: Any, fault: str) -> None:
    put(objects, last_updated=OLD)
    with pytest.raises(Invalid) as refusal:
        write(objects, **{fault: 1})
    assert [found.pointer for found in refusal.value.faults] == [f"/{fault}"]
    assert stored(objects) == {"id": "T1", "said": False, "last_updated": OLD}


def test_what_is_not_there_or_spelled_otherwise_cannot_be_changed(objects: Objects) -> None:
    with pytest.raises(NotFound):
        change(objects)
    put(objects)
    with pytest.raises(NotFound):
        change(objects, object_id="t1")
    with pytest.raises(Invalid):
        put(objects, object_id="t1")


@pytest.mark.parametrize("write", [put, change])
def test_a_write_for_another_revision_is_refused(objects: Objects, write: Any) -> None:
    first = put(objects).after
    assert first is not None
    second = change(objects, if_match=etag(first), a=1).after
    assert second is not None
    for stale in (etag(first), '"other"', ""):
        with pytest.raises(PreconditionFailed):
            write(objects, if_match=stale, a=2)
    assert write(objects, if_match=f'"other" , {etag(second)}', a=3).changed
    assert write(objects, if_match="*", a=4).changed


def test_a_precondition_on_what_is_not_there_fails_and_none_never(objects: Objects) -> None:
    with pytest.raises(PreconditionFailed):
        put(objects, if_match="*")
    require_match(None, None)
    assert objects.get(KEY) is None


def test_an_object_that_was_deleted_and_made_anew_has_another_tag(objects: Objects) -> None:
    first = put(objects, last_updated=OLD).after
    assert first is not None
    objects.delete(KEY, expected=first.revision)
    anew = put(objects, last_updated=OLD).after
    assert anew is not None
    assert first.revision == anew.revision
    assert etag(first) != etag(anew)
