"""Objects that are found by something else than their key: by lookup, and because they are due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.store.port import MAX_LOOKUP_BYTES, Collection, Write
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from ocpi.store.port import Record, Store


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def documents(records: list[Record]) -> list[str]:
    return [record.document for record in records]


def test_a_lookup_finds_what_has_it_in_every_collection(store: Store) -> None:
    session = key("S1", Collection("own", "sessions"))
    token = key("RFID/1", Collection("NL-TNM", "tokens"))
    other = key("S2", Collection("own", "sessions"))
    whole = draft("{}", "2026-02-01T00:00:00Z", "NL-TNM", lookup="auth/A", due=at(1), findings=("One.", "Two."))
    put = [
        store.objects.put(session, whole, expected=None),
        store.objects.put(token, draft("{}", audience=None, lookup="auth/A"), expected=None),
    ]
    store.objects.put(other, draft("{}", lookup="auth/B"), expected=None)
    store.objects.put(key("none"), draft("{}"), expected=None)

    assert sorted(store.objects.find("auth/A"), key=lambda record: record.created) == put
    assert put == store.objects.get_many([session, token])
    assert (put[0].lookup, put[0].due, put[0].findings) == ("auth/A", at(1), ("One.", "Two."))


@pytest.mark.parametrize("spelled", ["auth/a", "auth/", "auth/AA", "auth/A ", "%", "auth/_", "#"])
def test_a_lookup_is_compared_exactly(store: Store, spelled: str) -> None:
    store.objects.put(key("S1"), draft("{}", lookup="auth/A"), expected=None)

    assert store.objects.find(spelled) == []


@pytest.mark.parametrize("lookup", ["a/b#c|d", " ", "ÄÖ ß€😀", "'\"\\", "~", "x" * MAX_LOOKUP_BYTES])
def test_any_text_may_be_a_lookup(store: Store, lookup: str) -> None:
    put = store.objects.put(key("S1"), draft("{}", lookup=lookup), expected=None)

    assert store.objects.find(lookup) == [put]


@pytest.mark.parametrize("lookup", ["", "x" * (MAX_LOOKUP_BYTES + 1), "€" * 700])
def test_a_lookup_that_no_index_could_hold_is_refused(lookup: str) -> None:
    with pytest.raises(ValueError, match="2048 bytes"):
        draft("{}", lookup=lookup)


def test_a_lookup_changes_and_goes(store: Store) -> None:
    store.objects.put(key("S1"), draft("1", lookup="a"), expected=None)
    store.objects.put(key("S2"), draft("2", lookup="a"), expected=None)

    changed = store.objects.put(key("S1"), draft("1", lookup="b"), expected=1)
    assert changed.lookup == "b"
    assert documents(store.objects.find("a")) == ["2"]
    assert store.objects.find("b") == [changed]
    gone = store.objects.put(key("S1"), draft("1"), expected=2)
    assert gone.lookup is None
    assert store.objects.get(key("S1")) == gone
    assert store.objects.find("b") == []
    back = store.objects.put(key("S1"), draft("1", lookup="a"), expected=3)
    assert sorted(documents(store.objects.find("a"))) == ["1", "2"]
    store.objects.delete(key("S1"), expected=back.revision)
    assert documents(store.objects.find("a")) == ["2"]


def test_a_lookup_finds_more_than_a_batch(store: Store) -> None:
    writes = [Write(key(f"S{n}"), draft(str(n), lookup="a" if n % 2 else "b"), None) for n in range(230)]
    store.objects.put_many(writes)

    assert sorted(documents(store.objects.find("a")), key=int) == [str(n) for n in range(1, 230, 2)]


def test_what_is_due_is_handed_out_the_longest_overdue_first(store: Store) -> None:
    for name, second in {"a": 5, "b": 2, "c": 9, "d": 3, "e": 4}.items():
        store.objects.put(key(name), draft(name, due=at(second)), expected=None)
    store.objects.put(key("never"), draft("never"), expected=None)

    assert documents(store.objects.due(at(5), 9)) == ["b", "d", "e", "a"]
    assert documents(store.objects.due(at(4), 9)) == ["b", "d", "e"]
    assert documents(store.objects.due(at(59), 3)) == ["b", "d", "e"]
    assert store.objects.due(at(1), 9) == []
    assert store.objects.due(at(59), 1) == [store.objects.get(key("b"))]


def test_what_is_due_comes_from_every_collection(store: Store) -> None:
    keys = [key("1", Collection(owner, module)) for owner, module in (("own", "sessions"), ("NL-TNM", "cdrs"))]
    put = [
        store.objects.put(one, draft("{}", due=at(second)), expected=None)
        for second, one in zip((2, 1), keys, strict=True)
    ]

    assert store.objects.due(at(2), 9) == [put[1], put[0]]


def test_an_object_that_was_looked_at_is_due_later_or_never_again(store: Store) -> None:
    for second, name in enumerate("abc"):
        store.objects.put(key(name), draft(name, due=at(second)), expected=None)
    store.objects.put(key("a"), draft("a", due=at(9)), expected=1)
    never = store.objects.put(key("b"), draft("b"), expected=1)
    assert never.due is None
    assert store.objects.get(key("b")) == never

    assert documents(store.objects.due(at(8), 9)) == ["c"]
    assert documents(store.objects.due(at(9), 9)) == ["c", "a"]
    store.objects.delete(key("c"), expected=1)
    assert documents(store.objects.due(at(9), 9)) == ["a"]


def test_more_than_a_batch_may_be_due(store: Store) -> None:
    writes = [Write(key(f"S{n:03d}"), draft(str(n), due=at(n)), None) for n in range(230)]
    store.objects.put_many(list(reversed(writes)))

    assert documents(store.objects.due(at(999), 1000)) == [str(n) for n in range(230)]
    assert documents(store.objects.due(at(999), 130)) == [str(n) for n in range(130)]


def test_a_replaced_record_has_what_its_last_draft_gave_it(store: Store) -> None:
    first = draft("1", audience="NL-TNM", lookup="a", due=at(1), findings=("One.",))
    for revision, changes in enumerate(
        [{}, {"lookup": None}, {"due": None}, {"findings": ()}, {"audience": None}, {"lookup": "b", "due": at(2)}]
    ):
        wanted = replace(first, **changes)  # type: ignore[arg-type] # of several fields
        put = store.objects.put(key("S1"), wanted, expected=revision or None)
        assert store.objects.get(key("S1")) == put
        assert (put.audience, put.lookup, put.due, put.findings) == (
            wanted.audience,
            wanted.lookup,
            wanted.due,
            wanted.findings,
        )
