"""Objects that partners give us: whose they are, and how they are found, written and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import LocationNotFound, NotFound
from ocpi.faults import Invalid
from ocpi.objects.received import (
    delete_exact,
    get_exact,
    owned_collection,
    received_collection,
    refuse_other_spelling,
    require,
    write,
)
from ocpi.store.port import Collection, Key, Partner, PartnerStatus, Record

if TYPE_CHECKING:
    from ocpi.store.port import Objects

OLD, LATER = "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"
PARTNER = Partner(
    *("p1", "CPO", "Name", PartnerStatus.REGISTERED, "2026-01-01T00:00:00.000000Z"), country_code="FR", party_id="CPO"
)
TARIFFS = Collection("FR-CPO", "tariffs")
KEY = Key(TARIFFS, "T1")


def put(objects: Objects, key: Key = KEY, **fields: Any) -> Any:
    return write(objects, key, "2.1.1", lambda _: {"id": key.id, "last_updated": OLD, **fields})


def test_what_a_partner_gave_us_belongs_to_its_party() -> None:
    assert received_collection(PARTNER, "tariffs") == TARIFFS


@pytest.mark.req("LOC-49", "TAR-11", "TOK-05")
@pytest.mark.parametrize("owner", [("FR", "CPO"), ("fr", "cpo"), ("Fr", "cPO")])
def test_a_url_may_spell_its_owner_in_any_case(owner: tuple[str, str]) -> None:
    path = {"country_code": owner[0], "party_id": owner[1]}
    assert owned_collection(PARTNER, path, "tariffs") == TARIFFS


@pytest.mark.req("LOC-49", "TAR-11", "TOK-05")
@pytest.mark.parametrize("owner", [("DE", "CPO"), ("FR", "CP"), ("FR", "CPO "), ("FRC", "PO"), ("", "")])
def test_a_url_of_another_party_is_not_found(owner: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        owned_collection(PARTNER, {"country_code": owner[0], "party_id": owner[1]}, "tariffs")


def test_an_object_is_found_under_its_own_spelling_only(objects: Objects) -> None:
    put(objects)
    found = get_exact(objects, KEY)
    assert found is not None
    assert found.key == KEY
    assert get_exact(objects, Key(TARIFFS, "t1")) is None
    assert get_exact(objects, Key(TARIFFS, "T2")) is None
    assert get_exact(objects, Key(Collection("FR-TWO", "tariffs"), "T1")) is None


def test_require_gives_the_thing_or_refuses_in_the_way_that_is_asked() -> None:
    assert require(0, "number") == 0
    with pytest.raises(NotFound, match="there is no such tariff"):
        require(None, "tariff")
    with pytest.raises(LocationNotFound):
        require(None, "EVSE", LocationNotFound)


def test_a_write_sees_what_is_stored_and_the_same_again_changes_nothing(objects: Objects) -> None:
    assert put(objects, n=1).before is None
    seen: list[Any] = []

    def change(stored: Any) -> Any:
        seen.append(stored)
        return stored | {"n": 2, "last_updated": LATER}

    assert write(objects, KEY, "2.1.1", change).changed
    assert seen == [{"id": "T1", "last_updated": OLD, "n": 1}]
    assert not write(objects, KEY, "2.1.1", change).changed
    record = objects.get(KEY)
    assert record is not None
    assert (record.last_updated, record.audience, record.revision) == (LATER, None, 2)


@pytest.mark.parametrize(("module", "pointer"), [("tariffs", "/id"), ("tokens", "/uid")])
def test_an_id_that_differs_from_a_stored_one_only_by_case_is_refused(
    objects: Objects, module: str, pointer: str
) -> None:
    collection = Collection("FR-CPO", module)
    put(objects, Key(collection, "T1"))
    with pytest.raises(Invalid) as refusal:
        put(objects, Key(collection, "t1"))
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]
    refuse_other_spelling(None, Key(collection, "t1"))


@pytest.mark.req("TAR-07", "TAR-08")
def test_an_object_is_deleted_once_and_under_its_own_spelling(objects: Objects) -> None:
    put(objects)
    assert delete_exact(objects, Key(TARIFFS, "t1")) is None
    deleted = delete_exact(objects, KEY)
    assert deleted is not None
    assert deleted.key == KEY
    assert objects.get(KEY) is None
    assert delete_exact(objects, KEY) is None


def test_what_is_deleted_is_what_another_writer_has_just_written(objects: Objects) -> None:
    put(objects)
    seen: list[int] = []

    def write_in_between(record: Record) -> None:
        seen.append(record.revision)
        if record.revision == 1:
            put(objects, n=2)

    deleted = delete_exact(objects, KEY, write_in_between)
    assert deleted is not None
    assert (seen, deleted.revision) == ([1, 2], 2)
    assert objects.get(KEY) is None


def test_what_is_not_approved_stays(objects: Objects) -> None:
    put(objects)

    def keep(record: Record) -> None:
        raise LocationNotFound("kept")

    with pytest.raises(LocationNotFound):
        delete_exact(objects, KEY, keep)
    assert objects.get(KEY) is not None
