"""Splitting and merging of counters, with their conditions; and their being held against what is really there."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.store.counter_tree import BOTTOM, CHUNK, FANOUT, MIDDLE, ROOT, Node, NodeId, packed
from ocpi.store.dynamodb_counters import CountedList, Places, State, node_key
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_reshaping import FEW, Reshaping, is_due
from ocpi.store.dynamodb_tallies import Tally, as_item, tally_key
from tests.support.counted import FakeStream
from tests.support.fake_dynamodb import ConditionalCheckFailedException
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB, cancelled, in_conflict, refused
from tests.support.stores import draft, key

LIST = CountedList("own/cdrs", "created")


def bottom(children: dict[str, int], low: str = "") -> Node:
    return Node(NodeId(BOTTOM, low), 5, 6, None, children)


@pytest.mark.parametrize(
    ("children", "chunk", "due"),
    [
        ({"": CHUNK}, "", False),
        ({"": CHUNK + 1}, "", True),
        ({"": packed(CHUNK, CHUNK)}, "", False),
        ({"": 90, "k": FEW}, "k", False),
        ({"": FEW, "k": FEW}, "k", True),
        ({"": FEW + 1, "k": FEW}, "k", False),
        ({"": FEW, "k": FEW}, "", True),
        ({"": FEW + 1, "k": FEW - 1}, "", False),
        ({"": FEW + 1, "k": FEW - 1}, "k", True),
        ({"": 90, "k": 3, "m": 3}, "k", True),
        ({"": 90, "k": 3, "m": 90}, "k", False),
        ({"": 3}, "", False),
        ({"": 90}, "gone", False),
        ({f"{n:02}": 90 for n in range(FANOUT)}, "00", False),
        ({f"{n:02}": 90 for n in range(FANOUT + 1)}, "00", True),
    ],
)
def test_when_a_chunk_or_its_node_is_to_be_looked_at(children: dict[str, int], chunk: str, *, due: bool) -> None:
    assert is_due(bottom(children), chunk) is due


def test_a_node_without_keys_is_spare_unless_it_is_the_first() -> None:
    assert is_due(bottom({"k": 0}, "k"), "k")
    assert not is_due(bottom({"": 0}), "")
    assert not is_due(bottom({"k": 1}, "k"), "k")
    assert FEW == 25


def item(node: Node) -> Request:
    pk, sk = node_key(LIST, 3, node.id)
    found: Request = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "structure": {"N": str(node.structure)},
        "changes": {"N": str(node.changes)},
        **{f"={low}": {"N": str(number)} for low, number in node.children.items()},
    }
    return found | ({"upper": {"S": node.upper}} if node.upper is not None else {})


def reshaping(*nodes: Node, counted: list[str] = [], write: Any = None) -> tuple[Reshaping, ScriptedDynamoDB]:  # noqa: B006 - only read
    """Over these nodes, and these keys that the index shows and that are counted."""
    items = [item(node) for node in nodes]
    items += [as_item(tally_key(f"O#{name}"), Tally("1", 3, Places({LIST: name}))) for name in counted]
    by_key = {(each["pk"]["S"], each["sk"]["S"]): each for each in items}

    def answer(operation: str, request: Request) -> Any:
        if operation == "query":
            return {"Items": [{"pk": {"S": f"O#{name}"}} for name in counted]}
        if operation == "batch_get_item":
            keys = [(each["pk"]["S"], each["sk"]["S"]) for each in request["RequestItems"]["t"]["Keys"]]
            return {"Responses": {"t": [by_key[each] for each in keys if each in by_key]}, "UnprocessedKeys": {}}
        return write if write is not None else {}

    client: Any = ScriptedDynamoDB(answer=answer)
    return Reshaping(client, "t", LIST, 3), client


def path(children: dict[str, int]) -> tuple[Node, Node, Node]:
    total = sum(children.values())
    return (
        Node(ROOT, 1, 2, None, {"": total}),
        Node(NodeId(MIDDLE, ""), 3, 4, None, {"": total}),
        bottom(children),
    )


CONDITION = {
    "TableName": "t",
    "Key": {"pk": {"S": "COUNTERS#own/cdrs|created#3"}, "sk": {"S": "2#"}},
    "ConditionExpression": "#structure = :structure AND #changes = :changes",
}
NAMES = {"#structure": "structure", "#changes": "changes"}
VALUES = {":structure": {"N": "5"}, ":changes": {"N": "6"}, ":one": {"N": "1"}}


def test_a_full_chunk_is_split_if_no_count_of_its_node_has_changed() -> None:
    keys = [f"1#{number:03}" for number in range(101)]
    work, client = reshaping(*path({"": 101}), counted=keys)
    work.carry_out("1#000")

    (update,) = client.requests("update_item")
    assert update == CONDITION | {
        "ExpressionAttributeNames": NAMES | {"#s0": "=", "#s1": "=1#075"},
        "ExpressionAttributeValues": VALUES | {":s0": {"N": "75"}, ":s1": {"N": "26"}},
        "UpdateExpression": "SET #s0 = :s0, #s1 = :s1 ADD #structure :one",
    }
    assert client.requests("query") == [LIST.between("t", "0", "~") | {"ProjectionExpression": "pk"}]


def test_where_nothing_is_to_be_done_a_path_is_read_twice_and_no_more() -> None:
    """Before the chunk is looked at, and after it."""
    work, client = reshaping(*path({"": CHUNK}), counted=[f"1#{number:03}" for number in range(CHUNK)])
    work.carry_out("1#000")

    assert [operation for operation, _ in client.asked] == ["batch_get_item"] * 6


def test_a_chunk_of_which_the_index_does_not_show_all_stays_as_it_is() -> None:
    work, client = reshaping(*path({"": 101}), counted=[f"1#{number:03}" for number in range(100)])
    work.carry_out("1#000")

    assert client.requests("query")
    assert client.requests("update_item") == []


def test_only_keys_that_were_counted_in_the_chunk_are_split() -> None:
    """One at its beginning is in it, one at its end is in the next; the latter is not what makes the sum wrong."""
    keys = ["k", *(f"k{number:03}" for number in range(100)), "m", "a"]
    work, client = reshaping(*path({"": 90, "k": 101, "m": 90}), counted=keys)
    work.carry_out("k5")

    (update,) = client.requests("update_item")
    assert update["ExpressionAttributeNames"] == NAMES | {"#s0": "=k", "#s1": "=k049"}
    assert update["ExpressionAttributeValues"] == VALUES | {":s0": {"N": "50"}, ":s1": {"N": "51"}}
    assert client.requests("query")[0]["ExpressionAttributeValues"][":low"] == {"S": "k"}
    assert client.requests("query")[0]["ExpressionAttributeValues"][":high"] == {"S": "m"}


def test_small_chunks_are_merged_into_the_first_of_them() -> None:
    for of in ("1", "5"):
        work, client = reshaping(*path({"": 3, "4": 4}))
        work.carry_out(of)

        assert client.requests("update_item") == [
            CONDITION
            | {
                "ExpressionAttributeNames": NAMES | {"#s0": "=", "#r0": "=4"},
                "ExpressionAttributeValues": VALUES | {":s0": {"N": "7"}},
                "UpdateExpression": "SET #s0 = :s0 REMOVE #r0 ADD #structure :one",
            }
        ]


@pytest.mark.parametrize("error", [refused(), in_conflict()])
def test_a_node_that_another_changes_meanwhile_is_left_to_it(error: Exception) -> None:
    work, client = reshaping(*path({"": 3, "4": 4}), write=error)
    work.carry_out("1")

    assert len(client.requests("update_item")) == 1


def test_a_tree_that_is_gone_is_left_alone() -> None:
    work, client = reshaping()
    work.carry_out("1")

    assert [operation for operation, _ in client.asked] == ["batch_get_item"]


def rounds(children: int, *, is_last: bool = True) -> tuple[list[Any], int]:
    """What is done about a node of so many children when each try is refused, and when each is done."""
    lows = ["", *(f"{number:02}" for number in range(1, children))]
    top, middle, low = path(dict.fromkeys(lows, 90))
    if not is_last:
        low.upper = "99"
        middle.children["99"] = 1
    work, client = reshaping(top, middle, low, write=cancelled("ConditionalCheckFailed"))
    work.carry_out("00")
    refused_ones = client.requests("transact_write_items")
    work, client = reshaping(top, middle, low)
    work.carry_out("00")
    return refused_ones, len(client.requests("transact_write_items"))


def test_a_node_at_the_end_keeps_three_quarters_of_what_it_may_have() -> None:
    (transaction,), number = rounds(FANOUT + 1)

    put, stays, parent = (each.get("Put") or each["Update"] for each in transaction["TransactItems"])
    assert put["Item"]["sk"] == {"S": "2#24"}
    assert len([name for name in put["Item"] if name.startswith("=")]) == 9
    assert (put["Item"]["structure"], put["Item"]["changes"]) == ({"N": "1"}, {"N": "0"})
    assert "upper" not in put["Item"]
    assert (put["TableName"], put["ConditionExpression"]) == ("t", "attribute_not_exists(pk)")
    assert stays["ExpressionAttributeValues"][":upper"] == {"S": "24"}
    assert stays["UpdateExpression"].startswith("SET #upper = :upper REMOVE #r0, ")
    assert stays["ConditionExpression"] == "#structure = :structure AND #changes = :changes"
    assert parent["ConditionExpression"] == "#structure = :structure"
    assert parent["ExpressionAttributeNames"] == {"#structure": "structure", "#s0": "=", "#s1": "=24"}
    assert parent["ExpressionAttributeValues"] == {
        ":structure": {"N": "3"},
        ":one": {"N": "1"},
        ":s0": {"N": str(24 * 90)},
        ":s1": {"N": str(9 * 90)},
    }
    # Done again and again, as nothing here changes: a bound keeps it from going on for ever.
    assert number == 64


def test_a_node_in_the_middle_is_split_in_halves() -> None:
    (transaction,), _ = rounds(FANOUT + 1, is_last=False)

    put = transaction["TransactItems"][0]["Put"]["Item"]
    assert put["sk"] == {"S": "2#16"}
    assert put["upper"] == {"S": "99"}
    assert len([name for name in put if name.startswith("=")]) == 17


def test_a_full_node_is_not_split() -> None:
    assert rounds(FANOUT) == ([], 0)


def above(children: int, *, is_last: bool = True) -> list[Request]:
    """What is done about a node of so many nodes when it is refused."""
    lows = ["", *(f"{number:02}" for number in range(1, children))]
    middle = Node(NodeId(MIDDLE, ""), 3, 4, None, dict.fromkeys(lows, 90))
    low = bottom({"": 90})
    low.upper = "01"
    top = Node(ROOT, 1, 2, None, {"": 90 * children} | ({} if is_last else {"99": 1}))
    work, client = reshaping(top, middle, low, write=cancelled("None"))
    work.carry_out("00")
    return client.requests("transact_write_items")


def test_a_full_node_above_is_not_split_either() -> None:
    assert above(FANOUT) == []


def test_a_node_above_in_the_middle_is_split_in_halves() -> None:
    (transaction,) = above(FANOUT + 1, is_last=False)

    assert transaction["TransactItems"][0]["Put"]["Item"]["sk"] == {"S": "1#16"}


def test_a_full_node_above_is_split_as_well() -> None:
    (transaction,) = above(FANOUT + 1)
    put, stays, parent = (each.get("Put") or each["Update"] for each in transaction["TransactItems"])
    assert put["Item"]["sk"] == {"S": "1#24"}
    assert stays["Key"]["sk"] == {"S": "1#"}
    assert "upper" not in str((put, stays))  # only the lowest level says where it ends
    assert parent["Key"]["sk"] == {"S": "0#"}
    assert parent["ExpressionAttributeValues"][":s1"] == {"N": str(9 * 90)}


def spare(*, alone: bool, upper: str | None, before: str = "k") -> tuple[list[Node], Node]:
    """A tree whose last node but one ends where one without keys begins, which may have one above it for itself."""
    first, empty = bottom({"": 90}), bottom({"k": 0}, "k")
    first.upper, empty.upper = before, upper
    nodes = [first, empty, Node(ROOT, 1, 2, None, {"": 90, "k": 0} if alone else {"": 90})]
    nodes.append(Node(NodeId(MIDDLE, ""), 3, 4, None, {"": 90} if alone else {"": 90, "k": 0}))
    return [*nodes, Node(NodeId(MIDDLE, "k"), 7, 8, None, {"k": 0})] if alone else nodes, empty


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("upper", [None, "p"])
def test_a_node_without_keys_is_given_up_and_the_one_before_it_ends_where_it_did(
    upper: str | None, *, alone: bool
) -> None:
    nodes, _ = spare(alone=alone, upper=upper)
    work, client = reshaping(*nodes, write=cancelled("None"))
    work.carry_out("k5")

    (transaction,) = client.requests("transact_write_items")
    *gone, before, parent = (next(iter(each.items())) for each in transaction["TransactItems"])
    assert [(kind, each["Key"]["sk"]["S"]) for kind, each in gone] == [("Delete", "2#k"), ("Delete", "1#k")][
        : 1 + alone
    ]
    for _, each in gone:
        assert each["ConditionExpression"] == "#structure = :structure AND #changes = :changes"
        assert each["ExpressionAttributeNames"] == NAMES
    assert gone[0][1]["ExpressionAttributeValues"] == {":structure": {"N": "5"}, ":changes": {"N": "6"}}
    change = "SET #upper = :upper ADD #structure :one" if upper else "REMOVE #upper ADD #structure :one"
    assert before == (
        "Update",
        {
            "TableName": "t",
            "Key": {"pk": {"S": "COUNTERS#own/cdrs|created#3"}, "sk": {"S": "2#"}},
            "ConditionExpression": "#structure = :structure",
            "ExpressionAttributeNames": {"#structure": "structure", "#upper": "upper"},
            "ExpressionAttributeValues": {":structure": {"N": "5"}, ":one": {"N": "1"}}
            | ({":upper": {"S": upper}} if upper else {}),
            "UpdateExpression": change,
        },
    )
    kind, update = parent
    assert (kind, update["Key"]["sk"]["S"]) == ("Update", "0#" if alone else "1#")
    assert update["UpdateExpression"] == "REMOVE #r0 ADD #structure :one"
    assert update["ExpressionAttributeNames"] == {"#structure": "structure", "#r0": "=k"}
    assert update["ConditionExpression"] == "#structure = :structure"


@pytest.mark.parametrize("before", ["j", "l"])
def test_a_node_without_keys_stays_while_the_one_before_it_does_not_end_there(before: str) -> None:
    nodes, _ = spare(alone=False, upper=None, before=before)
    work, client = reshaping(*nodes)
    work.carry_out("k5")

    assert [operation for operation, _ in client.asked] == ["batch_get_item"] * 9


def test_the_node_before_one_without_keys_may_begin_right_below_it() -> None:
    """So near that the key by which it is found must be the last one below."""
    first, before, empty = bottom({"": 90}), bottom({"jz": 90}, "jz"), bottom({"k": 0}, "k")
    first.upper, before.upper = "jz", "k"
    above_them = Node(NodeId(MIDDLE, ""), 3, 4, None, {"": 90, "jz": 90, "k": 0})
    top = Node(ROOT, 1, 2, None, {"": 180})
    work, client = reshaping(top, above_them, first, before, empty, write=cancelled("None"))
    work.carry_out("k5")

    (transaction,) = client.requests("transact_write_items")
    assert [next(iter(each.values()))["Key"]["sk"]["S"] for each in transaction["TransactItems"]] == [
        "2#k",
        "2#jz",
        "1#",
    ]


def counters(stream: FakeStream) -> DynamoDBCounters:
    return DynamoDBCounters(stream.client, "store")


def counted(size: int = 3) -> FakeStream:
    stream = FakeStream()
    for number in range(size):
        stream.store.objects.put(key(f"l{number}"), draft("1"), expected=None)
    stream.catch_up()
    return stream


def test_collections_that_are_counted_are_those_that_have_objects() -> None:
    pages: Any = ScriptedDynamoDB(
        {"Items": [{"collection": {"S": "own/tokens"}}, {"collection": {"S": "jobs/imports"}}], "LastEvaluatedKey": 1},
        {"Items": [{"collection": {"S": "own/cdrs"}}, {"collection": {"S": "own/tokens"}}]},
    )

    assert DynamoDBCounters(pages, "t").collections() == ["own/cdrs", "own/tokens"]
    assert pages.asked[0] == (
        "scan",
        {
            "TableName": "t",
            "IndexName": "by_created",
            "ProjectionExpression": "#collection",
            "ExpressionAttributeNames": {"#collection": "collection"},
        },
    )


def nodes(stream: FakeStream, counted_list: str = "created") -> dict[str, Request]:
    return {
        sk: found for (pk, sk), found in stream.table.items.items() if pk.endswith(f"own/locations|{counted_list}#1")
    }


def test_a_list_without_any_counters_is_found() -> None:
    stream = counted()
    for sk in nodes(stream):
        del stream.table.items[("COUNTERS#own/locations|created#1", sk)]

    assert counters(stream).check("own/locations") == ["own/locations|created: 3 are there, nothing is counted"]


def test_a_count_that_is_wrong_is_found_on_its_level() -> None:
    stream = counted()
    nodes(stream)["2#"]["="] = {"N": str(packed(4, 3))}

    assert counters(stream).check("own/locations") == [
        f"own/locations|created: {packed(3, 3)} are counted from '' on at level 1, the node there says otherwise",
        f"own/locations|created: {packed(4, 3)} are counted from '' on, {packed(3, 3)} are there",
    ]


@pytest.mark.parametrize("level", [1, 2])
def test_a_node_that_is_missing_is_found(level: int) -> None:
    stream = counted()
    del stream.table.items[("COUNTERS#own/locations|created#1", f"{level}#")]

    said = f"{packed(3, 3)} are counted from '' on at level {level - 1}, the node there says otherwise"
    assert counters(stream).check("own/locations") == [f"own/locations|created: {said}"]


def test_a_node_that_ends_elsewhere_is_found() -> None:
    stream = counted()
    nodes(stream)["2#"]["upper"] = {"S": "3000"}

    assert counters(stream).check("own/locations") == [
        "own/locations|created: the node from '' on does not end where the next one begins"
    ]


def test_a_list_of_which_nothing_is_left_is_looked_at_as_well() -> None:
    stream = counted(0)
    stream.store.objects.put(key("a"), draft("1", audience="NL-TNM"), expected=None)
    stream.catch_up()
    stream.store.objects.put(key("a"), draft("1", audience=None), expected=1)
    stream.catch_up()
    party = ("COUNTERS#own/locations|NL-TNM|addressed#1", "2#")
    assert counters(stream).check("own/locations") == []
    stream.table.items[party]["="] = {"N": "1"}

    assert len(counters(stream).check("own/locations")) == 2


def test_counters_of_which_nothing_was_ever_counted_are_built() -> None:
    stream = FakeStream()
    for number in range(3):
        stream.store.objects.put(key(f"l{number}"), draft("1"), expected=None)
    assert counters(stream).check("own/locations") == ["own/locations is not counted completely"]
    counters(stream).rebuild("own/locations")

    assert counters(stream).check("own/locations") == []
    state = stream.table.items[("COUNTERS#own/locations", "STATE")]
    assert (state["generation"], "oldest" in state) == ({"N": "1"}, False)


def test_of_two_who_build_at_once_one_is_refused() -> None:
    for old in ({}, {"Item": State(2, complete=True).item("own/cdrs")}):
        client: Any = ScriptedDynamoDB(old, refused())
        with pytest.raises(ConditionalCheckFailedException):
            DynamoDBCounters(client, "t").rebuild("own/cdrs")
    update = client.asked[1][1]
    assert update == {
        "TableName": "t",
        "Key": {"pk": {"S": "COUNTERS#own/cdrs"}, "sk": {"S": "STATE"}},
        "UpdateExpression": "SET generation = :new, counted_by_view = :no, oldest = if_not_exists(oldest, :old)"
        " REMOVE doubt",
        "ConditionExpression": "generation = :old",
        "ExpressionAttributeValues": {":old": {"N": "2"}, ":new": {"N": "3"}, ":no": {"BOOL": False}},
        "ReturnValues": "ALL_NEW",
    }
