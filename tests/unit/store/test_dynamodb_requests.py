"""What is asked of DynamoDB in batches, page by page and on condition, and what is made of its answers."""

from __future__ import annotations

import threading
from itertools import islice
from typing import Any

import pytest

from ocpi.store.dynamodb import CONFIG
from ocpi.store.dynamodb_requests import (
    batch_get,
    batch_get_items,
    count_items,
    delete_items,
    is_our_own,
    pauses,
    put_at,
    query_items,
)
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB, refused
from tests.support.thread_pools import noted_pools


def item(pk: str, sk: str = "OBJECT", **attributes: str) -> Request:
    return {"pk": {"S": pk}, "sk": {"S": sk}, **{name: {"S": value} for name, value in attributes.items()}}


def all_there(_: str, request: Request) -> Request:
    ((table, wanted),) = request["RequestItems"].items()
    return {"Responses": {table: wanted["Keys"]}, "UnprocessedKeys": {}}


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    return noted_pools(monkeypatch, "ocpi.store.dynamodb_requests")


def test_a_batch_is_read_strongly_consistent_and_by_partition_key() -> None:
    client: Any = ScriptedDynamoDB({"Responses": {"t": [item("b", x="1"), item("a", x="2")]}, "UnprocessedKeys": {}})

    assert batch_get(client, "t", ["a", "b", "a", "gone"]) == {"b": item("b", x="1"), "a": item("a", x="2")}
    wanted = {"Keys": [item("a"), item("b"), item("gone")], "ConsistentRead": True}
    assert client.asked == [("batch_get_item", {"RequestItems": {"t": wanted}})]


def test_a_batch_reads_no_more_than_the_attributes_that_are_named() -> None:
    client: Any = ScriptedDynamoDB(answer=all_there)
    batch_get(client, "t", ["a"], "pk, #view", {"#view": "view"})
    batch_get(client, "t", ["a"], "pk")

    both, one = (request["RequestItems"]["t"] for request in client.requests("batch_get_item"))
    assert both == {
        "Keys": [item("a")],
        "ConsistentRead": True,
        "ProjectionExpression": "pk, #view",
        "ExpressionAttributeNames": {"#view": "view"},
    }
    assert one == {"Keys": [item("a")], "ConsistentRead": True, "ProjectionExpression": "pk"}


@pytest.mark.parametrize("consistent", [True, False])
def test_items_of_any_kind_are_read_by_both_keys(*, consistent: bool) -> None:
    client: Any = ScriptedDynamoDB(answer=all_there)
    found = batch_get_items(client, "t", [("a", "1"), ("a", "2")], consistent=consistent)

    assert found == {("a", "1"): item("a", "1"), ("a", "2"): item("a", "2")}
    wanted = {"Keys": [item("a", "1"), item("a", "2")], "ConsistentRead": consistent}
    assert client.asked == [("batch_get_item", {"RequestItems": {"t": wanted}})]
    batch_get_items(client, "t", [("a", "1")])
    assert client.asked[1][1]["RequestItems"]["t"]["ConsistentRead"] is True


def test_nothing_is_asked_for_nothing() -> None:
    client: Any = ScriptedDynamoDB()

    assert batch_get(client, "t", []) == {}
    delete_items(client, "t", [])
    assert client.asked == []


def test_as_many_keys_as_one_request_takes_are_read_by_who_asks(pools: list[int | None]) -> None:
    asking: list[int] = []

    def note(operation: str, request: Request) -> Request:
        asking.append(threading.get_ident())
        return all_there(operation, request)

    client: Any = ScriptedDynamoDB(answer=note)
    assert len(batch_get(client, "t", [f"o{n}" for n in range(100)])) == 100
    assert asking == [threading.get_ident()]
    assert pools == []


def test_more_keys_are_read_by_several_requests_at_once_which_share_nothing(pools: list[int | None]) -> None:
    client: Any = ScriptedDynamoDB(answer=all_there)
    names = [f"o{n}" for n in range(201)]

    assert list(batch_get(client, "t", names)) == names
    sizes = [len(request["RequestItems"]["t"]["Keys"]) for request in client.requests("batch_get_item")]
    assert sorted(sizes) == [1, 100, 100]
    assert pools == [8]
    assert CONFIG.max_pool_connections is None or CONFIG.max_pool_connections >= 8  # type: ignore[attr-defined] # set from options


def test_keys_that_are_left_are_asked_for_again_as_the_others_were(waited: list[float]) -> None:
    client: Any = ScriptedDynamoDB(
        {"Responses": {"t": [item("a")]}, "UnprocessedKeys": {"t": {"Keys": [item("b"), item("c")]}}},
        {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [item("b"), item("c")]}}},
        {"Responses": {"t": [item("c"), item("b")]}, "UnprocessedKeys": {}},
    )

    assert list(batch_get(client, "t", ["a", "b", "c"], "pk")) == ["a", "c", "b"]
    rest = {"Keys": [item("b"), item("c")], "ConsistentRead": True, "ProjectionExpression": "pk"}
    assert [each["RequestItems"]["t"] for each in client.requests("batch_get_item")][1:] == [rest, rest]
    assert len(waited) == 2


def test_keys_that_are_left_ten_times_are_an_error(waited: list[float]) -> None:
    left = {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [item("a"), item("b")]}}}
    client: Any = ScriptedDynamoDB(*[left] * 10)

    with pytest.raises(TimeoutError, match=r"^DynamoDB left 2 keys of t unread in 10 tries$"):
        batch_get(client, "t", ["a", "b", "c"])
    assert (client.left, len(waited)) == ([], 9)


