"""Objects: one at a time and many at once."""

from __future__ import annotations

import json
import random
import zlib
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.store.dynamodb_items import MAX_DOCUMENT
from ocpi.store.port import MAX_LOOKUP_BYTES, Collection, Conflict, PageQuery, Record, TooLarge, Write
from ocpi.store.update import Busy, Outcome, update, update_many
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from ocpi.store.port import Store
    from tests.support.stores import Backend


def test_what_was_put_is_what_one_gets(store: Store) -> None:
    put = store.objects.put(key("LOC1"), draft('{"id":"LOC1"}', "2026-01-02T03:04:05Z", None), expected=None)

    assert put == store.objects.get(key("LOC1"))
    assert (put.key, put.version, put.document) == (key("LOC1"), "2.1.1", '{"id":"LOC1"}')
    assert (put.last_updated, put.audience, put.revision) == ("2026-01-02T03:04:05Z", None, 1)
    assert put.created == put.received


def test_what_was_never_put_is_not_there(store: Store) -> None:
    assert store.objects.get(key("LOC1")) is None


def test_another_instance_finds_it(backend: Backend) -> None:
    put = backend.open().objects.put(key("LOC1"), draft("{}"), expected=None)

    assert backend.open().objects.get(key("LOC1")) == put


def test_creating_what_exists_is_a_conflict_and_changes_nothing(store: Store) -> None:
    first = store.objects.put(key("LOC1"), draft("1"), expected=None)

    with pytest.raises(Conflict):
        store.objects.put(key("LOC1"), draft("2"), expected=None)
    assert store.objects.get(key("LOC1")) == first


@pytest.mark.parametrize("expected", [1, 3])
def test_replacing_another_revision_is_a_conflict_and_changes_nothing(store: Store, expected: int) -> None:
    store.objects.put(key("LOC1"), draft("1"), expected=None)
    second = store.objects.put(key("LOC1"), draft("2"), expected=1)

    with pytest.raises(Conflict):
        store.objects.put(key("LOC1"), draft("3"), expected=expected)
    assert store.objects.get(key("LOC1")) == second


def test_replacing_what_does_not_exist_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict):
        store.objects.put(key("LOC1"), draft("1"), expected=1)
    assert store.objects.get(key("LOC1")) is None


def test_a_replaced_record_keeps_created_and_spelling(store: Store) -> None:
    first = store.objects.put(key("Loc-1"), draft("1", audience="*"), expected=None)
    second = store.objects.put(key("LOC-1"), draft("2", "2026-02-01T00:00:00Z", None), expected=1)

    assert second == store.objects.get(key("loc-1"))
    assert (second.key.id, second.created, second.revision) == ("Loc-1", first.created, 2)
    assert (second.document, second.last_updated, second.audience) == ("2", "2026-02-01T00:00:00Z", None)
    assert second.received > first.received


@pytest.mark.parametrize(
    "findings", [(), ("One.",), ("Zwölf € 😀", '"quoted", [listed]'), tuple(f"Finding {n}." for n in range(999))]
)
def test_findings_are_kept_and_replaced(store: Store, findings: tuple[str, ...]) -> None:
    put = store.objects.put(key("C1"), draft("1", findings=findings), expected=None)
    assert put.findings == findings
    assert store.objects.get_many([key("C1")]) == [put]

    for revision, others in enumerate([("Another.",), findings, ()], start=1):
        put = store.objects.put(key("C1"), draft("1", findings=others), expected=revision)
        assert put.findings == others
        assert store.objects.get(key("C1")) == put


@pytest.mark.parametrize("journal", ["[]", "Zwölf € 😀", "x" * 9999])
def test_a_journal_is_kept_and_replaced(store: Store, journal: str) -> None:
    put = store.objects.put(key("L1"), draft("1", journal=journal), expected=None)
    assert put.journal == journal
    assert store.objects.get_many([key("L1")]) == [put]

    for revision, another in enumerate(["another", journal, "", ""], start=1):
        put = store.objects.put(key("L1"), draft("1", journal=another), expected=revision)
        assert put.journal == another
        assert store.objects.get(key("L1")) == put


