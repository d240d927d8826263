"""Who counts may die before or after any single write, or meet another there: the counters are exact all the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.port import PageQuery, Write
from tests.support.counted import FakeStream, count
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("small_chunks", "short_pauses")

PARTY = "NL-TNM"


class Killed(BaseException):
    """Not an Exception: nothing on the way may take it for a failure to be handled."""


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def names(size: int) -> list[str]:
    return [f"l{number:03d}" for number in range(size)]


def put(stream: FakeStream, size: int, audience: str | None = "*") -> None:
    writes = [Write(key(name), draft(name, at(n), audience), None) for n, name in enumerate(names(size))]
    stream.store.objects.put_many(writes)


def add(stream: FakeStream) -> None:
    put(stream, 3, PARTY)


def split(stream: FakeStream) -> None:
    put(stream, 50)


def update(stream: FakeStream) -> None:
    for number in (0, 7, 20, 35):
        given = draft("again", at(3600 - number), PARTY if number % 2 else "*")
        stream.store.objects.put(key(f"l{number:03d}"), given, expected=1)


def merge(stream: FakeStream) -> None:
    for name in names(36)[5:34]:
        stream.store.objects.delete(key(name), expected=1)


def mix(stream: FakeStream) -> None:
    stream.store.objects.put(key("l001"), draft("again", at(9)), expected=1)
    stream.store.objects.put(key("l030"), draft("again", at(30), None), expected=1)
    stream.store.objects.delete(key("l002"), expected=1)
    stream.store.objects.put(key("new"), draft("new", at(100), PARTY), expected=None)
    stream.store.objects.put(key("gone"), draft("gone", at(100)), expected=None)
    stream.store.objects.delete(key("gone"), expected=1)


def give(stream: FakeStream) -> None:
    """To the first party: a list that has no nodes yet is all that changes."""
    stream.store.objects.put(key("l001"), draft("again", at(1), PARTY), expected=1)
    stream.store.objects.put(key("l002"), draft("again", at(2), PARTY), expected=1)


CHANGES: dict[str, tuple[int, Callable[[FakeStream], None]]] = {
    "add": (0, add),
    "update": (36, update),
    "delete and merge": (36, merge),
    "split": (0, split),
    "of each some": (36, mix),
    "give to a party": (36, give),
}
"""By name: how many objects were counted before, and what is done then."""


def after_each_write(
    kind: str, prepared: Callable[[FakeStream], None]
) -> Iterator[tuple[FakeStream, list[Callable[[], None]]]]:
    """Streams whose tables do something at the first, the second, the third write … until there are no more.

    ``kind``: before the write or after it. ``prepared`` gives a table what it begins with.
    """
    wanted, reached = 0, True
    while reached:
        wanted, reached, seen = wanted + 1, False, 0
        stream = FakeStream()
        events: list[Callable[[], None]] = []
        prepared(stream)

        def notice(
            *_: Any, stream: FakeStream = stream, wanted: int = wanted, events: list[Callable[[], None]] = events
        ) -> None:
            nonlocal seen, reached
            seen += 1
            if seen == wanted:
                reached = True
                for event in events:
                    event()

        setattr(stream.table, kind, notice)
        yield stream, events
    assert wanted > 1


def in_peace(stream: FakeStream) -> None:
    stream.table.before, stream.table.after = lambda *_: None, lambda: None


def die() -> None:
    raise Killed


def survives(work: Callable[[], Any]) -> bool:
    try:
        work()
    except Killed:
        return False
    return True


def findings(stream: FakeStream) -> list[str]:
    return DynamoDBCounters(stream.client, "store").check(str(LOCATIONS))


def rebuild(stream: FakeStream) -> None:
    DynamoDBCounters(stream.client, "store").rebuild(str(LOCATIONS))


def prepared(before: int, change: Callable[[FakeStream], None]) -> Callable[[FakeStream], None]:
    def prepare(stream: FakeStream) -> None:
        put(stream, before)
        stream.catch_up()
        change(stream)

    return prepare


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_dies_at_any_write_and_comes_again_is_counted_once(name: str, kind: str) -> None:
    died = 0
    for stream, events in after_each_write(kind, prepared(*CHANGES[name])):
        events.append(die)
        records = stream.pending()
        died += not survives(partial(count, stream.client, "store", records))
        in_peace(stream)
        count(stream.client, "store", records)
        assert findings(stream) == []
        query = PageQuery(LOCATIONS, 100, order="last_updated", audience="*")
        assert len(stream.store.objects.page(query).documents) == stream.store.objects.page(query).total
    assert died >= 1


@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_builder_that_dies_at_any_write_leaves_pages_right_and_nothing_behind_in_the_end(kind: str) -> None:
    for stream, events in after_each_write(kind, prepared(36, update)):
        with stream.undisturbed():
            stream.catch_up()
        events.append(die)
        done = survives(partial(rebuild, stream))
        in_peace(stream)
        assert stream.store.objects.page(PageQuery(LOCATIONS, 1, 34)).total == 36
        assert stream.store.objects.page(PageQuery(LOCATIONS, 1, 31, audience="*")).total == 34
        if not done:
            rebuild(stream)
        stream.catch_up()
        assert findings(stream) == []
        generation = stream.table.items[(f"COUNTERS#{LOCATIONS}", "STATE")]["generation"]["N"]
        nodes = {pk.rpartition("#")[2] for pk, sk in stream.table.items if pk.startswith("COUNTERS#") and sk[1] == "#"}
        assert nodes == {generation}


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("name", [name for name, (before, _) in CHANGES.items() if before])
def test_changes_that_are_counted_at_any_write_of_a_builder_are_in_the_new_counters(name: str, kind: str) -> None:
    for stream, events in after_each_write(kind, prepared(*CHANGES[name])):
        records = stream.pending()
        events += [partial(in_peace, stream), partial(count, stream.client, "store", records)]
        rebuild(stream)
        in_peace(stream)
        count(stream.client, "store", records)
        assert findings(stream) == []


@pytest.mark.parametrize(("kind", "batch"), [("before", 100), ("after", 1)])
@pytest.mark.parametrize("name", [name for name, (before, _) in CHANGES.items() if before])
def test_counters_that_are_built_anew_at_any_write_of_who_counts_are_exact(
    name: str, kind: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpi.store.dynamodb_counting.BATCH", batch)
    for stream, events in after_each_write(kind, prepared(*CHANGES[name])):
        records = stream.pending()
        events += [partial(in_peace, stream), partial(rebuild, stream)]
        count(stream.client, "store", records)
        in_peace(stream)
        assert findings(stream) == []


@pytest.mark.parametrize("name", [name for name, (before, _) in CHANGES.items() if before])
def test_another_who_counts_the_same_at_any_write_counts_it_no_second_time(name: str) -> None:
    for stream, events in after_each_write("before", prepared(*CHANGES[name])):
        records = stream.pending()
        events += [partial(in_peace, stream), partial(count, stream.client, "store", records)]
        count(stream.client, "store", records)
        in_peace(stream)
        assert findings(stream) == []


def test_a_deletion_that_is_counted_late_and_by_old_counters_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """One invocation has the deletion and has read the counters' state; they are built anew; another, which has the
    same shard once more, counts what came before the deletion; then the first goes on.
    """
    monkeypatch.setattr("ocpi.store.dynamodb_counting.BATCH", 1)
    stream = FakeStream()
    put(stream, 9)
    stream.catch_up()
    stream.store.objects.put(key("l000"), draft("again", at(30)), expected=1)
    stream.store.objects.put(key("l001"), draft("again", at(31)), expected=1)
    stream.store.objects.delete(key("l001"), expected=2)
    first, before, deletion = stream.pending()

    def be_late() -> None:
        in_peace(stream)
        rebuild(stream)
        count(stream.client, "store", [before])

    stream.table.after = be_late
    count(stream.client, "store", [first, deletion])
    assert findings(stream) == []
