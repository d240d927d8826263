"""Counters as items of the table: their names, what is read of them, and the transactions that count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ocpi.store import dynamodb_counting, dynamodb_tallies
from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, Node, NodeId, packed
from ocpi.store.dynamodb_counters import (
    NOWHERE,
    CountedList,
    Places,
    State,
    node_from,
    read_nodes,
    read_path,
    read_state,
)
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_counting import Counting, changes_of, sequence_of
from ocpi.store.dynamodb_tallies import CountTransaction, ObjectChange, Tally, as_item, tally_key
from tests.support.counted import FakeStream, count
from tests.support.fake_dynamodb import TransactionCanceledException
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB, cancelled, refused
from tests.support.stores import draft, key

CREATED, UPDATED = CountedList("own/cdrs", "created"), CountedList("own/cdrs", "updated")
FOR_PARTY, FOR_PARTY_UPDATED = CountedList("own/cdrs|NL-TNM", "addressed"), CountedList("own/cdrs|NL-TNM", "updated")
IMAGE = {
    "collection": {"S": "own/cdrs"},
    "created_key": {"S": "1#a"},
    "updated_key": {"S": "2#a"},
}
FOR_ALL = IMAGE | {"audience": {"S": "*"}, "view": {"S": "own/cdrs|*"}, "addressed_key": {"S": "1#a"}}
PK = "OBJECT#own/cdrs#a"


def test_a_list_is_named_by_what_it_is_a_part_of_and_its_order() -> None:
    assert [str(each) for each in (CREATED, FOR_PARTY)] == ["own/cdrs|created", "own/cdrs|NL-TNM|addressed"]
    assert [CountedList.parse(str(each)) for each in (CREATED, FOR_PARTY)] == [CREATED, FOR_PARTY]
    assert [(each.collection, each.is_view, each.attribute) for each in (UPDATED, FOR_PARTY)] == [
        ("own/cdrs", False, "updated_key"),
        ("own/cdrs", True, "addressed_key"),
    ]


@pytest.mark.parametrize(
    ("counted", "index", "partition", "attribute"),
    [
        (CREATED, "by_created", "collection", "created_key"),
        (UPDATED, "by_updated", "collection", "updated_key"),
        (FOR_PARTY, "by_audience_created", "view", "addressed_key"),
        (FOR_PARTY_UPDATED, "by_audience_updated", "view", "updated_key"),
    ],
)
def test_every_list_is_a_partition_of_an_index(
    counted: CountedList, index: str, partition: str, attribute: str
) -> None:
    assert counted.between("t", "1", "2") == {
        "TableName": "t",
        "IndexName": index,
        "KeyConditionExpression": f"#partition = :partition AND {attribute} BETWEEN :low AND :high",
        "ExpressionAttributeNames": {"#partition": partition},
        "ExpressionAttributeValues": {
            ":partition": {"S": counted.partition},
            ":low": {"S": "1"},
            ":high": {"S": "2"},
        },
    }


def test_what_is_for_nobody_stands_in_the_lists_of_its_collection() -> None:
    places = Places.of(IMAGE)

    assert places == Places({CREATED: "1#a", UPDATED: "2#a"}, everybody=False)
    assert list(places.numbers()) == [(CREATED, 1), (UPDATED, 1)]


def test_what_is_for_everybody_stands_nowhere_else_and_counts_for_both() -> None:
    places = Places.of(FOR_ALL)

    assert places == Places({CREATED: "1#a", UPDATED: "2#a"}, everybody=True)
    assert list(places.numbers()) == [(CREATED, packed(1, 1)), (UPDATED, packed(1, 1))]


def test_what_is_for_a_party_stands_in_its_lists_too() -> None:
    image = FOR_ALL | {"audience": {"S": "NL-TNM"}, "view": {"S": "own/cdrs|NL-TNM"}, "addressed_key": {"S": "3#a"}}
    places = Places.of(image)

    assert places == Places(
        {CREATED: "1#a", UPDATED: "2#a", FOR_PARTY: "3#a", FOR_PARTY_UPDATED: "2#a"}, everybody=False
    )
    assert [number for _, number in places.numbers()] == [1, 1, 1, 1]
    assert Places.of({}) == NOWHERE == Places({}, everybody=False)


def test_the_state_of_a_collection_is_read_as_it_was_written() -> None:
    for state in (State(3, complete=True), State(4, complete=False)):
        item = state.item("own/cdrs")
        assert item == {
            "pk": {"S": "COUNTERS#own/cdrs"},
            "sk": {"S": "STATE"},
            "generation": {"N": str(state.generation)},
            "counted_by_view": {"BOOL": state.complete},
        }
        client: Any = ScriptedDynamoDB({"Item": item}, {})
        assert read_state(client, "t", "own/cdrs", consistent=state.complete) == state
        assert read_state(client, "t", "own/cdrs", consistent=state.complete) is None
        key = {"pk": {"S": "COUNTERS#own/cdrs"}, "sk": {"S": "STATE"}}
        asked = {"TableName": "t", "Key": key, "ConsistentRead": state.complete}
        assert client.asked == [("get_item", asked)] * 2


def test_counters_that_say_nothing_of_being_complete_are_not() -> None:
    client: Any = ScriptedDynamoDB({"Item": {"generation": {"N": "1"}, "complete": {"BOOL": True}}})

    assert read_state(client, "t", "own/cdrs", consistent=True) == State(1, complete=False)


def node_item(level: int, low: str, children: dict[str, int], *, upper: str | None = None, of: Any = CREATED) -> Any:
    item = {
        "pk": {"S": f"COUNTERS#{of}#1"},
        "sk": {"S": f"{level}#{low}"},
        "structure": {"N": "5"},
        "changes": {"N": "6"},
        **{f"={child}": {"N": str(number)} for child, number in children.items()},
    }
    return item | ({"upper": {"S": upper}} if upper is not None else {})


def test_nodes_are_read_each_with_its_list_and_generation() -> None:
    bottom = NodeId(BOTTOM, "b")
    client: Any = ScriptedDynamoDB(
        {"Responses": {"t": [node_item(2, "b", {"b": 1, "d=": 2}, upper="f")]}, "UnprocessedKeys": {}}
    )

    found = read_nodes(client, "t", [(CREATED, 1, bottom), (UPDATED, 2, ROOT)], consistent=False)
    assert found == {(CREATED, bottom): Node(bottom, 5, 6, "f", {"b": 1, "d=": 2})}
    wanted = client.asked[0][1]["RequestItems"]["t"]
    assert wanted["ConsistentRead"] is False
    assert [(key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"]] == [
        ("COUNTERS#own/cdrs|created#1", "2#b"),
        ("COUNTERS#own/cdrs|updated#2", "0#"),
    ]
    assert node_from(ROOT, node_item(0, "", {})) == Node(ROOT, 5, 6, None, {})


def tree(*items: Any) -> Any:
    by_key = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def answer(operation: str, request: Request) -> Request:
        assert request["RequestItems"]["t"]["ConsistentRead"] is True
        keys = [(each["pk"]["S"], each["sk"]["S"]) for each in request["RequestItems"]["t"]["Keys"]]
        return {"Responses": {"t": [by_key[each] for each in keys if each in by_key]}, "UnprocessedKeys": {}}

    return ScriptedDynamoDB(answer=answer)


TREE = (
    node_item(0, "", {"": 3, "k": 2}),
    node_item(1, "", {"": 1, "c": 2}),
    node_item(2, "c", {"c": 2}, upper="k"),
)


def test_the_path_of_a_key_is_a_node_of_each_level() -> None:
    path = read_path(tree(*TREE), "t", CREATED, 1, "d")

    assert path is not None
    assert [node.id for node in path] == [ROOT, (MIDDLE, ""), (BOTTOM, "c")]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_path_that_lacks_a_node_is_none(missing: int) -> None:
    items = [each for number, each in enumerate(TREE) if number != missing]

    assert read_path(tree(*items), "t", CREATED, 1, "d") is None


def test_a_path_whose_last_node_ends_before_the_key_is_none() -> None:
    shorter = node_item(2, "c", {"c": 2}, upper="d")

    assert read_path(tree(*TREE[:2], shorter), "t", CREATED, 1, "d") is None
    assert read_path(tree(*TREE[:2], shorter), "t", CREATED, 1, "cz") is not None


PLACES = Places({CREATED: "1#a", UPDATED: "2#a"}, everybody=True)
TALLY = Tally("7", 2, PLACES)


def test_a_tally_is_read_as_it_was_written() -> None:
    item = as_item(tally_key(PK), TALLY)

    assert tally_key(PK) == ("COUNTED#own/cdrs#a", "COUNTED")
    assert tally_key("OBJECT#own/tokens#a#b") == ("COUNTED#own/tokens#a#b", "COUNTED")
    assert item == {
        "pk": {"S": "COUNTED#own/cdrs#a"},
        "sk": {"S": "COUNTED"},
        "sequence": {"S": "7"},
        "generation": {"N": "2"},
        "places": {"M": {"own/cdrs|created": {"S": "1#a"}, "own/cdrs|updated": {"S": "2#a"}}},
        "everybody": {"BOOL": True},
    }
    assert Tally.of(item) == TALLY
    assert Tally.of(None) == Tally() == Tally("", 0, NOWHERE)
    assert [TALLY.counted_in(generation) for generation in (1, 2, 3)] == [NOWHERE, PLACES, NOWHERE]


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_tallies, "time", SimpleNamespace(time=lambda: 1_000_000.9))


def tallied(change: ObjectChange, tally: Tally) -> Request:
    transaction = CountTransaction("t")
    transaction.write_tally(change, tally, 3)
    ((put,),) = [each.values() for each in transaction.items]
    found: Request = dict(put)
    assert found.pop("TableName") == "t"
    return found


def test_the_first_tally_of_an_object_is_written_where_there_is_none() -> None:
    assert tallied(ObjectChange(PK, "own/cdrs", "9", PLACES), Tally()) == {
        "Item": as_item(tally_key(PK), Tally("9", 3, PLACES)),
        "ConditionExpression": "attribute_not_exists(pk)",
    }


@pytest.mark.parametrize("tally", [Tally("7", 0), Tally("", 2), Tally("7", 2)])
def test_a_tally_is_replaced_as_it_was_read(tally: Tally) -> None:
    put = tallied(ObjectChange(PK, "own/cdrs", "9", PLACES), tally)

    assert put["ConditionExpression"] == "#sequence = :sequence AND generation = :generation"
    assert put["ExpressionAttributeNames"] == {"#sequence": "sequence"}
    assert put["ExpressionAttributeValues"] == {
        ":sequence": {"S": tally.sequence},
        ":generation": {"N": str(tally.generation)},
    }


@pytest.mark.usefixtures("at_noon")
def test_the_tally_of_what_is_gone_is_kept_for_three_days() -> None:
    put = tallied(ObjectChange(PK, "own/cdrs", "9", NOWHERE), TALLY)

    assert put["Item"]["expires"] == {"N": str(1_000_000 + 3 * 86_400)}
    assert "expires" not in tallied(ObjectChange(PK, "own/cdrs", "9", PLACES), TALLY)["Item"]


def test_what_is_counted_without_a_record_keeps_the_number_of_the_last_one() -> None:
    assert tallied(ObjectChange(PK, "own/cdrs", "", PLACES), TALLY)["Item"]["sequence"] == {"S": "7"}


def test_new_lists_are_noted_as_long_as_the_generation_is_the_same() -> None:
    transaction = CountTransaction("t")
    transaction.note_lists("own/cdrs", State(4, complete=True), {UPDATED, CREATED})

    assert transaction.items == [
        {
            "Update": {
                "TableName": "t",
                "Key": {"pk": {"S": "COUNTERS#own/cdrs"}, "sk": {"S": "STATE"}},
                "UpdateExpression": "ADD lists :lists",
                "ConditionExpression": "generation = :generation",
                "ExpressionAttributeValues": {
                    ":generation": {"N": "4"},
                    ":lists": {"SS": ["own/cdrs|created", "own/cdrs|updated"]},
                },
            }
        }
    ]


@pytest.mark.parametrize("structure", [0, 5])
def test_numbers_are_added_to_a_node_as_it_was_read(structure: int) -> None:
    transaction = CountTransaction("t")
    node = Node(NodeId(BOTTOM, "b"), structure, 6, None, {"b": 1})
    transaction.add(("p", "s"), node, {"b": 2, "d": -1})

    condition = {"ConditionExpression": "#structure = :structure"} if structure else {}
    assert transaction.items == [
        {
            "Update": {
                "TableName": "t",
                "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}},
                "UpdateExpression": ("" if structure else "SET #structure = :one ")
                + "ADD #changes :one, #n0 :n0, #n1 :n1",
                "ConditionExpression": "attribute_not_exists(pk)",
                **condition,
                "ExpressionAttributeNames": {
                    "#structure": "structure",
                    "#changes": "changes",
                    "#n0": "=b",
                    "#n1": "=d",
                },
                "ExpressionAttributeValues": {":one": {"N": "1"}, ":n0": {"N": "2"}, ":n1": {"N": "-1"}}
                | ({":structure": {"N": "5"}} if structure else {}),
            }
        }
    ]
    transaction.done()
    assert node == Node(NodeId(BOTTOM, "b"), structure or 1, 7, None, {"b": 3, "d": -1})


def record(sequence: str, old: Request | None, new: Request | None, pk: str = PK) -> Request:
    images = {name: image for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    return {"dynamodb": {"Keys": {"pk": {"S": pk}}, "SequenceNumber": sequence, **images}}


def test_a_record_says_where_an_object_is_after_it() -> None:
    moved = FOR_ALL | {"updated_key": {"S": "3#a"}}
    records = [record("7", None, FOR_ALL), record("8", FOR_ALL, moved), record("9", moved, None)]

    assert list(changes_of(records)) == [
        ObjectChange(PK, "own/cdrs", "7".zfill(40), Places.of(FOR_ALL)),
        ObjectChange(PK, "own/cdrs", "8".zfill(40), Places.of(moved)),
        ObjectChange(PK, "own/cdrs", "9".zfill(40), NOWHERE),
    ]
    assert sequence_of(records[0]) < sequence_of(record("10", None, FOR_ALL))


def test_what_moves_no_object_in_a_list_is_no_change() -> None:
    job = FOR_ALL | {"collection": {"S": "jobs/imports"}, "view": {"S": "jobs/imports|*"}}
    records = [
        record("1", FOR_ALL, FOR_ALL | {"document": {"S": "x"}}),
        record("2", None, job, "OBJECT#jobs/imports#a"),
        record("3", None, FOR_ALL, "PARTNERS"),
        record("4", None, FOR_ALL),
    ]

    assert [change.sequence[-1] for change in changes_of(records)] == ["4"]


def test_an_object_that_lacks_its_place_in_the_list_for_everybody_cannot_be_counted() -> None:
    lacking = {name: value for name, value in FOR_ALL.items() if name != "view"}

    with pytest.raises(ValueError, match=r"^an object of own/cdrs is not in the list of what is for everybody$"):
        list(changes_of([record("1", None, lacking)]))
    assert len(list(changes_of([record("1", lacking, FOR_ALL | {"updated_key": {"S": "9#a"}})]))) == 1


def test_of_several_changes_of_an_object_the_latest_decides_wherever_it_stands() -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1", "2026-01-01T00:00:01Z"), expected=None)
    stream.store.objects.put(key("a"), draft("1", "2026-01-01T00:00:02Z"), expected=1)
    count(stream.client, "store", list(reversed(stream.pending())))

    tally = Tally.of(stream.table.items[("COUNTED#own/locations#a", "COUNTED")])
    assert tally.places.keys[CountedList("own/locations", "updated")] == "2026-01-01T00:00:02Z#a"
    # One transaction: the tally, the note of the lists, and three nodes of each of the two lists.
    assert stream.table.calls["TransactWriteItems"] == 1


def test_of_two_changes_with_one_number_the_later_one_decides() -> None:
    stream = FakeStream()
    moved = Places({CREATED: "1#a", UPDATED: "3#a"})
    changes = [ObjectChange(PK, "own/cdrs", "7", PLACES), ObjectChange(PK, "own/cdrs", "7", moved)]
    Counting(stream.client, "t").count(changes)

    assert Tally.of(stream.table.items[tally_key(PK)]).places == moved


def test_two_objects_with_one_key_count_as_two() -> None:
    stream = FakeStream()
    at_once = Places({CREATED: "1#a"})
    Counting(stream.client, "t").count([ObjectChange(pk, "own/cdrs", "7", at_once) for pk in (PK, f"{PK}#b")])

    path = read_path(stream.client, "t", CREATED, 1, "1#a")
    assert path is not None
    assert [node.total() for node in path] == [2, 2, 2]


class Refusing(FakeStream):
    """A stream whose transactions are cancelled for reasons, as often as there are any."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.table.before = self._refuse
        self.store.objects.put(key("a"), draft("1"), expected=None)

    def _refuse(self, operation: str, request: Request) -> None:
        if operation == "TransactWriteItems" and self.errors:
            raise self.errors.pop(0)


