"""Deliveries in DynamoDB: their items, the conditions of their writes, and what their lists ask for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ocpi.store import dynamodb_deliveries
from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.dynamodb_deliveries import DynamoDBDeliveries
from ocpi.store.dynamodb_delivery_items import delivery_from, delivery_item, due_key, due_list
from ocpi.store.port import Conflict
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB, refused
from tests.support.thread_pools import noted_pools

PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED
SINCE, DUE, LATER = (f"2026-01-01T00:00:0{second}.000000Z" for second in (0, 5, 9))
KEY = DeliveryKey("p1", "locations", "LOC1")
FIRST = Delivery(KEY, PENDING, SINCE, due=DUE)
PRIMARY = {"pk": {"S": "DELIVERIES#p1"}, "sk": {"S": "locations#loc1"}}
LEAST: Request = {
    **PRIMARY,
    "object_id": {"S": "LOC1"},
    "state": {"S": "failed"},
    "since": {"S": SINCE},
    "attempts": {"N": "0"},
    "unsure": {"BOOL": False},
    "revision": {"N": "0"},
    "write_id": {"S": "w"},
}


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_deliveries, "uuid4", lambda: SimpleNamespace(hex="w"))


def deliveries(*answers: Any, answer: Any = None) -> tuple[DynamoDBDeliveries, ScriptedDynamoDB]:
    client: Any = ScriptedDynamoDB(*answers, answer=answer)
    return DynamoDBDeliveries(client, "t"), client


def of(name: str, state: DeliveryState = PENDING, due: str = DUE) -> Delivery:
    return Delivery(DeliveryKey("p1", "locations", name), state, SINCE, due=due if state is PENDING else None)


def in_table(*found: Delivery) -> Any:
    """A table with these deliveries, of which the index shows each, in this order."""
    items = {each.key.folded_id: delivery_item(each, "w") for each in found}

    def answer(operation: str, request: Request) -> Any:
        if operation == "query":
            entries = [
                {name: item.get(name, {"S": "x"}) for name in ("pk", "sk", "due_key")} for item in items.values()
            ]
            return {"Items": entries}
        wanted = [key["sk"]["S"].partition("#")[2] for key in request["RequestItems"]["t"]["Keys"]]
        return {"Responses": {"t": [items[each] for each in wanted if each in items]}, "UnprocessedKeys": {}}

    return answer


def ids(found: list[Delivery]) -> list[str]:
    return [each.key.object_id for each in found]


def batches(client: ScriptedDynamoDB) -> list[int]:
    return [len(each["RequestItems"]["t"]["Keys"]) for each in client.requests("batch_get_item")]


def test_what_is_delivered_is_in_no_list_of_the_index() -> None:
    assert delivery_item(replace(of("LOC1", DELIVERED)), "w") == LEAST | {"state": {"S": "delivered"}}
    assert due_key(of("LOC1", DELIVERED)) is None


def test_what_failed_stands_where_it_failed_and_what_is_pending_where_it_is_due() -> None:
    place = f"{SINCE}#locations#loc1"
    assert delivery_item(of("LOC1", FAILED), "w") == LEAST | {
        "due_list": {"S": "p1|failed"},
        "due_key": {"S": place},
    }
    assert delivery_item(FIRST, "w") == LEAST | {
        "state": {"S": "pending"},
        "due": {"S": DUE},
        "due_list": {"S": "p1|pending"},
        "due_key": {"S": f"{DUE}#locations#loc1"},
    }
    assert due_list("p1", FAILED) == "p1|failed"


def test_all_that_is_known_of_a_delivery_is_written_down_and_read_again() -> None:
    full = Delivery(KEY, PENDING, SINCE, DUE, "3-x", 4, LATER, 0, 2001, "no", "https://x.example/1", True, 9)
    item = delivery_item(full, "w")

    assert {name: item[name] for name in item.keys() - LEAST.keys()} == {
        "due": {"S": DUE},
        "holds": {"S": "3-x"},
        "last_attempt_at": {"S": LATER},
        "message": {"S": "no"},
        "url": {"S": "https://x.example/1"},
        "http_status": {"N": "0"},
        "ocpi_status": {"N": "2001"},
        "due_list": {"S": "p1|pending"},
        "due_key": {"S": f"{DUE}#locations#loc1"},
    }
    assert (item["attempts"], item["unsure"], item["revision"]) == ({"N": "4"}, {"BOOL": True}, {"N": "9"})
    for delivery in (full, of("LOC1", FAILED), of("a#b", DELIVERED)):
        assert delivery_from(delivery_item(delivery, "w")) == delivery


def test_deliveries_are_read_in_the_order_of_their_keys_and_ids_that_none_can_have_are_not_asked_for() -> None:
    store, client = deliveries(answer=in_table(FIRST))
    fits, long = (DeliveryKey("p1", "locations", "é" * 507 + "x" * more) for more in (0, 1))

    assert store.get_many([long, KEY, fits, KEY]) == [None, FIRST, None, FIRST]
    wanted = client.asked[0][1]["RequestItems"]["t"]
    assert [len(key["sk"]["S"].encode()) for key in wanted["Keys"]] == [14, 1024]
    assert wanted["Keys"][0] == PRIMARY
    assert wanted["ConsistentRead"] is True


def test_a_delivery_is_put_at_the_revision_that_was_read() -> None:
    store, client = deliveries({}, {})

    assert store.put_many([FIRST]) == [replace(FIRST, revision=1)]
    assert store.put_many([replace(FIRST, revision=4)]) == [replace(FIRST, revision=5)]
    new, old = client.requests("put_item")
    assert new == {
        "TableName": "t",
        "Item": delivery_item(replace(FIRST, revision=1), "w"),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    assert old["Item"]["revision"] == {"N": "5"}
    assert old["ConditionExpression"] == "revision = :expected"
    assert old["ExpressionAttributeValues"] == {":expected": {"N": "4"}}


def test_of_many_puts_each_is_told_what_became_of_it() -> None:
    def answer(operation: str, request: Request) -> Any:
        name = request["Item"]["object_id"]["S"]
        return {"A": {}, "B": refused(LEAST | {"write_id": {"S": "x"}}), "C": refused(LEAST)}[name]

    store, _ = deliveries(answer=answer)
    first, second, third = store.put_many([of("A"), of("B"), of("C")])
    assert (first, third) == (replace(of("A"), revision=1), replace(of("C"), revision=1))
    assert isinstance(second, Conflict)
    assert second.args == ("locations",)


def test_a_delivery_is_deleted_at_the_revision_that_was_read() -> None:
    store, client = deliveries({})

    assert store.delete_many([replace(FIRST, revision=3)]) == [None]
    assert client.asked == [
        (
            "delete_item",
            {
                "TableName": "t",
                "Key": PRIMARY,
                "ConditionExpression": "revision = :expected",
                "ExpressionAttributeValues": {":expected": {"N": "3"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
    ]


def test_a_refused_deletion_is_a_conflict_unless_an_earlier_try_had_done_it() -> None:
    def answer(operation: str, request: Request) -> Any:
        name = request["Key"]["sk"]["S"]
        return {
            "locations#a": refused(None, retries=1),
            "locations#b": refused(None, retries=0),
            "locations#c": refused(LEAST, retries=1),
        }[name]

    store, _ = deliveries(answer=answer)
    first, second, third = store.delete_many([of("A"), of("B"), of("C")])
    assert first is None
    for conflict in (second, third):
        assert isinstance(conflict, Conflict)
        assert conflict.args == ("locations",)


def test_eight_writes_are_under_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = noted_pools(monkeypatch, "ocpi.store.dynamodb_deliveries")
    store, _ = deliveries()
    store.put_many([])
    store.delete_many([])

    assert asked == [8, 8]


def test_what_is_due_is_asked_of_the_index_and_read_from_the_table() -> None:
    found = [of("c", due=LATER), of("b", due=DUE), of("a", due=SINCE), of("d", FAILED), of("e", DELIVERED)]
    store, client = deliveries(answer=in_table(*found))

    assert ids(store.due("p1", DUE, 9)) == ["a", "b"]
    assert client.asked[0] == (
        "query",
        {
            "TableName": "t",
            "IndexName": "by_due",
            "KeyConditionExpression": "due_list = :list AND due_key < :end",
            "ExpressionAttributeValues": {":list": {"S": "p1|pending"}, ":end": {"S": f"{DUE}$"}},
            "Limit": 9,
        },
    )
    assert client.asked[1][1]["RequestItems"]["t"]["ConsistentRead"] is True


def test_what_is_due_is_read_on_until_there_are_as_many_as_were_asked_for() -> None:
    found = [of("a"), of("b", FAILED), of("c"), of("d"), of("e")]
    store, client = deliveries(answer=in_table(*found))

    assert ids(store.due("p1", DUE, 3)) == ["a", "c", "d"]
    assert batches(client) == [3, 1]


def test_a_hundred_deliveries_are_read_at_once() -> None:
    found = [of(f"o{number:03}") for number in range(150)]
    store, client = deliveries(answer=in_table(*found))

    assert len(store.due("p1", DUE, 101)) == 101
    assert len(store.page("p1", PENDING, 101).deliveries) == 101
    assert batches(client) == [100, 1, 100, 1]


@pytest.mark.parametrize("state", [PENDING, FAILED])
def test_a_page_of_a_list_goes_on_after_the_last_place_of_the_one_before(state: DeliveryState) -> None:
    found = [of(name, state) for name in "abc"]
    store, client = deliveries(answer=in_table(*found))
    position = due_key(found[1])

    assert store.page("p1", state, 2) == DeliveryPage(found[:2], None, position)
    assert store.page("p1", state, 3, "x#y") == DeliveryPage(found, None, None)
    first, second = client.requests("query")
    listed = {":list": {"S": f"p1|{state}"}}
    assert first == {
        "TableName": "t",
        "IndexName": "by_due",
        "KeyConditionExpression": "due_list = :list",
        "ExpressionAttributeValues": listed,
        "Limit": 3,
    }
    assert second == first | {
        "KeyConditionExpression": "due_list = :list AND due_key > :after",
        "ExpressionAttributeValues": listed | {":after": {"S": "x#y"}},
        "Limit": 4,
    }


def test_a_page_of_a_list_leaves_out_what_has_another_state_or_is_gone_and_reads_on() -> None:
    found = [of("a"), of("b", FAILED), of("c"), of("d"), of("e")]
    store, client = deliveries(answer=in_table(*found))

    page = store.page("p1", PENDING, 3)
    assert (ids(page.deliveries), page.next) == (["a", "c", "d"], due_key(found[3]))
    assert batches(client) == [3, 1]
    assert store.page("p1", PENDING, 9).next is None


def test_what_the_index_shows_twice_is_listed_once_in_its_first_place() -> None:
    a, b = delivery_item(of("a"), "w"), delivery_item(of("b"), "w")
    store, _ = deliveries(
        {"Items": [a, b, a, {"pk": {"S": "DELIVERIES#p1"}, "sk": {"S": "locations#gone"}, "due_key": {"S": "z"}}]},
        {"Responses": {"t": [b, a]}, "UnprocessedKeys": {}},
    )

    page = store.page("p1", PENDING, 9)
    assert (ids(page.deliveries), page.next) == (["a", "b"], None)


@pytest.mark.parametrize("state", [PENDING, FAILED])
def test_a_list_of_what_waits_is_not_by_module(state: DeliveryState) -> None:
    store, client = deliveries()

    with pytest.raises(ValueError, match=f"^{state} deliveries are in no order of modules$"):
        store.page("p1", state, 9, module="locations")
    assert client.asked == []


@pytest.mark.parametrize("state", [PENDING, FAILED])
def test_a_list_is_counted_by_the_index(state: DeliveryState) -> None:
    store, client = deliveries({"Items": []}, {"Count": 7}, {"Count": 8})

    assert store.page("p1", state, 2, counted=True) == DeliveryPage([], 7, None)
    assert store.count("p1", state) == 8
    counting = {
        "TableName": "t",
        "IndexName": "by_due",
        "KeyConditionExpression": "due_list = :list",
        "ExpressionAttributeValues": {":list": {"S": f"p1|{state}"}},
        "Select": "COUNT",
    }
    assert client.requests("query")[1:] == [counting, counting]


def all_of(low: str, high: str) -> Request:
    return {
        "TableName": "t",
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {":pk": {"S": "DELIVERIES#p1"}, ":low": {"S": low}, ":high": {"S": high}},
        "ConsistentRead": True,
    }


def test_a_page_of_all_is_in_the_order_of_the_table_and_leaves_out_where_it_begins() -> None:
    items = [delivery_item(of(name, DELIVERED), "w") for name in "abc"]
    store, client = deliveries(*[{"Items": items}] * 4)

    assert store.page("p1", None, 2) == DeliveryPage([of("a", DELIVERED), of("b", DELIVERED)], None, "locations#b")
    after_a = store.page("p1", None, 2, "locations#a")
    assert after_a == DeliveryPage([of("b", DELIVERED), of("c", DELIVERED)], None, None)
    assert store.page("p1", None, 4).next is None
    assert store.page("p1", None, 1).next == "locations#a"
    first, second, third, _ = client.requests("query")
    assert first == all_of("!", "~") | {"Limit": 4}
    assert second == all_of("locations#a", "~") | {"Limit": 4}
    assert third["Limit"] == 6


def test_a_page_of_a_module_is_what_stands_between_its_bounds() -> None:
    store, client = deliveries(*[{"Items": []}] * 4)
    for after in (None, "locations#b", "cdrs#a", "sessions#a"):
        assert store.page("p1", None, 2, after, module="locations") == DeliveryPage([], None, None)

    lows = ["locations#", "locations#b", "locations#", "locations$"]
    assert client.requests("query") == [all_of(low, "locations$") | {"Limit": 4} for low in lows]


def test_what_is_delivered_is_filtered_from_all_and_counted_so() -> None:
    store, client = deliveries(
        {"Items": [], "LastEvaluatedKey": {"pk": {"S": "x"}}},
        {"Items": [delivery_item(of("a", DELIVERED), "w")]},
        {"Count": 1},
        {"Count": 2},
    )
    request = all_of("locations#", "locations$")
    request |= {
        "FilterExpression": "#state = :state",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": request["ExpressionAttributeValues"] | {":state": {"S": "delivered"}},
    }

    page = store.page("p1", DELIVERED, 5, "locations#0", module="locations", counted=True)
    assert page == DeliveryPage([of("a", DELIVERED)], 1, None)
    assert store.count("p1", DELIVERED) == 2
    asked = client.requests("query")
    assert "Limit" not in asked[0]
    assert asked[0]["FilterExpression"] == "#state = :state"
    assert asked[0]["ExpressionAttributeValues"][":low"] == {"S": "locations#0"}
    assert asked[2] == request | {"Select": "COUNT"}
    assert asked[3]["ExpressionAttributeValues"] == {
        **all_of("!", "~")["ExpressionAttributeValues"],
        ":state": {"S": "delivered"},
    }


def test_all_are_counted_whatever_their_state() -> None:
    store, client = deliveries({"Items": []}, {"Count": 5})

    assert store.page("p1", None, 1, counted=True).total == 5
    assert client.requests("query")[1] == all_of("!", "~") | {"Select": "COUNT"}


CHANNEL = {"DeleteRequest": {"Key": {"pk": {"S": "CHANNEL#p1"}, "sk": {"S": "CHANNEL"}}}}


def forgetting(names: list[str], at_once: int = 99) -> tuple[DynamoDBDeliveries, ScriptedDynamoDB]:
    items = [{"pk": {"S": "DELIVERIES#p1"}, "sk": {"S": name}} for name in names]

    def answer(operation: str, request: Request) -> Any:
        if operation == "batch_write_item":
            return {"UnprocessedItems": {}}
        first = names.index(request["ExclusiveStartKey"]["sk"]["S"]) + 1 if "ExclusiveStartKey" in request else 0
        page = {"Items": items[first : first + at_once]}
        return page | ({"LastEvaluatedKey": page["Items"][-1]} if first + at_once < len(names) else {})

    return deliveries(answer=answer)


def test_a_partner_is_forgotten_with_its_channel_last() -> None:
    store, client = forgetting(["a", "b", "c"])

    assert store.forget("p1") is True
    query, deleted, channel = (request for _, request in client.asked)
    assert query == {
        "TableName": "t",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "DELIVERIES#p1"}},
        "ProjectionExpression": "pk, sk",
        "ConsistentRead": True,
    }
    names = [each["DeleteRequest"]["Key"]["sk"]["S"] for each in deleted["RequestItems"]["t"]]
    assert names == ["a", "b", "c"]
    assert channel == {"RequestItems": {"t": [CHANNEL]}}


@pytest.mark.parametrize(("limit", "is_all"), [(1, False), (2, False), (3, True), (4, True)])
def test_no_more_than_so_many_are_forgotten_at_once(limit: int, *, is_all: bool) -> None:
    store, client = forgetting(["a", "b", "c"])

    assert store.forget("p1", limit) is is_all
    written = client.requests("batch_write_item")
    assert len(written[0]["RequestItems"]["t"]) == min(limit, 3)
    assert (written[-1]["RequestItems"]["t"] == [CHANNEL]) is is_all


def test_a_partner_without_deliveries_is_forgotten_too() -> None:
    store, client = forgetting([])

    assert store.forget("p1") is True
    assert client.requests("batch_write_item") == [{"RequestItems": {"t": [CHANNEL]}}]


def test_what_is_read_is_deleted_before_more_is_read() -> None:
    names = [f"o{number:03}" for number in range(401)]
    store, client = forgetting(names, at_once=100)
    store.forget("p1")

    operations = [operation for operation, _ in client.asked]
    assert operations[:4] == ["query", "query", "batch_write_item", "batch_write_item"]
    assert operations.count("batch_write_item") == 8 + 8 + 1 + 1
