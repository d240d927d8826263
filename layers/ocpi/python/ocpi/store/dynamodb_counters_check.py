"""Counters held against a count of what is really there, and built anew.

Both read every object of a collection. Nothing needs to stand still meanwhile: what looks different may be on its way
through the stream, so look again before you believe it; and what is written while counters are built is counted in the
new ones like everything else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, TOP, Node, NodeId
from ocpi.store.dynamodb_counters import (
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
from ocpi.store.dynamodb_requests import BATCH, batch_get, batch_get_items, delete_items, query_items
from ocpi.store.dynamodb_tallies import BUILT, ObjectChange, Tally, tally_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        return sorted(each for each in found if each.rpartition("/")[0] not in UNCOUNTED)

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
            for pk, places in batch.items():
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
        ``ConditionalCheckFailedException`` if another does so at the same time.
        """
        old = read_state(self._client, self._table, collection, consistent=True)
        lists = self._known_lists(collection)
        new = State(old.generation + 1 if old else 1, complete=False)
        self._write_state(collection, new, old)
        objects = self._objects(collection)
        while batch := list(islice(objects, BATCH)):
            changes = [ObjectChange(pk, collection, BUILT, places) for pk, places in batch]
            Counting(self._client, self._table).count(changes)
        self._client.update_item(
            TableName=self._table,
            Key=as_key(state_key(collection)),
            UpdateExpression="SET complete = :complete",
            # Race: another began anew after us; its counters are not complete yet.
            ConditionExpression="generation = :generation",
            ExpressionAttributeValues={":complete": {"BOOL": True}, ":generation": {"N": str(new.generation)}},
        )
        if old:
            for counted in lists:
                keys = [node_key(counted, old.generation, node) for node in self._nodes(counted, old.generation)]
                delete_items(self._client, self._table, keys)

    def _write_state(self, collection: str, new: State, old: State | None) -> None:
        # Race: another builds as well, or the function begins to count; both would go on with half of the objects.
        if old is None:
            self._client.put_item(
                TableName=self._table, Item=new.item(collection), ConditionExpression="attribute_not_exists(pk)"
            )
            return
        self._client.put_item(
            TableName=self._table,
            Item=new.item(collection),
            ConditionExpression="generation = :generation",
            ExpressionAttributeValues={":generation": {"N": str(old.generation)}},
        )

    def _objects(self, collection: str) -> Iterator[tuple[str, Places]]:
        """Every object, as it is, strongly consistent."""
        query = CountedList(collection, "created").between(self._table, FIRST, LAST)
        entries = query_items(self._client, query)
        names = {"#collection": "collection", "#view": "view"}
        while batch := [entry["pk"]["S"] for entry in islice(entries, BATCH)]:
            found = batch_get(self._client, self._table, batch, PLACES, names)
            yield from ((pk, Places.of(item)) for pk, item in found.items())

    def _known_lists(self, collection: str) -> list[CountedList]:
        key = as_key(state_key(collection))
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return [CountedList.parse(name) for name in item["lists"]["SS"]] if "lists" in item else []

    def _nodes(self, counted: CountedList, generation: int) -> dict[NodeId, Node]:
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": {"S": node_key(counted, generation, ROOT)[0]}},
            "ConsistentRead": True,
        }
        return {node.id: node for node in map(_node, query_items(self._client, query))}


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
    for left, right in pairwise([*bottoms, None]):
        if left and left.upper != (right.id.low if right else None):
            yield f"the node from {left.id.low!r} on does not end where the next one begins"
    chunks = sorted((low, number) for node in bottoms for low, number in node.children.items())
    keys = [key for key, _ in entries]
    for (low, number), following in zip(chunks, [*(low for low, _ in chunks[1:]), None], strict=True):
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
