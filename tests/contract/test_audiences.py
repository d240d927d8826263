"""Pages of what one audience may see: as if it were a collection of its own."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from ocpi.store.port import Collection, Page, PageQuery
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Store

SESSIONS = Collection("own", "sessions")
TNM, BOB = "NL-TNM", "DE-BOB"

Order = Literal["created", "last_updated"]
both_orders = pytest.mark.parametrize("order", ["created", "last_updated"])


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}Z"


def put(objects: Objects, name: str, audience: str | None, second: int = 0, revision: int | None = None) -> None:
    objects.put(key(name, SESSIONS), draft(name, at(second), audience), expected=revision)


def query(audience: str | None, order: Order = "created", limit: int = 99) -> PageQuery:
    return PageQuery(SESSIONS, limit, order=order, audience=audience)


@both_orders
def test_each_audience_sees_and_counts_its_own_and_nothing_else(store: Store, order: Order) -> None:
    audiences = {"a": TNM, "b": BOB, "c": None, "d": TNM, "e": "*", "f": BOB, "g": TNM}
    for second, (name, audience) in enumerate(audiences.items()):
        put(store.objects, name, audience, second)
    store.objects.put(key("h", Collection("own", "cdrs")), draft("h", audience=TNM), expected=None)

    assert store.objects.page(query(TNM, order)) == Page(["a", "d", "g"], 3, None)
    assert store.objects.page(query(BOB, order)) == Page(["b", "f"], 2, None)
    assert store.objects.page(query("*", order)) == Page(["e"], 1, None)
    assert store.objects.page(query("NL-NEW", order)) == Page([], 0, None)
    assert store.objects.page(query(None, order)) == Page(list(audiences), 7, None)


@both_orders
def test_what_is_for_nobody_is_in_no_audience(store: Store, order: Order) -> None:
    put(store.objects, "a", None)

    for audience in ("*", TNM, "None", ""):
        assert store.objects.page(query(audience, order)) == Page([], 0, None)


@both_orders
def test_no_other_spelling_of_an_audience_is_that_audience(store: Store, order: Order) -> None:
    put(store.objects, "a", TNM)

    for audience in ("nl-tnm", "NL-TN", "NL-TNMX", "NL-TNM ", "%", "NL-TN_"):
        assert store.objects.page(query(audience, order)) == Page([], 0, None)


@both_orders
@pytest.mark.parametrize("audience", [TNM, "*"])
def test_limit_and_offset_cut_the_list_of_an_audience(store: Store, order: Order, audience: str) -> None:
    for second in range(10):
        put(store.objects, f"L{second}", audience if second % 2 else BOB, second)
    listed = ["L1", "L3", "L5", "L7", "L9"]

    for offset in range(7):
        for limit in range(1, 7):
            page = store.objects.page(replace(query(audience, order, limit), offset=offset))
            assert page.documents == listed[offset : offset + limit]
            assert page.total == 5
            assert (page.next is None) == (offset + limit >= 5)


@both_orders
def test_audiences_that_crawl_get_everything_exactly_once_and_none_of_the_others(store: Store, order: Order) -> None:
    chance = random.Random(order)
    names = [f"L{number:02d}" for number in range(40)]
    theirs = {name: chance.choice([TNM, BOB, "*"]) for name in names}
    for name, audience in theirs.items():
        put(store.objects, name, audience, chance.randrange(3))

    met = {audience: crawled(store.objects, query(audience, order, limit=3)) for audience in (TNM, BOB, "*")}
    assert {audience: sorted(got) for audience, got in met.items()} == {
        audience: [name for name in names if theirs[name] == audience] for audience in met
    }


def crawled(objects: Objects, first: PageQuery) -> list[str]:
    page = objects.page(first)
    documents = page.documents
    while page.next:
        page = objects.page(replace(first, after=page.next))
        documents = documents + page.documents
    return documents


@pytest.mark.parametrize("audience", [TNM, "*"])
def test_a_filter_counts_within_the_audience(store: Store, audience: str) -> None:
    for second in range(10):
        put(store.objects, f"L{second}", audience if second % 2 else BOB, second)
    filtered = replace(query(audience, "last_updated", 2), updated_from=at(3), updated_to=at(9))

    first = store.objects.page(filtered)
    assert (first.documents, first.total) == (["L3", "L5"], 3)
    assert store.objects.page(replace(filtered, after=first.next)) == Page(["L7"], 3, None)
    assert store.objects.page(replace(filtered, updated_from=at(9))) == Page([], 0, None)


@pytest.mark.parametrize("before", [None, "*"])
def test_what_gets_a_party_as_its_audience_late_comes_last_in_the_order_in_which_it_came(
    store: Store, before: str | None
) -> None:
    for name, audience in (("a", before), ("b", before), ("c", TNM), ("d", before)):
        put(store.objects, name, audience)
    for name in "db":
        put(store.objects, name, TNM, revision=1)

    assert store.objects.page(query(TNM)) == Page(["c", "d", "b"], 3, None)
    assert store.objects.page(query(TNM, "last_updated")) == Page(["b", "c", "d"], 3, None)
    assert store.objects.page(query(before)) == Page(["a", *([] if before else "bcd")], 1 if before else 4, None)


def test_what_gets_the_audience_of_everybody_late_appears_at_the_place_of_its_arrival(store: Store) -> None:
    for name, audience in (("a", None), ("b", "*"), ("c", TNM), ("d", "*")):
        put(store.objects, name, audience)
    for name in "ca":
        put(store.objects, name, "*", revision=1)

    assert store.objects.page(query("*")) == Page(["a", "b", "c", "d"], 4, None)


@pytest.mark.req("TF-40", "TF-42")
def test_a_crawl_meets_what_came_to_its_audience_after_it_began(store: Store) -> None:
    for name, audience in zip("abcdef", (None, TNM, None, TNM, TNM, None), strict=True):
        put(store.objects, name, audience)
    first = store.objects.page(query(TNM, limit=2))
    for name in "fac":
        put(store.objects, name, TNM, revision=1)

    assert (first.documents, first.total) == (["b", "d"], 3)
    second = store.objects.page(replace(query(TNM, limit=2), after=first.next))
    assert (second.documents, second.total) == (["e", "f"], 6)
    assert store.objects.page(replace(query(TNM, limit=2), after=second.next)) == Page(["a", "c"], 6, None)


@pytest.mark.req("TF-42")
def test_offsets_stay_as_they_are_when_something_comes_to_an_audience(store: Store) -> None:
    for name, audience in zip("abcd", (None, TNM, None, TNM), strict=True):
        put(store.objects, name, audience)
    first = store.objects.page(query(TNM, limit=2))
    for name in "ca":
        put(store.objects, name, TNM, revision=1)

    assert first == Page(["b", "d"], 2, None)
    assert store.objects.page(replace(query(TNM, limit=2), offset=2)) == Page(["c", "a"], 4, None)
    assert store.objects.page(replace(query(TNM, limit=2), offset=3)) == Page(["a"], 4, None)


def test_what_goes_from_one_party_to_another_keeps_the_place_of_its_first_audience(store: Store) -> None:
    for name, audience in (("a", None), ("b", TNM), ("c", BOB), ("d", TNM)):
        put(store.objects, name, audience)
    put(store.objects, "a", TNM, revision=1)
    put(store.objects, "e", BOB)
    for name, revision in (("a", 2), ("b", 1)):
        put(store.objects, name, BOB, revision=revision)

    assert store.objects.page(query(TNM)) == Page(["d"], 1, None)
    assert store.objects.page(query(BOB)) == Page(["b", "c", "a", "e"], 4, None)


@both_orders
@pytest.mark.parametrize("after", [None, "*", BOB])
def test_what_changes_its_audience_leaves_the_old_one(store: Store, order: Order, after: str | None) -> None:
    for second, name in enumerate("abc"):
        put(store.objects, name, TNM, second)
    put(store.objects, "b", after, 1, revision=1)

    assert store.objects.page(query(TNM, order)) == Page(["a", "c"], 2, None)
    for audience in {"*", BOB} - {after}:
        assert store.objects.page(query(audience, order)) == Page([], 0, None)
    if after:
        assert store.objects.page(query(after, order)) == Page(["b"], 1, None)
    put(store.objects, "b", TNM, 1, revision=2)
    came_anew = order == "created" and after != BOB
    assert store.objects.page(query(TNM, order)) == Page(["a", "c", "b"] if came_anew else ["a", "b", "c"], 3, None)


def test_an_update_moves_an_object_in_its_audience_by_last_updated_only(store: Store) -> None:
    for second, name in enumerate("abc"):
        put(store.objects, name, TNM, second)
    put(store.objects, "a", TNM, 9, revision=1)

    assert store.objects.page(query(TNM)).documents == ["a", "b", "c"]
    assert store.objects.page(query(TNM, "last_updated")).documents == ["b", "c", "a"]


@both_orders
def test_what_is_deleted_is_gone_from_its_audience(store: Store, order: Order) -> None:
    for name in "ab":
        put(store.objects, name, TNM)
    store.objects.delete(key("a", SESSIONS), expected=1)

    assert store.objects.page(query(TNM, order)) == Page(["b"], 1, None)