TRANSIENT = [
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    {},
]


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.mark.parametrize("reason", TRANSIENT)
def test_a_transaction_that_will_do_at_the_next_try_is_made_again(waited: list[float], reason: Any) -> None:
    stream = Refusing(cancelled("None", reason), cancelled(reason))
    stream.catch_up()

    assert ("COUNTED#own/locations#a", "COUNTED") in stream.table.items
    assert (stream.errors, len(waited)) == ([], 2)


def test_a_transaction_may_be_cancelled_for_all_of_these_reasons_at_once(waited: list[float]) -> None:
    stream = Refusing(cancelled(*TRANSIENT))
    stream.catch_up()

    assert ("COUNTED#own/locations#a", "COUNTED") in stream.table.items


def test_a_transaction_that_will_never_do_is_an_error_at_once(waited: list[float]) -> None:
    stream = Refusing(cancelled("ConditionalCheckFailed", "ValidationError"))

    with pytest.raises(TransactionCanceledException):
        stream.catch_up()
    assert waited == []


def test_who_is_always_too_late_gives_up_after_ten_tries(waited: list[float]) -> None:
    stream = Refusing(*[cancelled("ConditionalCheckFailed")] * 10)

    with pytest.raises(TimeoutError, match=r"^others change the counters of own/locations all the time$"):
        stream.catch_up()
    assert (stream.errors, len(waited)) == ([], 9)


