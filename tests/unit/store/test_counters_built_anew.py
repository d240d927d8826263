"""Counters that are built while others write, count and build: whoever comes in between, they are exact in the end."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store import dynamodb_counters_check
from ocpi.store.counter_tree import BOTTOM, ROOT, NodeId
from ocpi.store.dynamodb_counters import CountedList, State, node_key, read_state, state_key
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_counting import Counting, changes_of
from ocpi.store.dynamodb_ranks import Ranks
from ocpi.store.port import PageQuery, Write
from tests.support.counted import FakeStream, count
from tests.support.histories import History
from tests.support.scripted_dynamodb import ScriptedDynamoDB
from tests.support.stores import LOCATIONS, draft, key
from tests.support.strict_dynamodb import StrictDynamoDB

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.scripted_dynamodb import Request

pytestmark = pytest.mark.usefixtures("small_chunks", "short_pauses")

OURS = "own/locations"
LATER = "2026-01-01T00:00:09Z"


@pytest.fixture
def table() -> StrictDynamoDB:
    return StrictDynamoDB()


@pytest.fixture
def stream(table: StrictDynamoDB) -> FakeStream:
    return FakeStream(table)


def counters(stream: FakeStream) -> DynamoDBCounters:
    return DynamoDBCounters(stream.client, "store")


def state(stream: FakeStream) -> State | None:
    return read_state(stream.client, "store", OURS, consistent=True)


def write(stream: FakeStream, *names: str) -> None:
    for name in names:
        stream.store.objects.put(key(name), draft(name), expected=None)


def before_the_first(stream: FakeStream, operation: str, work: Callable[[], None], sort_key: str = "") -> None:
    """Do something once, right before the first write of a kind is carried out."""

    def come_in_between(carried_out: str, request: Request) -> None:
        where = request.get("Key") or request.get("Item") or {"sk": {"S": ""}}
        if carried_out == operation and sort_key in ("", where["sk"]["S"]):
            stream.table.before = lambda *_: None
            work()

    stream.table.before = come_in_between


def after_the_first_write(stream: FakeStream, work: Callable[[], None]) -> None:
    def come_in_between() -> None:
        stream.table.after = lambda: None
        work()

    stream.table.after = come_in_between


def test_nothing_is_relied_on_that_a_read_may_miss(stream: FakeStream) -> None:
    history = History(stream.store.objects, random.Random(2))
    for _ in range(6):
        for _ in range(20):
            history.write()
        stream.catch_up()

    assert counters(stream).check(OURS) == []
    counters(stream).rebuild(OURS)
    assert state(stream) == State(2, complete=True)
    assert counters(stream).check(OURS) == []


def test_the_collections_are_those_of_all_parts_of_the_index_that_are_ever_counted() -> None:
    names = [["NL-TNM/cdrs", "own/tokens"], ["jobs/imports", "own/tokens"], ["own/cdrs"]]
    pages: list[Any] = [{"Items": [{"collection": {"S": name}} for name in page]} for page in names]
    for page in pages[:-1]:
        page["LastEvaluatedKey"] = {"pk": {"S": "x"}}
    client: Any = ScriptedDynamoDB(*pages)

    assert DynamoDBCounters(client, "t").collections() == ["NL-TNM/cdrs", "own/cdrs", "own/tokens"]


def test_a_collection_is_read_a_batch_at_a_time(
    stream: FakeStream, table: StrictDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million objects are never in memory at once."""
    monkeypatch.setattr(dynamodb_counters_check, "BATCH", 2)
    write(stream, *"abcde")
    for work in (counters(stream).rebuild, counters(stream).check):
        table.batches.clear()
        work(OURS)
        assert max(table.batches) == 2


def test_counters_are_not_complete_while_they_are_built(stream: FakeStream) -> None:
    write(stream, "a")
    seen: list[State | None] = []
    for _ in range(2):
        before_the_first(stream, "TransactWriteItems", lambda: seen.append(state(stream)))
        counters(stream).rebuild(OURS)
        seen.append(state(stream))

    assert seen == [State(generation, complete=complete) for generation in (1, 2) for complete in (False, True)]


def test_who_builds_for_the_first_time_leaves_it_to_those_who_begin_to_count_meanwhile(stream: FakeStream) -> None:
    write(stream, "a", "b")
    before_the_first(stream, "PutItem", stream.catch_up, sort_key="STATE")

    with pytest.raises(stream.client.exceptions.ConditionalCheckFailedException):
        counters(stream).rebuild(OURS)
    assert counters(stream).check(OURS) == []


def test_what_is_counted_anew_before_the_old_counters_are_deleted_stays(stream: FakeStream) -> None:
    write(stream, "a", "b")
    stream.catch_up()
    stream.store.objects.put(key("a"), draft("2", LATER), expected=1)
    after_the_first_write(stream, stream.catch_up)
    counters(stream).rebuild(OURS)

    assert counters(stream).check(OURS) == []