def test_what_is_found_by_its_lookup_and_what_is_due_come_with_their_journals(store: Store) -> None:
    put = store.objects.put(key("L1"), draft("1", lookup="x", due="2026-01-01T00:00:00Z", journal="j"), expected=None)

    assert store.objects.find("x") == [put]
    assert store.objects.due("2026-01-01T00:00:00Z", 9) == [put]


def test_another_journal_alone_writes_nothing(store: Store) -> None:
    first = store.objects.put(key("L1"), draft("1", journal="first"), expected=None)

    outcome = update(store.objects, key("L1"), lambda _: draft("1", journal="second"))
    assert not outcome.changed
    (many,) = update_many(store.objects, [(key("L1"), lambda _: draft("1", journal="second"))])
    assert isinstance(many, Outcome)
    assert not many.changed
    assert store.objects.get(key("L1")) == first
    changed = update(store.objects, key("L1"), lambda _: draft("2", journal="second"))
    assert changed.after
    assert (changed.after.document, changed.after.journal, changed.after.revision) == ("2", "second", 2)


def test_a_record_can_be_stored_again_as_it_is_but_for_what_is_changed(store: Store) -> None:
    whole = draft("1", audience="NL-TNM", lookup="x", due="2026-01-01T00:00:00Z", findings=("One.",), journal="j")
    first = store.objects.put(key("L1"), whole, expected=None)
    assert first.draft() == whole

    later = store.objects.put(key("L1"), first.draft(due="2026-01-01T00:30:00Z"), expected=1)
    assert later == replace(first, due="2026-01-01T00:30:00Z", revision=2, received=later.received)


def test_no_two_writes_of_an_object_have_one_name_even_if_it_was_deleted_in_between(store: Store) -> None:
    names = []
    for _ in range(2):
        first = store.objects.put(key("T1"), draft("1"), expected=None)
        second = store.objects.put(key("T1"), draft("2"), expected=1)
        names += [first.write, second.write]
        assert store.objects.get(key("T1")) == second
        store.objects.delete(key("T1"), expected=2)

    assert len(set(names)) == 4


def test_an_audience_comes_and_goes(store: Store) -> None:
    for revision, audience in enumerate([None, "NL-TNM", None, "*"]):
        put = store.objects.put(key("S1"), draft("{}", audience=audience), expected=revision or None)
        assert put.audience == audience
        assert store.objects.get(key("S1")) == put


def test_ids_that_differ_only_by_case_are_one_key(store: Store) -> None:
    store.objects.put(key("Ab"), draft("1"), expected=None)

    with pytest.raises(Conflict):
        store.objects.put(key("aB"), draft("2"), expected=None)
    found = store.objects.get_many([key("AB"), key("ab")])
    assert [record and record.key.id for record in found] == ["Ab", "Ab"]
    assert len(store.objects.page(_whole()).documents) == 1


@pytest.mark.req("TF-67")
@pytest.mark.parametrize(
    "spelling", ["a/b", "a#b", "#", "a b", " ", "a%2Fb", "*+?'\"\\", "~", "RFID/DE8AA20", "ÄÖ ß€😀", "\x7f"]
)
def test_any_character_may_stand_in_an_id(store: Store, spelling: str) -> None:
    put = store.objects.put(key(spelling), draft(json.dumps(spelling)), expected=None)
    store.objects.put(key(spelling + "x"), draft("another"), expected=None)

    assert put.key.id == spelling
    assert store.objects.get(key(spelling)) == put
    assert json.dumps(spelling) in store.objects.page(_whole()).documents
    store.objects.delete(key(spelling), expected=1)
    assert store.objects.get(key(spelling)) is None


@pytest.mark.req("TF-56")
def test_the_same_id_of_two_owners_is_two_objects(store: Store) -> None:
    keys = [key("1", Collection(owner, "locations")) for owner in ("NL-CP1", "NL-CP2")] + [key("1")]
    for number, one in enumerate(keys):
        store.objects.put(one, draft(str(number)), expected=None)

    assert [record and record.document for record in store.objects.get_many(keys)] == ["0", "1", "2"]
    assert store.objects.page(_whole(keys[0].collection)).documents == ["0"]


