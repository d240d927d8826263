"""The journal of an own object, alone and as own writes keep it; with the pushes that are planned from it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import count, pairwise, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ocpi import strict_json
from ocpi.objects.documents import read_document
from ocpi.objects.journal import MAX_BYTES, MAX_WRITES, changed_since, journal_after
from ocpi.objects.last_updated import without_times
from ocpi.objects.own import OwnWrites, own_key
from ocpi.store.port import Collection, Key, Record
from ocpi.store.update import update
from ocpi.times import now_wire
from ocpi.v2_1_1.location_tree import PARTS, raise_parents
from ocpi.v2_1_1.model import check
from ocpi.v2_1_1.places import find_place, rules_of
from ocpi.v2_1_1.pushes import PushRequest, push_plan, same
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Objects

Document = dict[str, Any]

T0, T1 = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"
CREATED = "2024-01-01T00:00:00.000000Z"


def connector(name: str = "1", **changes: Any) -> Document:
    return fixture("connector_min", id=name, last_updated=T0, **changes)


def evse(uid: str, *connectors: Document, **changes: Any) -> Document:
    return fixture("evse_min", uid=uid, last_updated=T0, connectors=list(connectors or [connector()]), **changes)


def location(*evses: Document, **changes: Any) -> Document:
    return fixture("location_min", last_updated=T0, **({"evses": list(evses)} if evses else {}), **changes)


def record(document: Document, revision: int = 1, journal: str = "") -> Record:
    key = Key(Collection("own", "locations"), document["id"])
    text = json.dumps(document)
    return Record(key, "2.1.1", text, document["last_updated"], "*", revision, CREATED, CREATED, journal=journal)


def written(before: Record, stored: Document, new: Document) -> Record:
    """The next record, as a write of ``new`` over ``stored`` makes it."""
    return record(new, before.revision + 1, journal_after(before, stored, new, PARTS))


def changes(before: Document, after: Document) -> set[tuple[str, ...]]:
    first = record(before)
    found = changed_since(written(first, before, after), first.write)
    assert found is not None
    return set(found)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (location(), location(name="Here"), {("name",)}),
        (location(name="Here"), location(), {("name",)}),
        (location(operator={"name": "A"}), location(operator={"name": "B"}), {("operator",)}),
        (
            location(operator={"name": "A", "website": "https://a.example"}),
            location(operator={"name": "A"}),
            {("operator",), ("operator", "website")},
        ),
        (location(evse("A")), location(evse("A", status="CHARGING")), {("evses", "A", "status")}),
        (location(), location(evse("A")), {("evses", "A")}),
        (location(evse("A")), location(evse("A"), evse("B")), {("evses", "B")}),
        (location(evse("A")), location(evse("B"), evse("A")), {("evses",)}),
        (location(evse("A"), evse("B")), location(evse("B"), evse("A")), {("evses",)}),
        (location(evse("A")), location(), {("evses",)}),
        (
            location(evse("A")),
            location(evse("A", connector(amperage=1))),
            {("evses", "A", "connectors", "1", "amperage")},
        ),
        (
            location(evse("A")),
            location(evse("A", connector(), connector("2"))),
            {("evses", "A", "connectors", "2")},
        ),
        (
            location(evse("A", connector(), connector("2"))),
            location(evse("A", connector("2"))),
            {("evses", "A", "connectors")},
        ),
        (location(evses=5), location(evses=6), {("evses",)}),
    ],
)
def test_what_a_write_changed_is_named_by_its_path(
    before: Document, after: Document, expected: set[tuple[str, ...]]
) -> None:
    assert changes(before, after) == expected


def test_last_updated_is_a_path_only_where_nothing_else_changed() -> None:
    assert changes(location(), {**location(), "last_updated": T1}) == {("last_updated",)}
    touched = location({**evse("A"), "last_updated": T1})
    assert changes(location(evse("A")), {**touched, "last_updated": T1}) == {("evses", "A", "last_updated")}
    charging = location({**evse("A", status="CHARGING"), "last_updated": T1})
    assert changes(location(evse("A")), {**charging, "last_updated": T1}) == {("evses", "A", "status")}


def test_a_new_object_has_an_empty_journal() -> None:
    assert journal_after(None, None, location(), PARTS) == ""


def test_writes_are_added_up_from_the_one_that_the_partner_holds() -> None:
    documents = [location(), location(name="Here"), location(name="Here", postal_code="1"), location(name="There")]
    records = [record(documents[0])]
    for stored, new in pairwise(documents):
        records.append(written(records[-1], stored, new))
    found = [changed_since(records[-1], held.write) for held in records]
    name, code = ("name",), ("postal_code",)
    assert found == list(map(frozenset, [{name, code}, {name, code}, {name, code}, ()]))


def test_a_write_that_leaves_the_document_alone_changes_nothing_and_leaves_no_gap() -> None:
    first = record(location())
    second = written(first, location(), location())
    assert changed_since(second, first.write) == frozenset()
    third = written(second, location(), location(name="Here"))
    assert changed_since(third, first.write) == frozenset({("name",)})


def test_nothing_is_known_across_a_write_without_a_word_in_the_journal() -> None:
    first = record(location())
    silent = replace(written(first, location(), location(name="Here")), journal="")
    kept = replace(silent, journal=written(first, location(), location(name="Here")).journal, revision=3)
    after = written(silent, location(name="Here"), location(name="There"))
    assert changed_since(silent, first.write) is None
    assert changed_since(kept, first.write) is None
    assert changed_since(after, first.write) is None
    assert changed_since(after, silent.write) == frozenset({("name",)})


@pytest.mark.parametrize("holds", [None, "", "x", f"x-{CREATED}", f"3-{CREATED}", "1-2023-01-01T00:00:00.000000Z"])
def test_nothing_is_known_for_who_holds_nothing_or_another_object(holds: str | None) -> None:
    first = record(location())
    assert changed_since(written(first, location(), location(name="Here")), holds) is None


def test_the_journal_keeps_the_latest_writes_and_stays_short() -> None:
    uids = [f"NL*TNM*E{number:030}" for number in range(40)]
    document = location(*(evse(uid) for uid in uids))
    records = [record(document)]
    for uid in uids:
        new = location(*(evse(each, status="CHARGING" if each <= uid else "AVAILABLE") for each in uids))
        records.append(written(records[-1], document, new))
        document = new
    assert all(len(each.journal.encode()) <= MAX_BYTES for each in records)
    known = [held.revision for held in records if changed_since(records[-1], held.write) is not None]
    assert known == list(range(known[0], len(records) + 1))
    assert 10 < len(known) <= MAX_WRITES + 1


def test_a_write_too_large_for_the_journal_leaves_it_empty() -> None:
    uids = [f"NL*TNM*E{number:030}" for number in range(100)]
    before, after = location(*map(evse, uids)), location(*(evse(uid, status="CHARGING") for uid in uids))
    first = record(before)
    second = written(first, before, after)
    assert (second.journal, changed_since(second, first.write)) == ("", None)


def test_a_look_at_an_object_that_is_due_is_told_too(objects: Objects) -> None:
    rules = rules_of("sessions")
    session = rules.check(strict_json.read(json.dumps(fixture("session_min", status="PENDING", last_updated=T0))))
    key = own_key(rules, session["id"])
    writes = OwnWrites(rules, objects, 0)
    first = update(objects, key, writes.put(key, session)).after
    settled = update(objects, key, OwnWrites(rules, objects, 0, audience="NL-TNM").put(key, session)).after
    aged = update(objects, key, writes.look_again(key, now_wire())).after
    assert first is not None
    assert settled is not None
    assert aged is not None
    assert (first.audience, settled.audience) == (None, "NL-TNM")
    assert changed_since(settled, first.write) == frozenset()
    assert changed_since(aged, first.write) == frozenset({("status",)})


# Own writes, and the pushes that are planned from what they leave


def _cleared(name: str) -> Callable[[Document], Document]:
    return lambda document: {key: value for key, value in document.items() if key != name}


def _with(name: str, value: Any) -> Callable[[Document], Document]:
    return lambda document: {**document, name: value}


def _in(name: str, index: int, change: Callable[[Document], Document]) -> Callable[[Document], Document]:
    def changed(document: Document) -> Document:
        parts = list(document[name])
        parts[index % len(parts)] = change(parts[index % len(parts)])
        return {**document, name: parts}

    return changed


def _added(name: str, part: Document, *, first: bool) -> Callable[[Document], Document]:
    identity = PARTS[name]

    def changed(document: Document) -> Document:
        rest = [each for each in document[name] if each[identity] != part[identity]]
        return {**document, name: [part, *rest] if first else [*rest, part]}

    return changed


def _without_one(name: str) -> Callable[[Document], Document]:
    return lambda document: {**document, name: document[name][1:] or document[name]}


OWN_FIELDS: dict[str, list[Any]] = {
    "name": ["A", "B"],
    "charging_when_closed": [True, False],
    "facilities": [["CAFE"], ["CAFE", "WIFI"]],
    "operator": [{"name": "A"}, {"name": "B", "website": "https://b.example"}],
    "opening_times": [{"twentyfourseven": True}],
    "x_unknown": [1, {"a": 1}, {"a": 1, "b": [2]}],
}
EVSE_FIELDS: dict[str, list[Any]] = {
    "status": ["CHARGING", "AVAILABLE", "REMOVED"],
    "floor_level": ["1", "2"],
    "capabilities": [["RESERVABLE"]],
    "coordinates": [{"latitude": "52.370216", "longitude": "4.895168"}],
}
CONNECTOR_FIELDS: dict[str, list[Any]] = {"tariff_id": ["T1", "T2"], "amperage": [16, 32], "x_unknown": ["a"]}
REQUIRED = {"status", "amperage"}

_indices = st.integers(0, 2)


def _fields(fields: dict[str, list[Any]]) -> st.SearchStrategy[Callable[[Document], Document]]:
    settings = [_with(name, value) for name, values in fields.items() for value in values]
    return st.sampled_from([*settings, *(_cleared(name) for name in fields if name not in REQUIRED)])


_connector_changes = _fields(CONNECTOR_FIELDS)
_evse_changes = st.one_of(
    _fields(EVSE_FIELDS),
    st.builds(partial(_in, "connectors"), _indices, _connector_changes),
    st.builds(
        lambda name, first: _added("connectors", connector(name), first=first), st.sampled_from("123"), st.booleans()
    ),
    st.just(_without_one("connectors")),
)
_location_changes = st.one_of(
    _fields(OWN_FIELDS),
    st.builds(partial(_in, "evses"), _indices, _evse_changes),
    st.builds(
        lambda n, m, change: _in("evses", n, _in("connectors", m, change)), _indices, _indices, _connector_changes
    ),
    st.builds(lambda uid, first: _added("evses", evse(uid), first=first), st.sampled_from("ABCD"), st.booleans()),
    st.just(_without_one("evses")),
)
_steps = st.lists(
    st.tuples(
        st.lists(_location_changes, min_size=1, max_size=3), st.sampled_from(["now", "given", "touched", "silent"])
    ),
    min_size=1,
    max_size=6,
)
_numbers = count(1)


def _later(number: int) -> str:
    return f"2090-01-01T00:00:{number:02}Z"


def _step(objects: Objects, key: Key, number: int, changes: list[Any], kind: str) -> Record:
    rules = rules_of("locations")
    before = objects.get(key)
    assert before is not None
    if kind == "silent":
        return objects.put(key, before.draft(due=_later(number), journal=""), expected=before.revision)
    wanted = read_document(before)
    for change in [] if kind == "touched" else changes:
        wanted = change(wanted)
    wanted = without_times(wanted, parts=PARTS)
    if kind == "given":
        wanted["last_updated"] = _later(number)
    if kind == "touched":
        wanted["evses"][0]["connectors"][0]["last_updated"] = _later(number)
    after = update(objects, key, OwnWrites(rules, objects, 0).put(key, rules.check_own(wanted))).after
    assert after is not None
    return after


def _shallow(held: Document, patch: Document) -> Document:
    return {name: value for name, value in {**held, **patch}.items() if value is not None}


def _deep(held: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    held = held if isinstance(held, dict) else {}
    merged = {**held, **{name: _deep(held.get(name), value) for name, value in patch.items()}}
    return {name: value for name, value in merged.items() if patch.get(name, ...) is not None}


def _appending(held: Document, patch: Document) -> Document:
    """As later versions have it for some lists: what is given is added."""
    lists = {name: [*held.get(name, []), *value] for name, value in patch.items() if isinstance(value, list)}
    return _shallow(held, {**patch, **lists})


def _taken(
    held: Document, request: PushRequest, merge: Callable[[Document, Document], Document], *, nulls: bool
) -> Document:
    """What a receiver holds after a request; it raises the times of parents as the specification says."""
    part = request.segments[1:]
    model, found = find_place("locations", held, part)
    assert request.body is not None
    assert nulls or None not in request.body.values()
    if request.method == "PATCH":
        assert request.body["last_updated"]
        assert found is not None, "a PATCH of what the partner has not"
        new = check(model, merge(found, request.body))
    else:
        new = check(model, request.body)
    for depth in range(len(part), 0, -1):
        _, parent = find_place("locations", held, part[: depth - 1])
        assert parent is not None, "a part of what the partner has not"
        name, identity = list(PARTS.items())[depth - 1]
        parts = parent.get(name, [])
        known = any(each[identity] == part[depth - 1] for each in parts)
        new = {
            **parent,
            name: [new if each[identity] == part[depth - 1] else each for each in parts] if known else [*parts, new],
        }
    return raise_parents(check(rules_of("locations").model, new))


def _but_parents_times(document: Document) -> Document:
    evses = [{name: value for name, value in each.items() if name != "last_updated"} for each in document["evses"]]
    return {**document, "evses": evses, "last_updated": None}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
@example(steps=[([_with("operator", value)], "now") for value in reversed(OWN_FIELDS["operator"])])
@example(steps=[([_in("evses", 0, _in("connectors", 0, _with("amperage", 63)))], "now"), ([], "touched")])
@pytest.mark.req("LOC-71", "LOC-75")
def test_what_is_planned_from_the_journal_brings_any_earlier_write_to_the_object_of_now(
    objects: Objects, steps: list[tuple[list[Any], str]]
) -> None:
    rules = rules_of("locations")
    key = own_key(rules, f"LOC{next(_numbers)}")
    own = {name: values[0] for name, values in OWN_FIELDS.items()}
    full = evse("B", connector("1", tariff_id="T1"), connector("2"), floor_level="1", capabilities=["RESERVABLE"])
    start = location(evse("A"), full, evse("C"), **{**own, "id": key.id})
    writes = OwnWrites(rules, objects, 0)
    first = update(objects, key, writes.put(key, rules.check(start))).after
    assert first is not None
    records = [first, *(_step(objects, key, number, *step) for number, step in enumerate(steps))]
    now = read_document(records[-1])
    ways = [(False, _shallow), (False, _appending), (False, _deep), (True, _deep)]
    for held, (nulls, merge) in product(records, ways):
        changed = changed_since(records[-1], held.write)
        document = read_document(held)
        if changed is None:
            assert any(kind == "silent" for _, kind in steps)
        for request in push_plan("locations", now, changed, patch=True, nulls=nulls):
            document = _taken(document, request, merge, nulls=nulls)
        assert _but_parents_times(document) == _but_parents_times(now)
        assert document["last_updated"] <= now["last_updated"]
        assert same("locations", now, document) == []
