"""Own sessions and CDRs: their audience, when they are looked at again, and what is final."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import StateConflict
from ocpi.objects.own import OwnWrites, own_key
from ocpi.store.update import update
from ocpi.strict_json import read
from ocpi.times import now_wire, parse_instant, to_wire
from ocpi.v2_1_1.module_rules import ModuleRules, module_rules
from tests.unit.objects.tokens_of_partners import BOB, TNM, give_token
from tests.unit.v2_1_1.examples import example

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

PENDING_MINUTES = 30
AUTH_ID = "NL-EXM-C00000001-A"
BASES = {"sessions": "session_max", "cdrs": "cdr_max"}

both = pytest.mark.parametrize("module", BASES)


def rules(module: str) -> ModuleRules:
    found = module_rules(module)
    assert found is not None
    return found


def writes(objects: Objects, module: str, audience: str | None = None) -> OwnWrites:
    return OwnWrites(rules(module), objects, PENDING_MINUTES, audience=audience)


def put(objects: Objects, module: str, audience: str | None = None, **fields: Any) -> Record:
    body = rules(module).check_own({**example(BASES[module]), "id": "X", **fields})
    key = own_key(rules(module), body["id"])
    record = update(objects, key, writes(objects, module, audience).put(key, body)).after
    assert record is not None
    return record


def change(objects: Objects, module: str, audience: str | None = None, **fields: Any) -> Record:
    key = own_key(rules(module), "X")
    record = update(objects, key, writes(objects, module, audience).change(key, lambda stored: stored | fields)).after
    assert record is not None
    return record


def look_again(objects: Objects, module: str = "sessions", *, minutes: int) -> Record:
    """As if so many minutes had passed since now."""
    key = own_key(rules(module), "X")
    record = update(objects, key, writes(objects, module).look_again(key, later(now_wire(), minutes))).after
    assert record is not None
    return record


def later(instant: str, minutes: int) -> str:
    return to_wire(parse_instant(instant) + timedelta(minutes=minutes))


@both
def test_what_names_a_known_token_is_the_partners_and_waits_for_nothing(objects: Objects, module: str) -> None:
    give_token(objects, TNM, AUTH_ID.lower())
    record = put(objects, module)
    assert (record.audience, record.lookup, record.due) == (TNM, None, None)


@both
def test_what_names_an_unknown_token_waits_for_it(objects: Objects, module: str) -> None:
    record = put(objects, module)
    assert (record.audience, record.lookup) == (None, f"waiting/{AUTH_ID.lower()}")
    assert record.due == later(record.created, 1)
    again = put(objects, module)
    assert again == record


@both
def test_a_change_of_what_waits_is_a_look_for_its_token_too(objects: Objects, module: str) -> None:
    put(objects, module)
    give_token(objects, BOB, AUTH_ID)
    record = put(objects, module)
    assert (record.audience, record.lookup, record.due) == (BOB, None, None)


def test_what_waits_for_another_token_is_found_under_that(objects: Objects) -> None:
    before = put(objects, "sessions", status="ACTIVE")
    record = change(objects, "sessions", auth_id="OTHER")
    assert (record.lookup, record.due) == ("waiting/other", before.due)


@both
def test_the_audience_is_settled_once(objects: Objects, module: str) -> None:
    put(objects, module)
    assert put(objects, module, audience=TNM).audience == TNM
    give_token(objects, BOB, AUTH_ID)
    assert put(objects, module).audience == TNM
    for write in (put, change):
        assert write(objects, module, audience=TNM).audience == TNM
        with pytest.raises(StateConflict, match="settled once"):
            write(objects, module, audience=BOB)


@pytest.mark.req("SES-24")
@pytest.mark.parametrize(("known", "minutes"), [(True, PENDING_MINUTES), (False, 1)])
def test_a_pending_session_is_looked_at_when_its_time_is_over_or_before_for_its_token(
    objects: Objects, known: bool, minutes: int
) -> None:
    if known:
        give_token(objects, TNM, AUTH_ID)
    record = put(objects, "sessions", status="PENDING")
    assert record.due == later(record.created, minutes)


@pytest.mark.req("SES-24")
@pytest.mark.parametrize("known", [True, False])
def test_a_session_that_stays_pending_becomes_invalid_just_after_its_time(objects: Objects, known: bool) -> None:
    if known:
        give_token(objects, TNM, AUTH_ID)
    before = put(objects, "sessions", status="PENDING")
    assert look_again(objects, minutes=PENDING_MINUTES - 1).document == before.document
    after = look_again(objects, minutes=PENDING_MINUTES + 1)
    changed = read(before.document) | {"status": "INVALID", "last_updated": after.last_updated}
    assert read(after.document) == changed
    assert after.last_updated > before.last_updated
    assert (after.audience, after.due is None) == (TNM if known else None, known)
    with pytest.raises(StateConflict, match="INVALID"):
        change(objects, "sessions", status="ACTIVE")


def test_a_time_in_the_future_does_not_go_back_when_a_session_becomes_invalid(objects: Objects) -> None:
    put(objects, "sessions", status="PENDING", last_updated="2999-01-01T00:00:00Z")
    record = look_again(objects, minutes=PENDING_MINUTES + 1)
    assert (read(record.document)["status"], record.last_updated) == ("INVALID", "2999-01-01T00:00:00Z")


@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETED", "INVALID"])
def test_a_session_that_left_pending_is_left_alone(objects: Objects, status: str) -> None:
    give_token(objects, TNM, AUTH_ID)
    put(objects, "sessions", status="PENDING")
    record = change(objects, "sessions", status=status)
    assert record.due is None
    assert look_again(objects, minutes=PENDING_MINUTES * 2) == record


@both
def test_a_look_in_vain_changes_when_it_is_looked_again_and_nothing_else(objects: Objects, module: str) -> None:
    before = put(objects, module)
    after = look_again(objects, module, minutes=60)
    assert (after.document, after.last_updated, after.audience) == (before.document, before.last_updated, None)
    assert str(after.due) > later(now_wire(), 60)


@pytest.mark.parametrize("object_id", ["x", "GONE"])
def test_what_is_gone_or_another_is_not_looked_at(objects: Objects, object_id: str) -> None:
    before = put(objects, "sessions", status="PENDING")
    key = own_key(rules("sessions"), object_id)
    outcome = update(objects, key, writes(objects, "sessions").look_again(key, "2999-01-01T00:00:00Z"))
    assert not outcome.changed
    assert objects.get(before.key) == before


def test_the_same_content_without_its_times_is_no_change_however_often_the_object_changed(objects: Objects) -> None:
    location = without_time(example("session_max")["location"])
    put(objects, "sessions", status="ACTIVE", location=location)
    changed = change(objects, "sessions", status="COMPLETED", last_updated="2025-01-01T00:00:00Z")
    assert put(objects, "sessions", location=location, last_updated="2025-01-01T00:00:00Z") == changed
    with pytest.raises(StateConflict, match="COMPLETED"):
        put(objects, "sessions", location={**location, "name": "Renamed"}, last_updated="2025-01-01T00:00:00Z")


def without_time(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name != "last_updated"}


@pytest.mark.req("CDR-15", "CDR-18")
def test_a_cdr_keeps_its_content_and_the_spelling_of_its_id(objects: Objects) -> None:
    before = put(objects, "cdrs")
    assert put(objects, "cdrs", id="x") == before
    assert change(objects, "cdrs", id="x") == before
    for write in (put, change):
        with pytest.raises(StateConflict, match="CDR"):
            write(objects, "cdrs", id="x", total_cost=1)


@both
def test_what_is_final_can_still_find_its_audience(objects: Objects, module: str) -> None:
    before = put(objects, module)
    give_token(objects, TNM, AUTH_ID)
    after = look_again(objects, module, minutes=5)
    assert (after.audience, after.document) == (TNM, before.document)
