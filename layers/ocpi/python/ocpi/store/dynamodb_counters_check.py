"""Counters held against a count of what is really there, and built anew.

Both read every object of a collection. Nothing needs to stand still meanwhile: what looks different may be on its way
through the stream, so look again before you believe it; and what is written while counters are built is counted in the
new ones like everything else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from contextlib import suppress
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, TOP, Node, NodeId
from ocpi.store.dynamodb_counters import (
    COMPLETE,
    FIRST,
    LAST,
    CountedList,
    Places,
    State,
    as_key,
    node_from,
    node_key,
    read_state,
    state_key,
)
from ocpi.store.dynamodb_counting import UNCOUNTED, Counting
from ocpi.store.dynamodb_items import view
from ocpi.store.dynamodb_requests import BATCH, batch_get, batch_get_items, delete_items, query_items
from ocpi.store.dynamodb_tallies import BUILT, ObjectChange, Tally, tally_key
from ocpi.store.port import EVERYBODY, Collection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from ocpi.store.dynamodb_items import Item

PLACES = "pk, #collection, created_key, updated_key, addressed_key, #view, audience"


class DynamoDBCounters:
    """The counters in the table of this name."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def collections(self) -> list[str]:
        """The collections that have objects and are to be counted."""
        found: set[str] = set()
        scan = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            IndexName="by_created",
            ProjectionExpression="#collection",
            ExpressionAttributeNames={"#collection": "collection"},
        )
        for page in scan:
            found |= {item["collection"]["S"] for item in page["Items"]}
        return sorted(each for each in found if Collection.parse(each).owner not in UNCOUNTED)

    def check(self, collection: str) -> list[str]:
        """What is wrong with the counters of a collection, in sentences; nothing if they are exact."""
        state = read_state(self._client, self._table, collection, consistent=True)
        if state is None or not state.complete:
            return [f"{collection} is not counted completely"]
        wrong: list[str] = []
        lists: defaultdict[CountedList, list[tuple[str, int]]] = defaultdict(list)
        objects = self._objects(collection)
        while batch := dict(islice(objects, BATCH)):
            found = batch_get_items(self._client, self._table, [tally_key(pk) for pk in batch])
            for pk, item in batch.items():
                places = Places.of(item)
                if _lacks_view(item):
                    wrong.append(f"{pk} is not in the list of what is for everybody")
                for counted, number in places.numbers():
                    lists[counted].append((places.keys[counted], number))
                tally = Tally.of(found.get(tally_key(pk))).counted_in(state.generation)
                if tally != places:
                    wrong.append(f"{pk} is not counted {'where it is' if tally.keys else 'at all'}")
        for counted in sorted({*lists, *self._known_lists(collection)}, key=str):
            nodes = self._nodes(counted, state.generation)
            wrong += [f"{counted}: {finding}" for finding in _findings(sorted(lists[counted]), nodes)]
        return wrong

    def rebuild(self, collection: str) -> None:
        """Count a collection anew. Until that is done pages are found by walking. Raises botocore's
        ``ConditionalCheckFailedException`` if another does so at the same time, or if a change was given up meanwhile.
        """
        generation = self._begin_anew(collection)
        objects = self._objects(collection)
        while batch := list(islice(objects, BATCH)):
            for pk, item in batch:
                if _lacks_view(item):
                    self._give_view(pk, collection)
            changes = [ObjectChange(pk, collection, BUILT, Places.of(item)) for pk, item in batch]
            Counting(self._client, self._table).count(changes)
        self._client.update_item(
            TableName=self._table,
            Key=as_key(state_key(collection)),
            UpdateExpression=f"SET {COMPLETE} = :complete REMOVE oldest",
            # Race: another began anew after us, and its counters are not complete yet; or a change was given up.
            ConditionExpression="generation = :generation AND attribute_not_exists(doubt)",
            ExpressionAttributeValues={":complete": {"BOOL": True}, ":generation": {"N": str(generation)}},
        )

    def _begin_anew(self, collection: str) -> int:
        """Let all count in the next generation; which one that is."""
        old = read_state(self._client, self._table, collection, consistent=True)
        if old is None:
            state = State(1, complete=False).item(collection)
            # Race: another builds as well, or the function begins to count; both would go on with half of the objects.
            self._client.put_item(TableName=self._table, Item=state, ConditionExpression="attribute_not_exists(pk)")
            return 1
        state = self._client.update_item(
            TableName=self._table,
            Key=as_key(state_key(collection)),
            # The nodes of a builder that died are still there: those from the oldest generation on.
            UpdateExpression=(
                f"SET generation = :new, {COMPLETE} = :no, oldest = if_not_exists(oldest, :old) REMOVE doubt"
            ),
            # Race: the same.
            ConditionExpression="generation = :old",
            ExpressionAttributeValues={
                ":old": {"N": str(old.generation)},
                ":new": {"N": str(old.generation + 1)},
                ":no": {"BOOL": False},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        # Before anything is counted anew, so that who still counts in the old ones finds them gone.
        for generation in range(int(state["oldest"]["N"]), old.generation + 1):
            self._delete_nodes(_lists_of(state), generation)
        return old.generation + 1

    def _delete_nodes(self, lists: Sequence[CountedList], generation: int) -> None:
        """Delete all nodes of lists. Nobody makes new ones but from one that is there, so in the end none is."""
        left = list(lists)
        while left:
            found = {counted: self._nodes(counted, generation) for counted in left}
            keys = [node_key(counted, generation, node) for counted, nodes in found.items() for node in nodes]
            delete_items(self._client, self._table, keys)
            left = [counted for counted, nodes in found.items() if nodes]

    def _give_view(self, pk: str, collection: str) -> None:
        """Put an object into the list of what is for everybody that is older than that list. It has no new revision,
        since nothing else changes.
        """
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=as_key((pk, "OBJECT")),
                UpdateExpression="SET #view = :view, addressed_key = created_key",
                # Race: another writes the object, and what it sets is right.
                ConditionExpression="audience = :audience AND attribute_not_exists(#view)",
                ExpressionAttributeNames={"#view": "view"},
                ExpressionAttributeValues={
                    ":view": {"S": view(Collection.parse(collection), EVERYBODY)},
                    ":audience": {"S": EVERYBODY},
                },
            )

    def _objects(self, collection: str) -> Iterator[tuple[str, Item]]:
        """What is needed of every object, as it is, strongly consistent."""
        query = CountedList(collection, "created").between(self._table, FIRST, LAST)
        entries = query_items(self._client, query)
        names = {"#collection": "collection", "#view": "view"}
        while batch := [entry["pk"]["S"] for entry in islice(entries, BATCH)]:
            yield from batch_get(self._client, self._table, batch, PLACES, names).items()

    def _known_lists(self, collection: str) -> list[CountedList]:
        key = as_key(state_key(collection))
        return _lists_of(self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)["Item"])

    def _nodes(self, counted: CountedList, generation: int) -> dict[NodeId, Node]:
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": {"S": node_key(counted, generation, ROOT)[0]}},
            "ConsistentRead": True,
        }
        return {node.id: node for node in map(_node, query_items(self._client, query))}