def test_a_tree_that_lacks_a_node_is_said_to_be_torn(waited: list[float]) -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.catch_up()
    del stream.table.items[("COUNTERS#own/locations|created#1", "2#")]
    stream.store.objects.put(key("b"), draft("1"), expected=None)

    with pytest.raises(LookupError, match=r"^the counters of own/locations do not fit together$"):
        stream.catch_up()
    assert len(waited) == 9


@pytest.mark.parametrize(("hours", "is_young"), [(19.9, True), (20.1, False), (None, True)])
def test_a_collection_is_complete_from_the_start_if_all_of_it_is_in_the_stream(
    hours: float | None, *, is_young: bool
) -> None:
    oldest = datetime.now(UTC) - timedelta(hours=hours or 0)
    items = [] if hours is None else [{"created_key": {"S": f"{oldest:%Y-%m-%dT%H:%M:%S.%fZ}#a"}}]
    client: Any = ScriptedDynamoDB({}, {"Items": items}, {}, {})

    assert Counting(client, "t")._state("own/cdrs") == State(1, complete=is_young)
    query, put = client.asked[1][1], client.asked[2][1]
    assert query == CREATED.between("t", "0", "~") | {"Limit": 1}
    assert put == {
        "TableName": "t",
        "Item": State(1, complete=is_young).item("own/cdrs"),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    assert [request["ConsistentRead"] for request in client.requests("get_item")] == [True, True]


def test_of_two_who_begin_to_count_the_first_ones_state_counts() -> None:
    there = State(4, complete=False)
    client: Any = ScriptedDynamoDB({}, {"Items": []}, refused(), {"Item": there.item("own/cdrs")})
    counting = Counting(client, "t")

    assert counting._state("own/cdrs") == there
    assert counting._state("own/cdrs") == there
    assert len(client.asked) == 4


def test_a_transaction_has_a_hundred_items_at_most() -> None:
    """Of 40 objects of one new list each: a tally, three nodes for each of two lists, and one note a collection."""
    stream, sizes = FakeStream(), []
    stream.table.before = lambda operation, request: sizes.append(len(request.get("TransactItems", ())))
    changes = [
        ObjectChange(
            f"OBJECT#own/m{number}#a",
            f"own/m{number}",
            "1",
            Places({CountedList(f"own/m{number}", order): "1#a" for order in ("created", "updated")}),
        )
        for number in range(40)
    ]
    Counting(stream.client, "t").count(changes)

    transactions = [size for size in sizes if size]
    # Eight items each; with a thirteenth there would be 104.
    assert transactions == [96, 96, 96, 32]


def test_so_many_changes_of_one_list_are_one_transaction() -> None:
    stream, sizes = FakeStream(), []
    stream.table.before = lambda operation, request: sizes.append(len(request.get("TransactItems", ())))
    created = {f"o{number:03}": Places({CREATED: f"1#o{number:03}"}) for number in range(101)}
    Counting(stream.client, "t").count(ObjectChange(f"x#{n}", "own/cdrs", "1", place) for n, place in created.items())

    # Besides tallies three nodes, and first the note of the new list; a batch has a hundred changes at most.
    assert [size for size in sizes if size] == [100, 7, 4]


def test_what_is_never_listed_with_a_total_is_what_jobs_own() -> None:
    assert frozenset({"jobs"}) == dynamodb_counting.UNCOUNTED


def test_who_has_read_an_old_state_of_what_is_built_anew_looks_again(waited: list[float]) -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.catch_up()
    counters = DynamoDBCounters(stream.client, "store")
    counters.rebuild("own/locations")
    stream.store.objects.put(key("a"), draft("1", "2026-01-01T00:00:09Z"), expected=1)
    counting = Counting(stream.client, "store")
    counting._states["own/locations"] = State(1, complete=True)
    counting.count(changes_of(stream.pending()))

    assert counters.check("own/locations") == []
    assert stream.table.items[("COUNTED#own/locations#a", "COUNTED")]["generation"] == {"N": "2"}
    assert len(waited) == 1


def test_who_has_read_a_node_before_it_was_split_looks_again(waited: list[float]) -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.catch_up()
    stream.store.objects.put(key("b"), draft("1"), expected=None)
    counting = Counting(stream.client, "store")
    counting._states["own/locations"] = State(1, complete=True)
    created, low = CountedList("own/locations", "created"), NodeId(BOTTOM, "")
    counting._nodes[created, low] = Node(low, 1, 1, "1999", {"": 1})
    counting.count(changes_of(stream.pending()))

    assert DynamoDBCounters(stream.client, "store").check("own/locations") == []
    assert len(waited) == 1


def test_a_node_that_others_split_once_all_is_counted_is_left_to_them() -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.catch_up()
    counting = Counting(stream.client, "store")
    created, low = CountedList("own/locations", "created"), NodeId(BOTTOM, "")
    counting._nodes[created, low] = Node(low, 1, 1, "1999", {"": 1})
    counting._touched[created, ""] = "2026"
    counting.count([])

    assert DynamoDBCounters(stream.client, "store").check("own/locations") == []


def test_what_was_not_counted_is_found() -> None:
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    stream.catch_up()
    stream.store.objects.put(key("a"), draft("1", "2026-01-01T00:00:09Z"), expected=1)
    stream.store.objects.put(key("c"), draft("1"), expected=None)

    assert DynamoDBCounters(stream.client, "store").check("own/locations")[:2] == [
        "OBJECT#own/locations#a is not counted where it is",
        "OBJECT#own/locations#c is not counted at all",
    ]


def test_a_change_that_may_be_counted_another_time_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch that fails for good, one record may fail by itself for what passes: the batch is to come again."""
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")
    errors: list[Exception] = [KeyError("structure"), throttled]
    stream = FakeStream()
    stream.store.objects.put(key("a"), draft("1"), expected=None)
    records = stream.pending()

    def fail(*_: Any) -> None:
        raise errors.pop(0)

    with monkeypatch.context() as patched:
        patched.setattr(Counting, "count", fail)
        with pytest.raises(ClientError) as raised:
            stream.store.follow(records)
    assert raised.value is throttled
    stream.store.follow(records)
    assert DynamoDBCounters(stream.client, "store").check("own/locations") == []