def test_who_knows_of_the_old_counters_only_counts_nothing_in_them_that_is_in_the_new_ones(stream: FakeStream) -> None:
    write(stream, "a", "b")
    stream.catch_up()
    stream.store.objects.put(key("a"), draft("2", LATER), expected=1)

    def count_in_both() -> None:
        stream.catch_up()
        stream.store.objects.put(key("a"), draft("3", "2026-01-01T00:00:10Z"), expected=2)
        late = Counting(stream.client, "store")
        late._states[OURS] = State(1, complete=True)
        late.count(changes_of(stream.pending()))

    after_the_first_write(stream, count_in_both)
    counters(stream).rebuild(OURS)
    assert counters(stream).check(OURS) == []


def test_what_moves_after_the_builder_read_it_is_counted_where_it_went(stream: FakeStream) -> None:
    write(stream, "a", "b")
    stream.catch_up()

    def move() -> None:
        stream.store.objects.put(key("a"), draft("2", LATER), expected=1)
        stream.catch_up()

    before_the_first(stream, "TransactWriteItems", move)
    counters(stream).rebuild(OURS)
    assert counters(stream).check(OURS) == []


def test_a_node_that_is_split_while_the_old_ones_are_deleted_leaves_nothing_behind(stream: FakeStream) -> None:
    write(stream, "a")
    stream.catch_up()
    created = CountedList(OURS, "created")
    first, beside = (node_key(created, 1, NodeId(BOTTOM, low)) for low in ("", "2026"))

    def split() -> None:
        stream.table.items[beside] = copy.deepcopy(stream.table.items[first]) | {"sk": {"S": beside[1]}}

    before_the_first(stream, "BatchWriteItem", split)
    counters(stream).rebuild(OURS)
    assert {pk[-2:] for pk, _ in stream.table.items if pk.startswith(f"COUNTERS#{OURS}|")} == {"#2"}


def test_an_object_that_is_written_while_it_is_given_its_view_is_what_was_written(stream: FakeStream) -> None:
    write(stream, "a", "b")
    at = ("OBJECT#own/locations#a", "OBJECT")
    old = stream.table.items[at]
    lacking = {name: value for name, value in old.items() if name not in ("view", "addressed_key")}
    stream.table._replace(at, old, lacking)
    stream.pending()

    def give_to_a_party() -> None:
        stream.store.objects.put(key("a"), draft("mine", audience="NL-TNM"), expected=1)

    before_the_first(stream, "UpdateItem", give_to_a_party, sort_key="OBJECT")
    counters(stream).rebuild(OURS)
    stream.catch_up()
    assert counters(stream).check(OURS) == []
    assert stream.store.objects.page(PageQuery(LOCATIONS, 9, audience="NL-TNM")).documents == ["mine"]
    assert stream.store.objects.page(PageQuery(LOCATIONS, 9, audience="*")).documents == ["b"]


def test_counters_that_never_had_a_list_are_built(stream: FakeStream) -> None:
    stream.table.put_item(TableName="store", Item=State(1, complete=False).item(OURS))
    write(stream, "a")
    counters(stream).rebuild(OURS)

    assert counters(stream).check(OURS) == []


def test_any_rank_is_told_by_nodes_of_all_levels(stream: FakeStream) -> None:
    moments = [f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z" for number in range(150)]
    stream.store.objects.put_many([Write(key(each), draft("1", each), None) for each in moments])
    stream.catch_up(batch=9)
    updated = CountedList(OURS, "updated")
    keys = sorted(item["updated_key"]["S"] for (_, sk), item in stream.table.items.items() if sk == "OBJECT")

    def within(low: str, high: str) -> int:
        return sum(low <= each < high for each in keys)

    ranks = Ranks(stream.client, "store", updated, state(stream), within, everybody=False)
    assert ranks.ranks(keys) == {each: number for number, each in enumerate(keys)}
    levels = [sk[0] for pk, sk in stream.table.items if pk == node_key(updated, 1, ROOT)[0]]
    assert min(levels.count("1"), levels.count("2")) > 1


def test_what_comes_again_is_not_written_again(stream: FakeStream) -> None:
    write(stream, "a")
    records = stream.pending()
    count(stream.client, "store", records)
    written = stream.table.write_units
    count(stream.client, "store", records)

    assert stream.table.write_units == written


def test_a_chunk_that_is_just_full_is_not_looked_at_again(stream: FakeStream, table: StrictDynamoDB) -> None:
    write(stream, *"abcdefgh")
    stream.catch_up()

    assert {times for (pk, _), times in table.met.items() if pk.startswith(f"COUNTERS#{OURS}|")} == {1}


def test_the_state_of_a_collection_is_looked_for_where_it_is(stream: FakeStream, table: StrictDynamoDB) -> None:
    write(stream, "a")
    stream.catch_up()

    assert {pk for pk, sk in table.met if sk == "STATE"} == {state_key(OURS)[0]}