def test_items_are_deleted_twenty_five_at_a_time(pools: list[int | None]) -> None:
    client: Any = ScriptedDynamoDB(answer=lambda *_: {"UnprocessedItems": {}})
    delete_items(client, "t", [("p", f"s{n}") for n in range(51)])

    batches = [request["RequestItems"]["t"] for request in client.requests("batch_write_item")]
    assert sorted(map(len, batches)) == [1, 25, 25]
    deleted = [each["DeleteRequest"]["Key"] for batch in sorted(batches, key=len, reverse=True) for each in batch]
    assert sorted(each["sk"]["S"] for each in deleted) == sorted(f"s{n}" for n in range(51))
    assert all(each == {"pk": {"S": "p"}, "sk": each["sk"]} for each in deleted)
    assert pools == [8]


def test_items_that_are_left_are_deleted_again_and_no_others(waited: list[float]) -> None:
    left = [{"DeleteRequest": {"Key": item("p", "s1")}}]
    client: Any = ScriptedDynamoDB({"UnprocessedItems": {"t": left}}, {"UnprocessedItems": {}})
    delete_items(client, "t", [("p", "s0"), ("p", "s1")])

    assert client.requests("batch_write_item")[1] == {"RequestItems": {"t": left}}
    assert len(waited) == 1


def test_items_that_are_left_ten_times_are_an_error(waited: list[float]) -> None:
    left = [{"DeleteRequest": {"Key": item("p", "s1")}}]
    client: Any = ScriptedDynamoDB(*[{"UnprocessedItems": {"t": left}}] * 10)

    with pytest.raises(TimeoutError, match=r"^DynamoDB left 1 items of t undeleted in 10 tries$"):
        delete_items(client, "t", [("p", "s0"), ("p", "s1")])
    assert (client.left, len(waited)) == ([], 9)


def test_pauses_grow_from_none_to_half_a_second_by_chance(waited: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    lowest: list[float] = []

    def highest(low: float, high: float) -> float:
        lowest.append(low)
        return high

    monkeypatch.setattr("random.uniform", highest)
    before = [len(waited) for _ in pauses()]

    assert before == list(range(10))
    assert waited == pytest.approx([0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert lowest == [0] * 9
    assert list(pauses()) == list(range(10))


def test_a_query_goes_on_where_an_answer_ends_and_only_when_it_is_asked_to() -> None:
    request: Any = {"TableName": "t", "Limit": 2}
    client: Any = ScriptedDynamoDB(
        {"Items": [item("a"), item("b")], "LastEvaluatedKey": item("b")},
        {"Items": [], "LastEvaluatedKey": item("x")},
        {"Items": [item("c")]},
    )
    found = query_items(client, request)

    assert list(islice(found, 2)) == [item("a"), item("b")]
    assert len(client.asked) == 1
    assert list(found) == [item("c")]
    assert client.requests("query") == [
        {"TableName": "t", "Limit": 2},
        {"TableName": "t", "Limit": 2, "ExclusiveStartKey": item("b")},
        {"TableName": "t", "Limit": 2, "ExclusiveStartKey": item("x")},
    ]
    assert request == {"TableName": "t", "Limit": 2}


def test_a_count_is_that_of_all_answers_and_nothing_else_is_sent() -> None:
    request: Any = {"TableName": "t"}
    client: Any = ScriptedDynamoDB(
        {"Count": 3, "LastEvaluatedKey": item("b")}, {"Count": 0, "LastEvaluatedKey": item("c")}, {"Count": 4}
    )

    assert count_items(client, request) == 7
    assert client.requests("query") == [
        {"TableName": "t", "Select": "COUNT"},
        {"TableName": "t", "Select": "COUNT", "ExclusiveStartKey": item("b")},
        {"TableName": "t", "Select": "COUNT", "ExclusiveStartKey": item("c")},
    ]
    assert request == {"TableName": "t"}


@pytest.mark.parametrize(
    ("expected", "condition"),
    [
        (0, {"ConditionExpression": "attribute_not_exists(pk)"}),
        (
            1,
            {"ConditionExpression": "revision = :expected", "ExpressionAttributeValues": {":expected": {"N": "1"}}},
        ),
    ],
)
def test_an_item_is_put_at_the_revision_that_was_read(expected: int, condition: Request) -> None:
    client: Any = ScriptedDynamoDB({})

    assert put_at(client, "t", item("a"), expected=expected, write_id="w") is True
    request = {"TableName": "t", "Item": item("a"), "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **condition}
    assert client.asked == [("put_item", request)]


@pytest.mark.parametrize(
    ("stored", "retries", "is_put"),
    [
        (item("a", write_id="w"), 1, True),
        (item("a", write_id="another"), 1, False),
        (item("a"), 1, False),
        (None, 1, False),
    ],
)
def test_a_refused_put_is_done_only_if_what_is_stored_is_what_was_put(
    stored: Request | None, retries: int, *, is_put: bool
) -> None:
    client: Any = ScriptedDynamoDB(refused(stored, retries=retries))

    assert put_at(client, "t", item("a"), expected=1, write_id="w") is is_put


@pytest.mark.parametrize(("retries", "is_done"), [(None, False), (0, False), (1, True), (2, True)])
@pytest.mark.parametrize("gone", [None, {}])
def test_what_is_gone_was_deleted_by_us_if_we_had_tried_before(
    gone: Request | None, retries: int | None, *, is_done: bool
) -> None:
    assert is_our_own(refused(retries=retries), "w", gone) is is_done


def test_what_is_there_was_written_by_us_only_if_it_says_so_however_often_we_tried() -> None:
    assert is_our_own(refused(retries=0), "w", item("a", write_id="w"))
    assert not is_our_own(refused(retries=3), "w", item("a", write_id="v"))
    assert not is_our_own(refused(retries=3), "w", item("a"))