def test_the_same_id_in_two_modules_is_two_objects(store: Store) -> None:
    keys = [key("1", Collection("own", module)) for module in ("sessions", "cdrs")]
    for one in keys:
        store.objects.put(one, draft(one.collection.module), expected=None)

    assert [record and record.document for record in store.objects.get_many(keys)] == ["sessions", "cdrs"]


@pytest.mark.parametrize("length", [0, 4095, 4096, 5_000, 300_000])
def test_documents_come_back_byte_for_byte(store: Store, length: int) -> None:
    letters = random.Random(length)
    document = json.dumps({"é": "".join(letters.choices("aß€😀\u2028\t\\ ", k=length))}, ensure_ascii=False)

    store.objects.put(key("LOC1"), draft(document), expected=None)
    stored = store.objects.get(key("LOC1"))
    assert stored
    assert stored.document == document
    assert store.objects.page(_whole()).documents == [document]
    assert store.objects.put(key("LOC1"), draft("short"), expected=1).document == "short"
    assert store.objects.put(key("LOC1"), draft(document), expected=2).document == document


def test_a_location_of_500_evses_goes_in_and_out(store: Store) -> None:
    document = json.dumps({"id": "LOC1", "evses": [_evse(number) for number in range(500)]})
    assert len(document) > 400_000

    assert store.objects.put(key("LOC1"), draft(document), expected=None).document == document
    stored = store.objects.get(key("LOC1"))
    assert stored
    assert stored.document == document


def test_a_document_that_the_database_cannot_hold_is_refused_and_nothing_stored(backend: Backend) -> None:
    store = backend.open()
    noise = random.Random(0)
    document = "".join(noise.choices("0123456789abcdef", k=1_000_000))
    if backend.name == "sqlite":
        assert store.objects.put(key("LOC1"), draft(document), expected=None).document == document
        return
    with pytest.raises(TooLarge):
        store.objects.put(key("LOC1"), draft(document), expected=None)
    halves = draft(document[:450_000], findings=(document[450_000:],))
    with pytest.raises(TooLarge):
        store.objects.put(key("LOC1"), halves, expected=None)
    results = store.objects.put_many(
        [Write(key("LOC1"), draft(document), None), Write(key("LOC2"), draft("2"), None)],
    )
    assert [type(result) for result in results] == [TooLarge, Record]
    assert store.objects.get(key("LOC1")) is None


def test_the_longest_document_fits_beside_long_keys(store: Store) -> None:
    noise = "".join(random.Random(0).choices("0123456789abcdef", k=1_000_000))
    longest = bisect_right(range(len(noise)), MAX_DOCUMENT, key=lambda n: len(zlib.compress(noise[:n].encode()))) - 1
    long = key("x" * 300, Collection("NL-TNM", "locations"))
    beside = draft(noise[:longest], audience="y" * 100, lookup="z" * MAX_LOOKUP_BYTES, due="2026-01-01T00:00:00Z")

    store.objects.put(long, beside, expected=None)
    stored = store.objects.get(long)
    assert stored
    assert stored.document == noise[:longest]
    assert store.objects.find("z" * MAX_LOOKUP_BYTES) == [stored]


def test_many_are_got_in_order_with_gaps_and_repeats(store: Store) -> None:
    numbers = range(230)
    written = store.objects.put_many([Write(key(f"L{n}"), draft(str(n)), None) for n in numbers])
    assert all(isinstance(record, Record) for record in written)

    asked = [*numbers, 999, 5, 5, 229, 999]
    found = store.objects.get_many([key(f"L{n}") for n in asked])
    assert [record and record.document for record in found] == [str(n) if n < 230 else None for n in asked]
    assert store.objects.get_many([]) == []


