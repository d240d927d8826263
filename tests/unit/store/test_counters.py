"""The counters over DynamoDB in memory: whatever happens to objects and to records of the stream, they are exact."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import count as count_from
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.counter_tree import size_of
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_counting import Counting
from ocpi.store.port import PageQuery, Write
from tests.support.counted import FakeStream, count
from tests.support.histories import ONE_INSTANT, History
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("small_chunks")

SEEDS = range(24)


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


def counters(stream: FakeStream) -> DynamoDBCounters:
    return DynamoDBCounters(stream.client, "store")


def nodes(stream: FakeStream, kind: str = "") -> list[dict[str, Any]]:
    """The nodes of all lists, or of those whose names end so."""
    return [item for (pk, _), item in stream.table.items.items() if re.match(rf"COUNTERS#.*\|.*{kind}#\d+$", pk)]


def hand_over_as_shards_do(stream: FakeStream, chance: random.Random) -> None:
    """Each object's records in order, those of others in any; some come again, at once or after others."""
    shards: dict[str, list[dict[str, Any]]] = {}
    for record in stream.pending():
        shards.setdefault(record["dynamodb"]["Keys"]["pk"]["S"][-1], []).append(record)
    again = []
    for shard in chance.sample(sorted(shards), len(shards)):
        records = shards[shard]
        count(stream.client, "store", records)
        if chance.random() < 0.3:
            again.append(records[chance.randrange(len(records)) :])
    for records in again:
        count(stream.client, "store", records)


@pytest.mark.parametrize("seed", SEEDS)
def test_counters_are_exact_and_pages_those_of_brute_force(stream: FakeStream, seed: int) -> None:
    chance = random.Random(seed)
    history = History(stream.store.objects, chance, tied=seed % 4 == 0)
    for _ in range(chance.randrange(50, 700)):
        history.write()
        if chance.random() < 0.08:
            hand_over_as_shards_do(stream, chance)
    hand_over_as_shards_do(stream, chance)

    assert counters(stream).check("own/locations") == []
    for _ in range(30):
        query = history.query()
        stream.table.calls.clear()
        assert history.is_paged_right(query), query


def test_a_record_that_comes_again_long_after_changes_nothing(stream: FakeStream) -> None:
    objects = stream.store.objects
    objects.put(key("a"), draft("1"), expected=None)
    objects.put(key("a"), draft("2", "2026-01-01T00:00:09Z", "NL-TNM"), expected=1)
    objects.put(key("b"), draft("3"), expected=None)
    objects.delete(key("b"), expected=1)
    records = stream.pending()
    count(stream.client, "store", records)
    for record in [*records, *reversed(records)]:
        count(stream.client, "store", [record])

    assert counters(stream).check("own/locations") == []
    assert objects.page(PageQuery(LOCATIONS, 1, order="last_updated", updated_to="2026-01-01T00:00:09Z")).total == 0


def test_a_transaction_that_another_invocation_comes_before_is_made_anew(
    stream: FakeStream, short_pauses: None
) -> None:
    objects, chance = stream.store.objects, random.Random(7)
    history = History(objects, chance)
    for _ in range(150):
        history.write()
    stream.catch_up()
    for _ in range(60):
        history.write()
    mine = stream.pending()
    for _ in range(60):
        history.write()
    others = stream.pending()
    met = 0

    def come_in_between(operation: str, request: dict[str, Any]) -> None:
        nonlocal met
        if operation in ("TransactWriteItems", "UpdateItem") and others and chance.random() < 0.5:
            stream.table.before = lambda *_: None
            count(stream.client, "store", [others.pop(0)])
            stream.table.before = come_in_between
            met += 1

    stream.table.before = come_in_between
    for start in range(0, len(mine), 5):
        count(stream.client, "store", mine[start : start + 5])
    stream.table.before = lambda *_: None
    count(stream.client, "store", others)

    assert met > 5
    assert counters(stream).check("own/locations") == []


def test_a_record_that_two_invocations_have_at_once_is_counted_once(stream: FakeStream, short_pauses: None) -> None:
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    records = stream.pending()

    def count_it_first(operation: str, request: dict[str, Any]) -> None:
        stream.table.before = lambda *_: None
        count(stream.client, "store", records)

    for revision in (1, 2, 3):
        stream.table.before = count_it_first
        count(stream.client, "store", records)
        assert counters(stream).check("own/locations") == []
        stream.store.objects.put(key("a"), draft("2", audience="NL-TNM" if revision % 2 else None), expected=revision)
        records = stream.pending()


