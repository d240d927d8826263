"""Objects in DynamoDB: the requests and conditions of every write, what refusals mean, and what indexes are asked."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.store import dynamodb_objects
from ocpi.store.dynamodb_objects import DynamoDBObjects
from ocpi.store.port import Collection, Conflict, Draft, Key, Page, PageQuery, Record, TooLarge, Write
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB, refused
from tests.support.thread_pools import noted_pools

LOCATIONS = Collection("own", "locations")
KEY = Key(LOCATIONS, "LOC1")
NOW = "2026-02-01T00:00:00.000001Z"
AT = "2026-01-01T00:00:00Z"
PK = {"S": "OBJECT#own/locations#loc1"}
STORED: Request = {
    "pk": PK,
    "sk": {"S": "OBJECT"},
    "version": {"S": "2.1.1"},
    "document": {"S": "{}"},
    "last_updated": {"S": AT},
    "updated_key": {"S": f"{AT}#loc1"},
    "revision": {"N": "1"},
    "received": {"S": NOW},
    "write_id": {"S": "w"},
    "collection": {"S": "own/locations"},
    "id": {"S": "LOC1"},
    "created": {"S": NOW},
    "created_key": {"S": f"{NOW}#loc1"},
}
RECORD = Record(KEY, "2.1.1", "{}", AT, None, 1, NOW, NOW)
LONG = Key(LOCATIONS, "x" * 2048)


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uuid:
        hex = "w"

    monkeypatch.setattr(dynamodb_objects, "uuid4", Uuid)
    monkeypatch.setattr(dynamodb_objects, "instant", lambda: NOW)


def objects(*answers: Any, answer: Any = None) -> tuple[DynamoDBObjects, ScriptedDynamoDB]:
    client: Any = ScriptedDynamoDB(*answers, answer=answer)
    return DynamoDBObjects(client, "t"), client


def test_an_object_is_read_strongly_consistent() -> None:
    store, client = objects({"Item": STORED}, {})

    assert store.get(KEY) == RECORD
    assert store.get(KEY) is None
    key = {"pk": PK, "sk": {"S": "OBJECT"}}
    assert client.asked == [("get_item", {"TableName": "t", "Key": key, "ConsistentRead": True})] * 2


def test_an_id_that_no_object_can_have_is_not_asked_for() -> None:
    store, client = objects({"Responses": {"t": [STORED]}, "UnprocessedKeys": {}})

    assert store.get(LONG) is None
    assert client.asked == []
    assert store.get_many([LONG, KEY, Key(LOCATIONS, "gone"), KEY]) == [None, RECORD, None, RECORD]
    ((_, request),) = client.asked
    assert [key["pk"] for key in request["RequestItems"]["t"]["Keys"]] == [PK, {"S": "OBJECT#own/locations#gone"}]


def test_a_new_object_is_put_where_there_is_none() -> None:
    store, client = objects({})

    assert store.put(KEY, Draft("2.1.1", "{}", AT), expected=None) == RECORD
    assert client.asked == [
        (
            "put_item",
            {
                "TableName": "t",
                "Item": STORED,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
    ]


def assignments(request: Request) -> dict[str, str]:
    """What the SET of an update makes of which attribute."""
    names = request["ExpressionAttributeNames"]
    sets, _, _ = request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
    pairs = [each.split(" = ") for each in sets.replace("#party_key, :party_key", "#party_key :party_key").split(", ")]
    return {names[name]: value for name, value in pairs}


def removals(request: Request) -> list[str]:
    names = request["ExpressionAttributeNames"]
    _, _, removed = request["UpdateExpression"].partition(" REMOVE ")
    return [names[name] for name in removed.split(", ")] if removed else []


PLAIN = ["version", "document", "last_updated", "updated_key", "revision", "received", "write_id"]


def test_an_object_is_replaced_at_the_revision_that_was_read_and_loses_what_the_draft_does_not_give() -> None:
    old = STORED | {"audience": {"S": "*"}, "journal": {"S": "old"}}
    store, client = objects({"Attributes": old})

    replaced = store.put(Key(LOCATIONS, "loc1"), Draft("2.2", "[]", "2026-01-02T00:00:00Z"), expected=1)
    assert replaced == Record(KEY, "2.2", "[]", "2026-01-02T00:00:00Z", None, 2, NOW, NOW)
    ((operation, request),) = client.asked
    assert operation == "update_item"
    assert assignments(request) == {name: f":{name}" for name in PLAIN}
    optional = ["audience", "view", "addressed_key", "party_key", "lookup", "due", "due_list", "due_key"]
    assert removals(request) == [*optional, "findings", "journal"]
    assert request["ConditionExpression"] == "revision = :expected"
    assert request["ExpressionAttributeValues"] == {
        ":expected": {"N": "1"},
        ":version": {"S": "2.2"},
        ":document": {"S": "[]"},
        ":last_updated": {"S": "2026-01-02T00:00:00Z"},
        ":updated_key": {"S": "2026-01-02T00:00:00Z#loc1"},
        ":revision": {"N": "2"},
        ":received": {"S": NOW},
        ":write_id": {"S": "w"},
    }
    assert set(request["ExpressionAttributeNames"].items()) == {(f"#{n}", n) for n in [*PLAIN, *removals(request)]}
    assert (request["TableName"], request["Key"]) == ("t", {"pk": PK, "sk": {"S": "OBJECT"}})
    assert (request["ReturnValues"], request["ReturnValuesOnConditionCheckFailure"]) == ("ALL_OLD", "ALL_OLD")


def test_an_object_that_goes_to_a_party_keeps_the_place_that_it_had_in_a_partys_list() -> None:
    store, client = objects({"Attributes": STORED})
    store.put(KEY, Draft("2.1.1", "{}", AT, "NL-TNM"), expected=1)

    ((_, request),) = client.asked
    assert assignments(request) == {name: f":{name}" for name in [*PLAIN, "audience", "view"]} | {
        "party_key": "if_not_exists(#party_key :party_key)",
        "addressed_key": "if_not_exists(#party_key :party_key)",
    }
    assert request["ExpressionAttributeValues"][":party_key"] == {"S": f"{NOW}#loc1"}
    assert ":addressed_key" not in request["ExpressionAttributeValues"]
    assert removals(request) == ["lookup", "due", "due_list", "due_key", "findings", "journal"]


def test_an_object_that_goes_to_everybody_has_the_place_of_its_creation() -> None:
    store, client = objects({"Attributes": STORED})
    store.put(KEY, Draft("2.1.1", "{}", AT, "*"), expected=1)

    ((_, request),) = client.asked
    assert assignments(request)["addressed_key"] == "created_key"
    assert "party_key" in removals(request)
    assert ":addressed_key" not in request["ExpressionAttributeValues"]


def test_an_object_that_has_everything_loses_nothing() -> None:
    store, client = objects({"Attributes": STORED})
    draft = Draft("2.1.1", "{}", AT, "NL-TNM", "auth/x", AT, ("a",), "[1]")

    written = store.put(KEY, draft, expected=1)
    ((_, request),) = client.asked
    assert "REMOVE" not in request["UpdateExpression"]
    kept = "if_not_exists(#party_key :party_key)"
    given = {name: value for name, value in assignments(request).items() if value != f":{name}"}
    assert given == {"party_key": kept, "addressed_key": kept}
    assert written == Record(KEY, "2.1.1", "{}", AT, "NL-TNM", 2, NOW, NOW, "auth/x", AT, ("a",), "[1]")


@pytest.mark.parametrize("expected", [None, 1])
def test_a_refused_write_is_a_conflict_unless_what_is_stored_is_it(expected: int | None) -> None:
    store, _ = objects(
        refused(STORED, retries=1),
        refused(STORED | {"write_id": {"S": "another"}}, retries=1),
        refused(None, retries=1),
    )

    assert store.put(KEY, Draft("2.1.1", "{}", AT), expected=expected) == RECORD
    for _ in range(2):
        with pytest.raises(Conflict, match=r"^own/locations$") as conflict:
            store.put(KEY, Draft("2.1.1", "{}", AT), expected=expected)
        assert conflict.value.__suppress_context__


def test_of_many_writes_each_is_told_what_became_of_it_in_their_order() -> None:
    def answer(operation: str, request: Request) -> Any:
        return refused() if request["Item"]["id"] == {"S": "B"} else {}

    store, client = objects(answer=answer)
    drafts = {"A": "{}", "B": "{}", "C": "x" * 4_500_001, "D": "[]"}
    writes = [Write(Key(LOCATIONS, name), Draft("2.1.1", document, AT), None) for name, document in drafts.items()]

    first, second, third, fourth = store.put_many(writes)
    assert isinstance(first, Record)
    assert isinstance(second, Conflict)
    assert isinstance(third, TooLarge)
    assert isinstance(fourth, Record)
    assert (first.key.id, first.document, fourth.key.id, fourth.document) == ("A", "{}", "D", "[]")
    assert len(client.requests("put_item")) == 3


def test_many_writes_are_at_the_revisions_that_they_expect() -> None:
    store, client = objects({"Attributes": STORED})
    store.put_many([Write(KEY, Draft("2.1.1", "{}", AT), 4)])

    assert client.asked[0][1]["ExpressionAttributeValues"][":expected"] == {"N": "4"}


def test_eight_writes_are_under_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = noted_pools(monkeypatch, "ocpi.store.dynamodb_objects")
    store, _ = objects()
    store.put_many([])

    assert asked == [8]


def test_an_object_is_deleted_at_the_revision_that_was_read() -> None:
    store, client = objects({})
    store.delete(KEY, expected=7)

    assert client.asked == [
        (
            "delete_item",
            {
                "TableName": "t",
                "Key": {"pk": PK, "sk": {"S": "OBJECT"}},
                "ConditionExpression": "revision = :expected",
                "ExpressionAttributeValues": {":expected": {"N": "7"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
    ]


def test_a_refused_deletion_is_a_conflict_unless_an_earlier_try_had_done_it() -> None:
    store, _ = objects(refused(None, retries=1), refused(None, retries=0), refused(STORED, retries=1))

    store.delete(KEY, expected=1)
    for _ in range(2):
        with pytest.raises(Conflict, match=r"^own/locations$") as conflict:
            store.delete(KEY, expected=1)
        assert conflict.value.__suppress_context__


def entry(pk: str) -> Request:
    return {"pk": {"S": pk}}


def stored(name: str, **attributes: str) -> Request:
    return STORED | {"pk": {"S": name}, "id": {"S": name}} | {name: {"S": each} for name, each in attributes.items()}


def test_what_has_a_lookup_is_found_by_its_index_and_read_from_the_table() -> None:
    store, client = objects(
        {"Items": [entry("a"), entry("b")], "LastEvaluatedKey": entry("b")},
        {"Items": [entry("c")]},
        {
            "Responses": {"t": [stored("a", lookup="x"), stored("b", lookup="y"), stored("c")]},
            "UnprocessedKeys": {},
        },
    )

    assert [record.key.id for record in store.find("x")] == ["a"]
    assert client.asked[0] == (
        "query",
        {
            "TableName": "t",
            "IndexName": "by_lookup",
            "KeyConditionExpression": "lookup = :lookup",
            "ExpressionAttributeValues": {":lookup": {"S": "x"}},
        },
    )
    wanted = client.asked[2][1]["RequestItems"]["t"]
    assert [key["pk"]["S"] for key in wanted["Keys"]] == ["a", "b", "c"]
    assert wanted["ConsistentRead"] is True


def test_what_is_due_comes_the_longest_overdue_first_and_is_due_in_the_table() -> None:
    late, now, soon = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z", "2026-01-01T00:00:10Z"
    found = [stored("a", due=now), stored("b", due=late), stored("c", due=soon), stored("d")]
    store, client = objects(
        {"Items": [entry(name) for name in "abcd"]}, {"Responses": {"t": found}, "UnprocessedKeys": {}}
    )

    assert [record.key.id for record in store.due(now, 10)] == ["b", "a"]
    assert client.asked[0] == (
        "query",
        {
            "TableName": "t",
            "IndexName": "by_due",
            "KeyConditionExpression": "due_list = :list AND due_key < :end",
            "ExpressionAttributeValues": {":list": {"S": "due"}, ":end": {"S": f"{now}$"}},
            "Limit": 10,
        },
    )


def test_what_is_due_is_read_on_until_there_are_as_many_as_were_asked_for() -> None:
    """Each round asks for what is missing; what is not due any more leaves room for the next."""
    gone = {"b", "c"}

    def answer(operation: str, request: Request) -> Any:
        if operation == "query":
            return {"Items": [entry(name) for name in "abcdefg"]}
        pks = [key["pk"]["S"] for key in request["RequestItems"]["t"]["Keys"]]
        items = [stored(pk, due=AT) for pk in pks if pk not in gone]
        return {"Responses": {"t": items}, "UnprocessedKeys": {}}

    store, client = objects(answer=answer)
    assert [record.key.id for record in store.due(AT, 4)] == ["a", "d", "e", "f"]
    batches = [len(each["RequestItems"]["t"]["Keys"]) for each in client.requests("batch_get_item")]
    assert batches == [4, 2]


def test_a_hundred_that_are_due_are_read_at_once() -> None:
    def answer(operation: str, request: Request) -> Any:
        if operation == "query":
            return {"Items": [entry(f"o{number:03}") for number in range(150)]}
        pks = [key["pk"]["S"] for key in request["RequestItems"]["t"]["Keys"]]
        return {"Responses": {"t": [stored(pk, due=AT) for pk in pks]}, "UnprocessedKeys": {}}

    store, client = objects(answer=answer)
    assert len(store.due(AT, 101)) == 101
    assert [len(each["RequestItems"]["t"]["Keys"]) for each in client.requests("batch_get_item")] == [100, 1]


def test_a_page_is_of_the_same_table() -> None:
    store, client = objects({"Items": []})
    query = PageQuery(LOCATIONS, 3, counted=False)

    assert store.page(query) == Page([], 0, None)
    assert client.asked[0][1]["TableName"] == "t"