def _lists_of(state: Item) -> list[CountedList]:
    return [CountedList.parse(name) for name in state["lists"]["SS"]] if "lists" in state else []


def _lacks_view(item: Item) -> bool:
    return item.get("audience") == {"S": EVERYBODY} and "view" not in item


def _node(item: Item) -> Node:
    level, _, low = item["sk"]["S"].partition("#")
    return node_from(NodeId(int(level), low), item)


def _findings(entries: list[tuple[str, int]], nodes: Mapping[NodeId, Node]) -> Iterator[str]:
    """What is wrong with a tree, given the entries of its list in order, each with its number."""
    if not nodes:
        if entries:
            yield f"{len(entries)} are there, nothing is counted"
        return
    yield from _torn(nodes)
    bottoms = sorted((node for node in nodes.values() if node.id.level == BOTTOM), key=lambda node: node.id.low)
    for node, upper in zip_longest(bottoms, [node.id.low for node in bottoms[1:]]):
        if node.upper != upper:
            yield f"the node from {node.id.low!r} on does not end where the next one begins"
    chunks = sorted((low, number) for node in bottoms for low, number in node.children.items())
    keys = [key for key, _ in entries]
    for (low, number), following in zip_longest(chunks, [low for low, _ in chunks[1:]]):
        start, end = bisect_left(keys, low), bisect_left(keys, following) if following is not None else len(keys)
        there = sum(each for _, each in entries[start:end])
        if there != number:
            yield f"{number} are counted from {low!r} on, {there} are there"


def _torn(nodes: Mapping[NodeId, Node]) -> Iterator[str]:
    """Children that do not have what their parents say."""
    for parent in nodes.values():
        for low, number in parent.children.items() if parent.id.level in (TOP, MIDDLE) else ():
            child = nodes.get(NodeId(parent.id.level + 1, low))
            if child is None or child.total() != number:
                yield f"{number} are counted from {low!r} on at level {parent.id.level}, the node there says otherwise"