def test_a_key_that_moves_within_a_chunk_while_it_is_split_is_counted_in_the_right_half(
    stream: FakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(9):
        stream.store.objects.put(key(f"l{second}"), draft("1", at(second)), expected=None)
    mine = stream.pending()
    count(stream.client, "store", mine[:8])
    stream.store.objects.put(key("l0"), draft("1", at(7)), expected=1)
    others = stream.pending()
    split = []

    def move_before_it_is_split(operation: str, request: dict[str, Any]) -> None:
        if operation == "UpdateItem" and "|updated#" in request["Key"]["pk"]["S"]:
            stream.table.before = lambda *_: None
            split.append(request)
            with monkeypatch.context() as patched:
                patched.setattr(Counting, "_reshape", lambda _: None)
                count(stream.client, "store", others)

    stream.table.before = move_before_it_is_split
    count(stream.client, "store", mine[8:])

    assert split
    assert counters(stream).check("own/locations") == []


def test_a_node_that_is_split_after_the_one_above_it_was_read_is_not_taken_for_the_whole(
    stream: FakeStream, short_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = stream.store.objects
    for second in range(60):
        objects.put(key(f"l{second:02d}"), draft("1", at(second)), expected=None)
    stream.catch_up()
    bottoms = sorted(
        (node for node in nodes(stream, "updated") if node["sk"]["S"][0] == "2"), key=lambda n: n["sk"]["S"]
    )
    start, end = (int(low[17:19]) for low in (bottoms[1]["sk"]["S"][2:], bottoms[1]["upper"]["S"]))
    objects.put(key("l00"), draft("2", at(1)), expected=1)
    objects.put(key(f"l{start:02d}"), draft("2", at(end - 1)), expected=1)
    mine = stream.pending()
    for number in range(40):
        objects.put(key(f"k{number}"), draft("1", at(end - 1)), expected=None)
    others = stream.pending()

    def split_it_meanwhile(operation: str, request: dict[str, Any]) -> None:
        stream.table.before = lambda *_: None
        count(stream.client, "store", others)

    # A change each, so that the node of the second is read when the first was counted.
    monkeypatch.setattr("ocpi.store.dynamodb_counting.BATCH", 1)
    stream.table.before = split_it_meanwhile
    count(stream.client, "store", mine)

    assert counters(stream).check("own/locations") == []


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}Z"


def test_what_has_one_timestamp_is_split_as_well(stream: FakeStream) -> None:
    names = [f"l{number:04d}" for number in range(300)]
    stream.store.objects.put_many([Write(key(name), draft(name, ONE_INSTANT), None) for name in names])
    stream.catch_up()

    chunks = [
        size_of(int(number["N"]))
        for node in nodes(stream, "updated")
        for name, number in node.items()
        if name.startswith("=") and node["sk"]["S"].startswith("2#")
    ]
    assert max(chunks) <= 8
    assert sum(chunks) == 300
    query = PageQuery(LOCATIONS, 3, 217, order="last_updated", updated_from=ONE_INSTANT)
    assert stream.store.objects.page(query).documents == names[217:220]


def test_the_tree_of_what_is_deleted_is_given_up(stream: FakeStream) -> None:
    names = [f"l{number:03d}" for number in range(200)]
    stream.store.objects.put_many([Write(key(name), draft(name), None) for name in names])
    stream.catch_up()
    before = len(nodes(stream, "created"))
    for name in names:
        stream.store.objects.delete(key(name), expected=1)
    stream.catch_up()

    assert before > 8
    assert len(nodes(stream, "created")) == 3
    assert counters(stream).check("own/locations") == []


def test_a_deleted_object_is_forgotten_when_no_record_of_it_can_come_any_more(stream: FakeStream) -> None:
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.store.objects.delete(key("a"), expected=1)
    stream.catch_up()

    tally = stream.table.items[("COUNTED#own/locations#a", "COUNTED")]
    assert int(tally["expires"]["N"]) > 0


def test_a_collection_from_before_there_were_counters_is_walked_until_it_is_counted(stream: FakeStream) -> None:
    history = History(stream.store.objects, random.Random(3))
    for _ in range(200):
        history.write()
    for item in stream.table.items.values():
        _grow_old(stream, item)
    stream.pending()
    history.put("l1", "*")
    stream.catch_up()

    assert counters(stream).check("own/locations") == ["own/locations is not counted completely"]
    assert stream.store.objects.page(PageQuery(LOCATIONS, 1)).total == len(history.live)
    counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == []
    history.put("l2", "*")
    stream.catch_up()
    assert counters(stream).check("own/locations") == []


def _grow_old(stream: FakeStream, item: dict[str, Any]) -> None:
    """Let the index show that an object was made long ago."""
    entries = stream.table._entries["by_created"]["own/locations"]
    (_, pk), entry = entries[0]
    if pk == item["pk"]["S"]:
        created = "2020" + entry["key"][4:]
        item["created_key"] = {"S": created}
        entries[0] = ((created, pk), {**entry, "key": created})


def test_wrong_counters_are_found_and_built_anew_while_objects_change(stream: FakeStream) -> None:
    chance = random.Random(5)
    history = History(stream.store.objects, chance)
    for _ in range(300):
        history.write()
    stream.catch_up()
    node = next(node for node in nodes(stream, "updated") if node["sk"]["S"].startswith("2#"))
    child = next(name for name in node if name.startswith("="))
    node[child] = {"N": str(int(node[child]["N"]) + 1)}
    old = len(nodes(stream))
    assert len(counters(stream).check("own/locations")) == 2

    def write_meanwhile(operation: str, request: dict[str, Any]) -> None:
        stream.table.before = lambda *_: None
        if operation == "TransactWriteItems" and chance.random() < 0.5:
            history.write()
            if chance.random() < 0.5:
                stream.catch_up()
        stream.table.before = write_meanwhile

    stream.table.before = write_meanwhile
    counters(stream).rebuild("own/locations")
    stream.table.before = lambda *_: None
    stream.catch_up()
    assert counters(stream).check("own/locations") == []
    assert len(nodes(stream)) < 2 * old
    assert {pk[-2:] for pk, sk in stream.table.items if pk.startswith("COUNTERS#") and sk[1] == "#"} == {"#2"}


@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_a_page_costs_the_same_however_many_objects_there_are(stream: FakeStream, order: str) -> None:
    costs: list[Counter[str]] = []
    for start, end in ((0, 60), (60, 1500)):
        writes = [
            Write(key(f"l{n:04d}"), draft("x", f"2026-01-01T00:{n % 60:02d}:{n // 60:02d}Z"), None)
            for n in range(start, end)
        ]
        stream.store.objects.put_many(writes)
        stream.catch_up()
        query = PageQuery(LOCATIONS, 10, offset=end * 3 // 4, order=order)  # type: ignore[arg-type] # a parameter is str
        stream.table.calls.clear()
        stream.store.objects.page(query)
        costs.append(stream.table.calls.copy())
        stream.table.calls.clear()
        filtered = replace(query, order="last_updated", updated_from="2026-01-01T00:01:00Z", offset=end // 4)
        stream.store.objects.page(filtered)
        costs.append(stream.table.calls.copy())
    assert costs[0] == costs[2]
    assert costs[1] == costs[3]
    assert max(cost.total() for cost in costs) <= 20


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_a_crawl_by_position_misses_none_while_objects_move(stream: FakeStream, seed: int, order: str) -> None:
    """Five crawls a seed, 1,000 in all, with the stream as late as it likes."""
    chance, later = random.Random(seed), count_from(0)
    history = History(stream.store.objects, chance, ids=60)
    for _ in range(40):
        history.put(f"l{chance.randrange(60)}", "*")
    for _ in range(5):
        there, met = set(history.live), set()
        for documents in _crawl(stream, chance, order):
            met |= set(documents)
            for _ in range(chance.randrange(4)):
                name, number = chance.choice(sorted(history.live)), next(later)
                moved = history.live[name].draft(last_updated=f"2026-01-02T00:{number // 60:02d}:{number % 60:02d}Z")
                history.live[name] = stream.store.objects.put(key(name), moved, expected=history.live[name].revision)
            if chance.random() < 0.5:
                stream.catch_up(chance.randrange(1, 50))
        assert met == there


def _crawl(stream: FakeStream, chance: random.Random, order: str) -> Iterator[list[str]]:
    position = None
    for _ in range(1000):
        query = PageQuery(LOCATIONS, chance.randrange(5, 12), after=position, order=order)  # type: ignore[arg-type] # a parameter is str
        page = stream.store.objects.page(query)
        yield page.documents
        position = page.next
        if position is None:
            return
    raise AssertionError("the crawl has no end")
