"""Pages of a collection: order, filters, offsets, positions and totals."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, replace
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.store.port import Collection, Page, PageQuery, Record, Write
from ocpi.store.update import update
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.store.port import Objects, Store
    from tests.support.stores import Backend

OTHER = Collection("own", "tariffs")
AUDIENCES = [None, "*", "NL-TNM", "DE-8AA"]


@dataclass(frozen=True)
class Stored:
    """What the model remembers of an object."""

    arrival: int
    last_updated: str = ""
    audience: str | None = None
    revision: int = 0
    addressed: int = -1
    """When it came to be for a party; below 0 while it is not."""


def fill(objects: Objects, **updated: str) -> None:
    """Objects in order of arrival; the document of each is its id. The other collection gets the same ids."""
    for object_id, last_updated in updated.items():
        objects.put(key(object_id, OTHER), draft("not asked for", last_updated), expected=None)
        objects.put(key(object_id), draft(object_id, last_updated), expected=None)


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def crawl(objects: Objects, query: PageQuery) -> Iterator[Page]:
    position = None
    while True:
        page = objects.page(replace(query, offset=0, after=position))
        yield page
        position = page.next
        if position is None:
            return


def test_an_empty_collection_is_an_empty_page(store: Store) -> None:
    assert store.objects.page(PageQuery(LOCATIONS, limit=10)) == Page([], 0, None)
    assert store.objects.page(PageQuery(LOCATIONS, limit=10, offset=5, order="last_updated")) == Page([], 0, None)


@pytest.mark.req("TF-41")
def test_created_order_is_that_of_arrival_and_updates_move_nothing(store: Store) -> None:
    fill(store.objects, C=at(3), a=at(2), B=at(1))
    store.objects.put(key("c"), draft("C again", at(9)), expected=1)

    assert store.objects.page(PageQuery(LOCATIONS, limit=10)) == Page(["C again", "a", "B"], 3, None)


def test_what_arrives_together_keeps_its_order(store: Store) -> None:
    for number in range(40):
        store.objects.put(key(f"L{99 - number}"), draft(str(number)), expected=None)

    assert store.objects.page(PageQuery(LOCATIONS, limit=40)).documents == [str(number) for number in range(40)]


def test_last_updated_order_breaks_ties_by_folded_id(store: Store) -> None:
    fill(store.objects, d=at(1), C=at(1), b=at(0), A=at(2))

    assert store.objects.page(PageQuery(LOCATIONS, limit=10, order="last_updated")).documents == ["b", "C", "d", "A"]


def test_an_updated_object_moves_in_the_order_of_last_updated(store: Store) -> None:
    fill(store.objects, a=at(1), b=at(2))
    store.objects.put(key("a"), draft("a again", at(3)), expected=1)

    page = store.objects.page(PageQuery(LOCATIONS, limit=10, order="last_updated"))
    assert page == Page(["b", "a again"], 2, None)


@pytest.mark.req("TF-46", "TF-47")
@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (None, None, "abcd"),
        (1, None, "bcd"),
        (2, None, "d"),
        (3, None, "d"),
        (4, None, ""),
        (None, 1, "a"),
        (None, 2, "abc"),
        (None, 0, ""),
        (1, 3, "bc"),
        (1, 1, ""),
        (3, 1, ""),
        (0, 9, "abcd"),
    ],
)
def test_filters_are_inclusive_from_and_exclusive_to(
    store: Store, start: int | None, end: int | None, found: str
) -> None:
    fill(store.objects, a=at(0), b=at(1), c=at(1), d=at(3))
    page = store.objects.page(
        PageQuery(
            LOCATIONS,
            limit=10,
            order="last_updated",
            updated_from=None if start is None else at(start),
            updated_to=None if end is None else at(end),
        )
    )

    assert page == Page(list(found), len(found), None)


@pytest.mark.parametrize("audience", [None, "*", "DE-EMS"])
def test_what_arrived_since_an_instant_is_found_however_old_it_says_it_is(store: Store, audience: str | None) -> None:
    given = audience or "*"
    first = store.objects.put(key("a"), draft("a", at(9), given), expected=None)
    since = store.objects.put(key("b"), draft("b", at(1), given), expected=None).created
    store.objects.put(key("c"), draft("c", at(0), given), expected=None)
    store.objects.put(first.key, draft("again", at(9), given), expected=first.revision)

    query = PageQuery(LOCATIONS, limit=1, audience=audience, created_from=since)
    page = store.objects.page(query)
    rest = store.objects.page(replace(query, after=page.next, counted=False))
    assert (page.documents, page.total) == (["b"], 2)
    assert (rest.documents, rest.next) == (["c"], None)


def test_what_came_to_have_an_audience_since_arrived_since(store: Store) -> None:
    early = store.objects.put(key("a"), draft("a", at(0), None), expected=None)
    since = store.objects.put(key("b"), draft("b", at(0), None), expected=None).created
    store.objects.put(early.key, draft("a", at(0), "DE-EMS"), expected=early.revision)

    page = store.objects.page(PageQuery(LOCATIONS, limit=9, audience="DE-EMS", created_from=since))
    assert page.documents == ["a"]


def test_a_filter_on_arrival_needs_that_order() -> None:
    with pytest.raises(ValueError, match="order of arrival"):
        PageQuery(LOCATIONS, limit=1, order="last_updated", created_from=at(0))


@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_a_page_that_is_not_counted_is_the_same_without_its_total(store: Store, order: str) -> None:
    fill(store.objects, **{f"L{n}": at(n) for n in range(5)})
    query = PageQuery(LOCATIONS, limit=2, order=cast("Any", order))

    assert store.objects.page(replace(query, counted=False)) == replace(store.objects.page(query), total=0)


@pytest.mark.req("TF-31", "TF-33", "TF-43")
@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_limit_and_offset_cut_the_list_and_total_counts_it_whole(store: Store, order: str) -> None:
    fill(store.objects, **{f"L{n}": at(n) for n in range(5)})
    listed = [f"L{n}" for n in range(5)]

    for offset in range(7):
        for limit in range(1, 7):
            page = store.objects.page(PageQuery(LOCATIONS, limit, offset, order=order))  # type: ignore[arg-type] # a parameter is str
            assert page.documents == listed[offset : offset + limit]
            assert page.total == 5
            assert (page.next is None) == (offset + limit >= 5)


@pytest.mark.req("TF-33")
def test_total_counts_what_the_filter_matches_wherever_the_page_begins(store: Store) -> None:
    fill(store.objects, **{f"L{n}": at(n) for n in range(9)})
    query = PageQuery(LOCATIONS, limit=2, order="last_updated", updated_from=at(2), updated_to=at(7))

    pages = list(crawl(store.objects, query))
    assert [page.total for page in pages] == [5, 5, 5]
    assert [page.documents for page in pages] == [["L2", "L3"], ["L4", "L5"], ["L6"]]


@pytest.mark.req("TF-40")
@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_a_crawl_yields_each_object_exactly_once(store: Store, order: str) -> None:
    listed = [f"l{n:03d}" for n in range(25)]
    fill(store.objects, **dict.fromkeys(listed, at(0)))

    pages = list(crawl(store.objects, PageQuery(LOCATIONS, limit=10, order=order)))  # type: ignore[arg-type] # a parameter is str
    assert [len(page.documents) for page in pages] == [10, 10, 5]
    assert [document for page in pages for document in page.documents] == listed


def test_after_wins_over_offset(store: Store) -> None:
    fill(store.objects, a=at(0), b=at(0), c=at(0))
    first = store.objects.page(PageQuery(LOCATIONS, limit=1))

    assert store.objects.page(PageQuery(LOCATIONS, limit=1, offset=2, after=first.next)).documents == ["b"]


def test_a_crawl_goes_on_where_the_last_object_was_deleted(store: Store) -> None:
    fill(store.objects, a=at(0), b=at(0), c=at(0))
    first = store.objects.page(PageQuery(LOCATIONS, limit=2))
    store.objects.delete(key("b"), expected=1)

    assert store.objects.page(PageQuery(LOCATIONS, limit=2, after=first.next)) == Page(["c"], 2, None)


def test_an_object_that_moves_behind_the_reader_is_met_again_and_hides_none(store: Store) -> None:
    fill(store.objects, a=at(1), b=at(2), c=at(3), d=at(4))
    first = store.objects.page(PageQuery(LOCATIONS, limit=2, order="last_updated"))
    store.objects.put(key("b"), draft("b again", at(9)), expected=1)

    rest = store.objects.page(PageQuery(LOCATIONS, limit=9, order="last_updated", after=first.next))
    assert rest == Page(["c", "d", "b again"], 4, None)


@pytest.mark.req("TF-42")
def test_what_is_created_during_a_crawl_comes_last_and_raises_the_total(store: Store) -> None:
    fill(store.objects, b=at(5), c=at(5))
    first = store.objects.page(PageQuery(LOCATIONS, limit=1))
    fill(store.objects, a=at(0))

    assert store.objects.page(PageQuery(LOCATIONS, limit=9, after=first.next)) == Page(["c", "a"], 3, None)


@pytest.mark.req("TF-40", "TF-41")
def test_a_crawl_in_created_order_meets_each_once_while_others_update(backend: Backend) -> None:
    objects = backend.open().objects
    ids = [f"L{n:02d}" for n in range(30)]
    objects.put_many([Write(key(one), draft(one, at(0)), None) for one in ids])
    done, written = threading.Event(), threading.Semaphore(0)

    def keep_updating() -> None:
        mine, chance = backend.open().objects, random.Random(1)
        for number in count(1):
            if done.is_set():
                return
            one = chance.choice(ids)
            changed = draft(f"{one} {number}", at(number % 3000))
            update(mine, key(one), lambda _, changed=changed: changed)  # type: ignore[misc] # defaults of a lambda
            written.release()

    writer = threading.Thread(target=keep_updating)
    writer.start()
    try:
        for _ in range(3):
            met = []
            for page in crawl(objects, PageQuery(LOCATIONS, limit=4)):
                met += [document.split()[0] for document in page.documents]
                assert written.acquire(timeout=10)
            assert sorted(met) == ids
    finally:
        done.set()
        writer.join()


def test_a_page_ends_before_it_grows_too_long(store: Store) -> None:
    for name, length in (("a", 40), ("b", 50), ("c", 20), ("d", 200), ("e", 1)):
        store.objects.put(key(name), draft(name * length), expected=None)

    pages = list(crawl(store.objects, PageQuery(LOCATIONS, limit=10, max_bytes=100)))
    assert [[document[0] for document in page.documents] for page in pages] == [["a", "b"], ["c"], ["d"], ["e"]]
    assert {page.total for page in pages} == {5}


def test_length_is_counted_in_bytes_not_in_letters(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.objects.put(key(name), draft("€" * 10), expected=None)

    assert len(store.objects.page(PageQuery(LOCATIONS, limit=10, max_bytes=60)).documents) == 2
    assert len(store.objects.page(PageQuery(LOCATIONS, limit=10, max_bytes=59)).documents) == 1


def test_pages_of_more_than_a_batch_are_whole(store: Store) -> None:
    numbers = range(250)
    results = store.objects.put_many([Write(key(f"L{n:03d}"), draft(f"{n}", at(n)), None) for n in numbers])
    assert all(isinstance(result, Record) for result in results)

    whole = store.objects.page(PageQuery(LOCATIONS, limit=250, order="last_updated"))
    assert whole == Page([str(n) for n in numbers], 250, None)
    part = store.objects.page(PageQuery(LOCATIONS, limit=130, offset=30, order="last_updated"))
    assert (part.documents, part.total) == ([str(n) for n in numbers[30:160]], 250)
    assert part.next


def test_pages_agree_with_a_list_that_is_sorted_by_hand(backend: Backend) -> None:
    """Random collections, random queries, against a model of three lines."""
    objects, chance = backend.open().objects, random.Random(2_1_1)
    for number in range(3 if backend.name == "ministack" else 6):
        collection = Collection(f"NL-P{number}", "sessions")
        model: dict[str, Stored] = {}
        for arrival in range(chance.randrange(25)):
            _write_at_random(objects, collection, model, chance, arrival)
        for _ in range(12):
            query = _random_query(collection, chance)
            expected = _brute_force(model, query)
            page = objects.page(query)
            assert page.total == len(expected)
            assert page.documents == expected[query.offset : query.offset + query.limit]
            assert (page.next is None) == (query.offset + query.limit >= len(expected))
            everything = [document for page in crawl(objects, query) for document in page.documents]
            assert everything == expected


def _write_at_random(
    objects: Objects,
    collection: Collection,
    model: dict[str, Stored],
    chance: random.Random,
    arrival: int,
) -> None:
    name = chance.choice("aAbBcCdDeEfF#/~ ") + chance.choice(["", "#", "1", "é"])
    one, folded, last_updated = key(name, collection), name.lower(), at(chance.randrange(6))
    if folded in model and chance.random() < 0.3:
        objects.delete(one, expected=model.pop(folded).revision)
        return
    old = model.get(folded, Stored(arrival))
    audience = chance.choice(AUDIENCES)
    objects.put(one, draft(folded, last_updated, audience), expected=old.revision or None)
    addressed = -1 if audience in (None, "*") else arrival if old.addressed < 0 else old.addressed
    model[folded] = Stored(old.arrival, last_updated, audience, old.revision + 1, addressed)


def _random_query(collection: Collection, chance: random.Random) -> PageQuery:
    query = PageQuery(collection, chance.randrange(1, 9), chance.randrange(12), audience=chance.choice(AUDIENCES))
    if chance.random() < 0.4:
        return query
    start, end = (chance.choice([None, at(chance.randrange(7))]) for _ in range(2))
    return replace(query, order="last_updated", updated_from=start, updated_to=end)


def _brute_force(model: dict[str, Stored], query: PageQuery) -> list[str]:
    seen = {folded: one for folded, one in model.items() if query.audience in (None, one.audience)}
    if query.order == "created":
        place = attrgetter("arrival" if query.audience in (None, "*") else "addressed")
        return sorted(seen, key=lambda folded: place(seen[folded]))
    low, high = query.updated_from or "", query.updated_to or "~"
    matching = {folded: one.last_updated for folded, one in seen.items() if low <= one.last_updated < high}
    return sorted(matching, key=lambda folded: (matching[folded], folded))