def test_of_many_writes_each_succeeds_or_fails_by_itself(store: Store) -> None:
    store.objects.put(key("there"), draft("1"), expected=None)
    results = store.objects.put_many(
        [
            Write(key("new"), draft("new"), None),
            Write(key("THERE"), draft("again"), None),
            Write(key("absent"), draft("absent"), 4),
            Write(key("new2"), draft("new2"), None),
        ]
    )

    assert [type(result) for result in results] == [Record, Conflict, Conflict, Record]
    found = store.objects.get_many([key("new"), key("there"), key("absent"), key("new2")])
    assert [record and record.document for record in found] == ["new", "1", None, "new2"]
    replaced = store.objects.put_many([Write(key("there"), draft("2"), 1), Write(key("new"), draft("x"), 7)])
    assert [type(result) for result in replaced] == [Record, Conflict]
    assert replaced[0] == store.objects.get(key("there"))
    assert store.objects.put_many([]) == []


def test_deleting_needs_the_revision(store: Store) -> None:
    store.objects.put(key("T1"), draft("1"), expected=None)
    store.objects.put(key("T1"), draft("2"), expected=1)

    with pytest.raises(Conflict):
        store.objects.delete(key("T1"), expected=1)
    store.objects.delete(key("t1"), expected=2)
    assert store.objects.get(key("T1")) is None
    assert store.objects.page(_whole()).total == 0
    with pytest.raises(Conflict):
        store.objects.delete(key("T1"), expected=2)


def test_what_was_deleted_can_be_created_again_later_and_spelled_anew(store: Store) -> None:
    first = store.objects.put(key("T1"), draft("1"), expected=None)
    store.objects.delete(key("T1"), expected=1)
    again = store.objects.put(key("t1"), draft("2"), expected=None)

    assert (again.revision, again.key.id) == (1, "t1")
    assert again.created > first.created


def test_two_writers_at_once_lose_nothing(backend: Backend) -> None:
    threads, times = (4, 10) if backend.name == "sqlite" else (3, 6)

    def increment(_: int) -> None:
        objects = backend.open().objects
        for _ in range(times):
            while True:
                try:
                    update(objects, key("counter"), lambda r: draft(str(int(r.document) + 1 if r else 1)))
                    break
                except Busy:  # which leaves nothing behind
                    continue

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(increment, range(threads)))
    stored = backend.open().objects.get(key("counter"))
    assert stored
    assert (int(stored.document), stored.revision) == (threads * times, threads * times)


def test_of_two_who_create_at_once_one_wins(backend: Backend) -> None:
    def create(number: int) -> str | None:
        try:
            return backend.open().objects.put(key("LOC1"), draft(str(number)), expected=None).document
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        winners = [document for document in pool.map(create, range(4)) if document is not None]
    stored = backend.open().objects.get(key("LOC1"))
    assert stored
    assert winners == [stored.document]


def test_bulk_writers_at_once_lose_nothing(backend: Backend) -> None:
    def load(_: int) -> None:
        items = [(key(f"L{n % 7}"), lambda r: draft(str(int(r.document) + 1 if r else 1))) for n in range(21)]
        results = update_many(backend.open().objects, items)
        assert not [result for result in results if isinstance(result, Exception)]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(load, range(3)))
    found = backend.open().objects.get_many([key(f"L{n}") for n in range(7)])
    assert [record and (record.document, record.revision) for record in found] == [("9", 9)] * 7


def test_the_store_answers(store: Store) -> None:
    store.ping()


def test_the_signing_key_is_the_same_for_every_process(backend: Backend) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: backend.open().signing_key(), range(4)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def _whole(collection: Collection = LOCATIONS) -> PageQuery:
    return PageQuery(collection, limit=1000)


def _evse(number: int) -> dict[str, object]:
    connectors = [
        {"id": str(c), "standard": "IEC_62196_T2_COMBO", "format": "CABLE", "power_type": "DC", "voltage": 400,
         "amperage": 250, "tariff_id": f"TARIFF-{number}", "last_updated": "2026-01-01T00:00:00Z"}
        for c in range(3)
    ]  # fmt: skip
    directions = [{"language": "en", "text": f"Level {number % 7}, row {number // 7}, behind the pillar " * 8}]
    return {"uid": f"NL-TNM-E{number}", "status": "AVAILABLE", "connectors": connectors, "directions": directions}


def test_an_id_longer_than_any_database_takes_is_simply_not_there(store: Store) -> None:
    endless = key("x" * 5000)
    assert store.objects.get(endless) is None
    assert store.objects.get_many([endless, endless]) == [None, None]
