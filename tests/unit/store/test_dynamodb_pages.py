"""Pages in DynamoDB: what the indexes and the counters are asked, and what is made of entries that lag behind."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.counter_tree import packed
from ocpi.store.dynamodb_counters import CountedList, State
from ocpi.store.dynamodb_pages import list_of, read_page
from ocpi.store.dynamodb_ranks import NoCounters, Ranks
from ocpi.store.port import Collection, Page, PageQuery
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB

if TYPE_CHECKING:
    from collections.abc import Callable

LOCATIONS = Collection("own", "locations")
COMPLETE = State(1, complete=True)
COUNTING = {"Select": "COUNT"}


class Index:
    """An index with these entries by their keys, over a table with these documents; counters if a tree is given."""

    def __init__(self, *names: str, gone: str = "", tree: Callable[[Any], Any] | None = None) -> None:
        self.names, self.gone, self.tree = names, gone, tree
        self.documents: dict[str, Any] = {name: {"S": f'"{name}"'} for name in names}
        self.more: Request = {}
        client: Any = ScriptedDynamoDB(answer=self._answer)
        self.client = client

    def page(self, limit: int, **query: Any) -> Page:
        return read_page(self.client, "t", PageQuery(LOCATIONS, limit, **query))

    def _answer(self, operation: str, request: Request) -> Request:
        if operation == "get_item":
            return {"Item": COMPLETE.item(str(LOCATIONS))} if self.tree else {}
        if operation == "batch_get_item":
            keys = request["RequestItems"]["t"]["Keys"]
            if "STATE" in str(keys) or "COUNTERS" in str(keys):
                assert self.tree
                found = [self.tree(each) for each in keys]
            else:
                found = [self._item(each["pk"]["S"]) for each in keys if each["pk"]["S"] not in self.gone]
            return {"Responses": {"t": [each for each in found if each]}, "UnprocessedKeys": {}}
        values, start = request["ExpressionAttributeValues"], request.get("ExclusiveStartKey", {"S": ""})["S"]
        names = [name for name in self.names if values[":low"]["S"] <= name <= values[":high"]["S"] and name > start]
        limit = request.get("Limit", len(names) + 1)
        answer: Request = {"Count": len(names[:limit])}
        if request.get("Select") != "COUNT":
            answer["Items"] = [
                {"pk": {"S": name}, **{f"{order}_key": {"S": name} for order in ("created", "updated", "addressed")}}
                for name in names[:limit]
            ]
        return answer | ({"LastEvaluatedKey": {"S": names[limit - 1]}} if len(names) >= limit else {})

    def _item(self, name: str) -> Request:
        item: Request = {"pk": {"S": name}, "document": self.documents[name], "updated_key": {"S": name}}
        item |= self.more.get(name, {})
        return item


def test_a_page_reads_one_entry_more_than_it_has_and_the_bodies_of_its_own() -> None:
    index = Index("1", "2", "3", "4")

    assert index.page(2, counted=False) == Page(['"1"', '"2"'], 0, "2")
    query, bodies = (request for _, request in index.client.asked)
    assert query == {
        **CountedList("own/locations", "created").between("t", "0", "~"),
        "ProjectionExpression": "pk, created_key",
        "Limit": 3,
    }
    wanted = bodies["RequestItems"]["t"]
    assert wanted["ProjectionExpression"] == "pk, document"
    assert wanted["ConsistentRead"] is True
    assert [key["pk"]["S"] for key in wanted["Keys"]] == ["1", "2"]


def test_a_page_goes_on_right_after_a_position() -> None:
    index = Index("1", "2", "3", "4")

    assert index.page(2, after="2", counted=False) == Page(['"3"', '"4"'], 0, None)
    assert index.client.asked[0][1]["ExpressionAttributeValues"][":low"] == {"S": "2\0"}
    index.page(2, after="2", created_from="3", counted=False)
    assert index.client.requests("query")[1]["ExpressionAttributeValues"][":low"] == {"S": "3"}


def test_a_page_after_the_end_of_its_span_is_empty_without_a_request() -> None:
    index = Index("1", "2")

    query: Any = {"order": "last_updated", "updated_to": "2", "after": "3", "counted": False}
    assert index.page(2, **query) == Page([], 0, None)
    assert index.client.asked == []


@pytest.mark.parametrize(("low", "high"), [("2", "2"), ("3", "2")])
def test_a_span_without_any_time_in_it_is_not_asked_for(low: str, high: str) -> None:
    index = Index("1", "2")

    assert index.page(2, order="last_updated", updated_from=low, updated_to=high) == Page([], 0, None)
    assert index.client.asked == []


def test_without_counters_a_list_is_walked_and_counted_last() -> None:
    index = Index("1", "2", "3", "4", "5")

    assert index.page(2, offset=2) == Page(['"3"', '"4"'], 5, "4")
    skip, entries, total = index.client.requests("query")
    span = CountedList("own/locations", "created").between("t", "0", "~")
    assert skip == span | COUNTING | {"Limit": 2}
    assert entries["ExclusiveStartKey"] == {"S": "2"}
    assert entries["Limit"] == 3
    assert total == span | COUNTING
    (state,) = index.client.requests("get_item")
    key = {"pk": {"S": "COUNTERS#own/locations"}, "sk": {"S": "STATE"}}
    assert state == {"TableName": "t", "Key": key, "ConsistentRead": False}


@pytest.mark.parametrize("offset", [6, 9])
def test_without_counters_an_offset_beyond_the_end_is_an_empty_page_with_the_total(offset: int) -> None:
    assert Index("1", "2", "3", "4", "5").page(2, offset=offset) == Page([], 5, None)


def test_without_counters_an_offset_at_the_very_end_is_an_empty_page() -> None:
    assert Index("1", "2").page(2, offset=2) == Page([], 2, None)


def test_skipping_goes_on_where_an_answer_ends() -> None:
    client: Any = ScriptedDynamoDB(
        {},
        {"Count": 1, "LastEvaluatedKey": {"S": "a"}},
        {"Count": 2, "LastEvaluatedKey": {"S": "b"}},
        {"Items": []},
        {"Count": 3},
    )
    assert read_page(client, "t", PageQuery(LOCATIONS, 2, offset=3)) == Page([], 3, None)
    first, second, entries, _ = client.requests("query")
    assert (first["Limit"], second["Limit"]) == (3, 2)
    assert (second["ExclusiveStartKey"], entries["ExclusiveStartKey"]) == ({"S": "a"}, {"S": "b"})


def test_a_page_after_a_position_skips_nothing_whatever_its_offset() -> None:
    assert Index("1", "2", "3").page(2, offset=2, after="1") == Page(['"2"', '"3"'], 3, None)


def test_objects_that_are_gone_are_left_out_and_others_read_for_them() -> None:
    index = Index("1", "2", "3", "4", "5", gone="23")

    assert index.page(2, counted=False) == Page(['"1"', '"4"'], 0, "4")
    assert [len(each["RequestItems"]["t"]["Keys"]) for each in index.client.requests("batch_get_item")] == [2, 1, 1]
    assert index.page(4, counted=False) == Page(['"1"', '"4"', '"5"'], 0, None)


def test_an_object_that_is_met_twice_is_taken_at_its_first_place() -> None:
    entries = [{"pk": {"S": pk}, "updated_key": {"S": place}} for pk, place in (("a", "1"), ("b", "2"), ("a", "3"))]
    items = [{"pk": {"S": pk}, "document": {"S": pk}, "updated_key": {"S": "3"}} for pk in "ab"]
    client: Any = ScriptedDynamoDB({"Items": entries}, {"Responses": {"t": items}, "UnprocessedKeys": {}})

    page = read_page(client, "t", PageQuery(LOCATIONS, 5, order="last_updated", counted=False))
    assert page == Page(["a", "b"], 0, None)
    wanted = client.asked[1][1]["RequestItems"]["t"]
    assert wanted["ProjectionExpression"] == "pk, document, updated_key"


@pytest.mark.parametrize(("place", "is_in"), [("1", False), ("2", True), ("3#a", True), ("4", False), ("5", False)])
def test_what_has_left_the_span_since_is_left_out(place: str, *, is_in: bool) -> None:
    index = Index("3")
    index.more = {"3": {"updated_key": {"S": place}}}

    query: Any = {"order": "last_updated", "updated_from": "2", "updated_to": "4", "counted": False}
    assert bool(index.page(5, **query).documents) is is_in
    assert index.client.asked[0][1] == {
        **CountedList("own/locations", "updated").between("t", "2", "4"),
        "ProjectionExpression": "pk, updated_key",
        "Limit": 6,
    }


@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_a_page_for_a_party_is_of_its_view_and_of_what_is_still_for_it(order: Any) -> None:
    index = Index("1", "2", "3")
    index.more = {"1": {"audience": {"S": "NL-TNM"}}, "2": {"audience": {"S": "DE-8AA"}}}

    assert index.page(9, order=order, audience="NL-TNM", counted=False).documents == ['"1"']
    query, bodies = (request for _, request in index.client.asked)
    counted = CountedList("own/locations|NL-TNM", "addressed" if order == "created" else "updated")
    assert query["ProjectionExpression"] == f"pk, {counted.attribute}"
    assert "FilterExpression" not in query
    assert query["ExpressionAttributeValues"] == counted.between("t", "0", "~")["ExpressionAttributeValues"]
    projection = "pk, document, audience" + (", updated_key" if order == "last_updated" else "")
    assert bodies["RequestItems"]["t"]["ProjectionExpression"] == projection


def test_where_what_is_for_everybody_may_lack_its_view_it_is_filtered_from_all() -> None:
    index = Index("1", "2")
    index.more = {"1": {"audience": {"S": "*"}}}

    assert index.page(9, audience="*", counted=False).documents == ['"1"']
    state, query, _ = (request for _, request in index.client.asked)
    assert state["Key"]["sk"] == {"S": "STATE"}
    assert query["IndexName"] == "by_created"
    assert query["FilterExpression"] == "audience = :audience"
    assert query["ExpressionAttributeValues"][":audience"] == {"S": "*"}
    assert query["ExpressionAttributeValues"][":partition"] == {"S": "own/locations"}


@pytest.mark.parametrize(
    ("audience", "state", "order", "counted"),
    [
        (None, COMPLETE, "created", CountedList("own/locations", "created")),
        (None, None, "last_updated", CountedList("own/locations", "updated")),
        ("*", None, "created", CountedList("own/locations", "created")),
        ("*", State(1, complete=False), "last_updated", CountedList("own/locations", "updated")),
        ("*", COMPLETE, "created", CountedList("own/locations|*", "addressed")),
        ("*", COMPLETE, "last_updated", CountedList("own/locations|*", "updated")),
        ("NL-TNM", None, "created", CountedList("own/locations|NL-TNM", "addressed")),
    ],
)
def test_which_list_a_query_is_about(audience: str | None, state: State | None, order: Any, counted: Any) -> None:
    assert list_of(PageQuery(LOCATIONS, 1, order=order, audience=audience), state) == counted


@pytest.mark.parametrize(("most", "documents"), [(6, ["é" * 3]), (11, ["é" * 3]), (12, ["é" * 3] * 2), (1, ["é" * 3])])
def test_a_page_ends_before_it_has_more_bytes_than_it_may(most: int, documents: list[str]) -> None:
    index = Index("1", "2", "3")
    index.documents = {name: {"S": "é" * 3} for name in "123"}

    page = index.page(9, max_bytes=most, counted=False)
    assert (page.documents, page.next) == (documents, str(len(documents)))


@pytest.mark.parametrize("ruined", [{"B": b"no zlib"}, {"B": zlib.compress(b"\xff")}, {"N": "1"}])
def test_an_object_that_cannot_be_read_keeps_nobody_from_those_that_follow(
    caplog: pytest.LogCaptureFixture, ruined: Any
) -> None:
    index = Index("1", "2", "3", "4")
    index.documents["2"] = ruined

    assert index.page(2, counted=False).documents == ['"1"', '"3"']
    assert "an object is left out because it cannot be read: run python -m ocpi.doctor" in caplog.text
    index.documents["3"] = {"S": "x" * 50}
    assert index.page(3, max_bytes=10, counted=False) == Page(['"1"'], 0, "2")


def chunk_tree(**counts: int) -> Callable[[Any], Any]:
    """A tree of one node on each level, with these chunks."""

    def node(key: Any) -> Request | None:
        if key["sk"]["S"] not in ("0#", "1#", "2#"):
            return None
        children = {"=" + ("" if low == "first" else low): number for low, number in counts.items()}
        level = key["sk"]["S"][0]
        if level != "2":
            children = {"=": sum(counts.values())}
        item = {name: {"N": str(number)} for name, number in children.items()}
        found: Request = key | {"structure": {"N": "1"}, "changes": {"N": "1"}} | item
        return found

    return node


def test_counters_tell_where_a_page_begins_and_the_total() -> None:
    index = Index(*"123456", tree=chunk_tree(first=2, **{"3": 4}))

    assert index.page(2, offset=3) == Page(['"4"', '"5"'], 6, "5")
    (entries,) = index.client.requests("query")
    assert entries["ExpressionAttributeValues"][":low"] == {"S": "3"}
    assert entries["Limit"] == 1 + 2 + 1
    assert index.page(2, offset=1) == Page(['"2"', '"3"'], 6, "3")
    assert index.client.requests("query")[1]["ExpressionAttributeValues"][":low"] == {"S": "0"}


def test_a_page_by_offset_that_is_not_counted_begins_by_the_counters_too() -> None:
    assert Index(*"123456", tree=chunk_tree(first=2, **{"3": 4})).page(2, offset=3, counted=False) == Page(
        ['"4"', '"5"'], 0, "5"
    )


def test_counters_and_a_walk_within_one_chunk_count_a_span() -> None:
    index = Index(*"123456", tree=chunk_tree(first=2, **{"3": 4}))

    page = index.page(2, order="last_updated", updated_from="1#", updated_to="4#", offset=1)
    # From 2 to 4: three, of which the second one is the first of the page.
    assert page == Page(['"3"', '"4"'], 3, None)
    within = [query for query in index.client.requests("query") if "Select" in query]
    bounds = [[query["ExpressionAttributeValues"][each]["S"] for each in (":low", ":high")] for query in within]
    assert bounds == [["0", "1#"], ["3", "4#"]]


def test_the_total_of_a_span_is_without_what_comes_before_it() -> None:
    index = Index(*"123456", tree=chunk_tree(first=2, **{"3": 4}))

    query: Any = {"order": "last_updated", "updated_from": "1#", "updated_to": "5#"}
    assert index.page(2, **query) == Page(['"2"', '"3"'], 4, "3")


def test_far_behind_the_end_of_a_span_nothing_is_looked_for() -> None:
    index = Index(*"123456", tree=chunk_tree(first=2, **{"3": 4}))

    query: Any = {"order": "last_updated", "updated_from": "2#", "updated_to": "5#"}
    assert index.page(2, offset=3 + 101, **query) == Page([], 3, None)
    assert all("Select" in request for request in index.client.requests("query"))


def test_a_span_that_ends_where_a_chunk_begins_needs_no_walk_within_it() -> None:
    index = Index(*"123456", tree=chunk_tree(first=2, **{"3#": 4}))

    assert index.page(1, order="last_updated", updated_to="3#") == Page(['"1"'], 2, "1")
    assert not any("Select" in query for query in index.client.requests("query"))


def test_a_whole_list_knows_its_total_before_the_counters_do() -> None:
    assert Index(*"123", tree=chunk_tree(first=9)).page(5) == Page(['"1"', '"2"', '"3"'], 3, None)
    assert Index(*"123", tree=chunk_tree(first=9)).page(2) == Page(['"1"', '"2"'], 9, "2")


def test_a_total_is_never_less_than_what_the_page_shows() -> None:
    assert Index(*"12345", tree=chunk_tree(first=1)).page(2) == Page(['"1"', '"2"'], 3, "2")
    assert Index(*"12345", tree=chunk_tree(first=1)).page(2, offset=3) == Page(['"4"', '"5"'], 5, None)
    assert Index(*"12345", tree=chunk_tree(first=1)).page(2, offset=9) == Page([], 1, None)
    assert Index(*"12345", tree=chunk_tree(first=1)).page(2, after="2") == Page(['"3"', '"4"'], 1, "4")


@pytest.mark.parametrize(("offset", "is_looked_for"), [(101, True), (102, False)])
def test_counters_may_be_late_by_a_hundred(offset: int, *, is_looked_for: bool) -> None:
    index = Index(*"12345", tree=chunk_tree(first=1))
    index.page(2, offset=offset)

    assert bool(index.client.requests("query")) is is_looked_for


def test_what_is_for_everybody_is_counted_in_the_lists_of_its_collection() -> None:
    index = Index(*"123", tree=chunk_tree(first=packed(7, 3)))
    index.more = {name: {"audience": {"S": "*"}} for name in "123"}

    assert index.page(2, audience="*") == Page(['"1"', '"2"'], 3, "2")
    nodes = [str(each) for each in index.client.requests("batch_get_item")]
    assert "COUNTERS#own/locations|created#1" in nodes[0]
    assert index.client.requests("query")[0]["IndexName"] == "by_audience_created"


def ranks(client: Any, state: State | None = COMPLETE) -> Ranks:
    counted = CountedList("own/locations", "created")
    return Ranks(client, "t", counted, state, lambda low, high: 0, everybody=False)


@pytest.mark.parametrize("state", [None, State(1, complete=False)])
def test_counters_that_are_not_complete_are_of_no_use(state: State | None) -> None:
    client = ScriptedDynamoDB()

    with pytest.raises(NoCounters, match=r"^own/locations\|created$"):
        ranks(client, state)
    assert client.asked == []


def test_a_node_that_a_copy_lacks_is_read_from_the_one_that_has_it() -> None:
    key = {"pk": {"S": "COUNTERS#own/locations|created#1"}, "sk": {"S": "0#"}}
    missing: Request = {"Responses": {"t": []}, "UnprocessedKeys": {}}
    there = {"Responses": {"t": [chunk_tree(first=4)(key)]}, "UnprocessedKeys": {}}
    client = ScriptedDynamoDB(missing, there)

    assert ranks(client).total() == 4
    first, second = (each["RequestItems"]["t"] for each in client.requests("batch_get_item"))
    assert (first["ConsistentRead"], second["ConsistentRead"]) == (False, True)
    assert first["Keys"] == second["Keys"] == [key]
    with pytest.raises(NoCounters, match=r"^own/locations\|created$"):
        ranks(ScriptedDynamoDB(missing, missing))


def test_a_list_whose_tree_lacks_its_top_is_walked() -> None:
    assert Index(*"123", tree=lambda key: None).page(2, offset=1) == Page(['"2"', '"3"'], 3, None)


def test_a_place_is_found_by_counting_down_from_the_top() -> None:
    client = Index(tree=chunk_tree(first=2, c=0, d=3)).client
    found = ranks(client)

    assert [found.seek(rank) for rank in range(7)] == [
        ("", 0),
        ("", 1),
        ("d", 0),
        ("d", 1),
        ("d", 2),
        ("d", 3),
        ("d", 4),
    ]
    assert found.ranks(["a", "c", "d", "e"]) == {"a": 0, "c": 2, "d": 2, "e": 2}
    levels = [each["RequestItems"]["t"]["Keys"] for each in client.requests("batch_get_item")[-2:]]
    assert [len(keys) for keys in levels] == [1, 1]
    # What is there is read once; a strongly consistent read costs twice as much.
    assert not any(each["RequestItems"]["t"]["ConsistentRead"] for each in client.requests("batch_get_item"))


def test_of_no_keys_no_nodes_are_read() -> None:
    client = Index(tree=chunk_tree(first=2)).client

    assert ranks(client).ranks([]) == {}
    assert len(client.asked) == 1
