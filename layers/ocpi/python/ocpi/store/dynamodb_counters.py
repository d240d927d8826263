"""Counters of the lists of objects, as items of the table: how they are named, written down and read.

Each index by which objects are paged is a number of lists: ``own/cdrs|created``, ``own/cdrs|updated``, and of what a
party may see ``own/cdrs|NL-TNM|addressed`` and ``own/cdrs|NL-TNM|updated``. Every list has a tree
(:mod:`ocpi.store.counter_tree`), but for those of what is for everybody: it has the same keys in the lists of its
collection and is counted there, beside the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, Node, NodeId, packed
from ocpi.store.dynamodb_requests import batch_get_items
from ocpi.store.port import EVERYBODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from ocpi.store.dynamodb_items import Item

CHILD = "="
"""What the name of an attribute begins with that holds the number of a child; its low follows."""
FIRST, LAST = "0", "~"
"""Below and above every key: keys begin with the digits of a year."""


@dataclass(frozen=True, slots=True)
class CountedList:
    """A list of objects: those of a collection or a view (``partition``) in one ``order``, by ``<order>_key``."""

    partition: str
    order: str

    @classmethod
    def parse(cls, text: str) -> CountedList:
        """The list whose ``str()`` this is."""
        partition, _, order = text.rpartition("|")
        return cls(partition, order)

    def __str__(self) -> str:
        return f"{self.partition}|{self.order}"

    @property
    def collection(self) -> str:
        """Whose list it is, or is a view of."""
        return self.partition.partition("|")[0]

    @property
    def is_view(self) -> bool:
        """Whether it is what one audience may see of the collection."""
        return "|" in self.partition

    @property
    def attribute(self) -> str:
        """The attribute of an object that is its key in the list."""
        return f"{self.order}_key"

    def between(self, table: str, low: str, high: str) -> QueryInputTypeDef:
        """The query for the entries from ``low`` to ``high``, which is included."""
        index = ("by_audience_" if self.is_view else "by_") + ("updated" if self.order == "updated" else "created")
        return {
            "TableName": table,
            "IndexName": index,
            "KeyConditionExpression": f"#partition = :partition AND {self.attribute} BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": "view" if self.is_view else "collection"},
            "ExpressionAttributeValues": {
                ":partition": {"S": self.partition},
                ":low": {"S": low},
                ":high": {"S": high},
            },
        }


@dataclass(frozen=True, slots=True)
class Places:
    """Where an object stands: its key in each of its lists, and whether it is for everybody. Nowhere once deleted."""

    keys: Mapping[CountedList, str]
    everybody: bool = False

    @classmethod
    def of(cls, image: Mapping[str, Any]) -> Places:
        """The places of an object by its item, or by the image of it in the stream: where the indexes have it."""
        everybody = image.get("audience", {}).get("S") == EVERYBODY
        lists = [("collection", "created"), ("collection", "updated")]
        lists += [] if everybody else [("view", "addressed"), ("view", "updated")]
        keys = {
            CountedList(image[partition]["S"], order): image[f"{order}_key"]["S"]
            for partition, order in lists
            if partition in image and f"{order}_key" in image
        }
        return cls(keys, everybody)

    def numbers(self) -> Iterator[tuple[CountedList, int]]:
        """What it counts for in each of its lists. Whoever is not everybody has lists of its own."""
        for counted in self.keys:
            yield counted, packed(1, int(self.everybody and counted.partition == counted.collection))


NOWHERE = Places({})


COMPLETE = "counted_by_view"
"""The attribute that says so; where another, ``complete``, says so, what is for everybody may still lack its view."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the counters of a collection. They are of use to readers once they are ``complete``. Each time
    they are built anew is a ``generation`` of them, with items of its own.
    """

    generation: int
    complete: bool

    def item(self, collection: str) -> Item:
        """As it is written down."""
        return {
            **as_key(state_key(collection)),
            "generation": {"N": str(self.generation)},
            COMPLETE: {"BOOL": self.complete},
        }


def state_key(collection: str) -> tuple[str, str]:
    """Where the state of a collection's counters is."""
    return f"COUNTERS#{collection}", "STATE"


def node_key(counted: CountedList, generation: int, node: NodeId) -> tuple[str, str]:
    """Where a node is."""
    return f"COUNTERS#{counted}#{generation}", f"{node.level}#{node.low}"


def read_state(client: DynamoDBClient, table: str, collection: str, *, consistent: bool) -> State | None:
    """The state of a collection's counters; ``None``: nothing of it was ever counted."""
    answer = client.get_item(TableName=table, Key=as_key(state_key(collection)), ConsistentRead=consistent)
    item = answer.get("Item")
    return State(int(item["generation"]["N"]), item.get(COMPLETE, {}).get("BOOL", False)) if item else None


def read_nodes(
    client: DynamoDBClient, table: str, keys: Iterable[tuple[CountedList, int, NodeId]], *, consistent: bool
) -> dict[tuple[CountedList, NodeId], Node]:
    """Nodes of one or more lists, each with its generation; those that are not there are left out."""
    wanted = {node_key(*key): (key[0], key[2]) for key in keys}
    found = batch_get_items(client, table, list(wanted), consistent=consistent)
    return {wanted[key]: node_from(wanted[key][1], item) for key, item in found.items()}


def read_path(
    client: DynamoDBClient, table: str, counted: CountedList, generation: int, key: str
) -> tuple[Node, Node, Node] | None:
    """The nodes of all levels that a key belongs to, strongly consistent; ``None`` if there are none, or if they were
    split while they were read.
    """
    path, wanted = [], ROOT
    for level in (MIDDLE, BOTTOM, None):
        node = read_nodes(client, table, [(counted, generation, wanted)], consistent=True).get((counted, wanted))
        if node is None:
            return None
        path.append(node)
        if level is not None:
            wanted = NodeId(level, node.child(key))
    top, middle, bottom = path
    return (top, middle, bottom) if bottom.covers(key) else None


def node_from(node: NodeId, item: Item) -> Node:
    """The node of an item."""
    return Node(
        node,
        structure=int(item["structure"]["N"]),
        changes=int(item["changes"]["N"]),
        upper=item["upper"]["S"] if "upper" in item else None,
        children={name[1:]: int(value["N"]) for name, value in item.items() if name.startswith(CHILD)},
    )


def as_key(key: tuple[str, str]) -> Item:
    """A primary key as requests take it."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
