"""Tallies: how each object was counted last; and the transactions that count it anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi.store.dynamodb_counters import CHILD, NOWHERE, CountedList, Places, as_key, state_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ocpi.store.counter_tree import Node
    from ocpi.store.dynamodb_counters import State
    from ocpi.store.dynamodb_items import Item

TRANSACTION = 100
"""Items that one transaction takes."""
BUILT = ""
"""The sequence number of what was counted without a record of the stream: below those of all records."""
_KEPT_SECONDS = 3 * 86_400
"""How long the tally of a deleted object is kept; the stream keeps records for a day."""


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What became of one object: where it stands after the change that has this sequence number in the stream."""

    pk: str
    collection: str
    sequence: str
    places: Places

    @property
    def tally_key(self) -> tuple[str, str]:
        """Where its tally is."""
        return tally_key(self.pk)


@dataclass(frozen=True, slots=True)
class Tally:
    """How an object was counted last. ``generation``: of the counters that it was counted in; 0: in none yet."""

    sequence: str = ""
    generation: int = 0
    places: Places = NOWHERE

    def counted_in(self, generation: int) -> Places:
        """Where it stands in the counters of a generation."""
        return self.places if self.generation == generation else NOWHERE

    @classmethod
    def of(cls, item: Item | None) -> Tally:
        """The tally of an item, or of an object that has none."""
        if item is None:
            return cls()
        keys = {CountedList.parse(name): key["S"] for name, key in item["places"]["M"].items()}
        places = Places(keys, item["everybody"]["BOOL"])
        return cls(item["sequence"]["S"], int(item["generation"]["N"]), places)


def tally_key(pk: str) -> tuple[str, str]:
    """Where the tally of the object with this partition key is."""
    return f"COUNTED#{pk.partition('#')[2]}", "COUNTED"


def as_item(key: tuple[str, str], tally: Tally) -> Item:
    """A tally as it is written down."""
    return {
        **as_key(key),
        "sequence": {"S": tally.sequence},
        "generation": {"N": str(tally.generation)},
        "places": {"M": {str(counted): {"S": key} for counted, key in tally.places.keys.items()}},
        "everybody": {"BOOL": tally.places.everybody},
    }


class CountTransaction:
    """Items of one transaction. ``done`` is to be told when it was carried out."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.items: list[Any] = []
        self._changes: list[tuple[Node, Mapping[str, int]]] = []

    def write_tally(self, change: ObjectChange, tally: Tally, generation: int) -> None:
        """Say that a change was counted."""
        item = as_item(change.tally_key, Tally(change.sequence or tally.sequence, generation, change.places))
        if not change.places.keys:
            item["expires"] = {"N": str(int(time.time()) + _KEPT_SECONDS)}
        # Race: another invocation counts a change of the same object; counted from one tally, both would be counted.
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if tally.sequence or tally.generation:
            condition = {
                "ConditionExpression": "#sequence = :sequence AND generation = :generation",
                "ExpressionAttributeNames": {"#sequence": "sequence"},
                "ExpressionAttributeValues": {
                    ":sequence": {"S": tally.sequence},
                    ":generation": {"N": str(tally.generation)},
                },
            }
        self.items.append({"Put": {"TableName": self._table, "Item": item, **condition}})

    def note_lists(self, collection: str, state: State, new: Collection[CountedList]) -> None:
        """Note lists of a collection that are counted for the first time."""
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": as_key(state_key(collection)),
            "UpdateExpression": "ADD lists :lists",
            # Race: the counters are begun anew; what is counted in the old ones would be missing in the new. Where a
            # list has nodes already, those that are gone tell: all are deleted before anything is counted anew.
            "ConditionExpression": "generation = :generation",
            "ExpressionAttributeValues": {
                ":generation": {"N": str(state.generation)},
                ":lists": {"SS": sorted(map(str, new))},
            },
        }
        self.items.append({"Update": update})

    def add(self, key: tuple[str, str], node: Node, numbers: Mapping[str, int]) -> None:
        """Add numbers to children of a node, which is made if it was not there."""
        names, values = {"#structure": "structure", "#changes": "changes"}, {":one": {"N": "1"}}
        additions = ["#changes :one"]
        for position, (low, number) in enumerate(numbers.items()):
            names[f"#n{position}"] = CHILD + low
            values[f":n{position}"] = {"N": str(number)}
            additions.append(f"#n{position} :n{position}")
        update = f"ADD {', '.join(additions)}"
        if node.structure:
            # Race: the node is split; what is added to a child that moved away would be lost.
            condition = "#structure = :structure"
            values[":structure"] = {"N": str(node.structure)}
        else:
            # Race: another invocation makes the node; it knows better what is in it.
            condition = "attribute_not_exists(pk)"
            update = f"SET #structure = :one {update}"
        self.items.append(
            {
                "Update": {
                    "TableName": self._table,
                    "Key": as_key(key),
                    "UpdateExpression": update,
                    "ConditionExpression": condition,
                    "ExpressionAttributeNames": names,
                    "ExpressionAttributeValues": values,
                }
            }
        )
        self._changes.append((node, numbers))

    def done(self) -> None:
        """Bring the nodes that it was made from to what they are after it."""
        for node, numbers in self._changes:
            node.structure = max(node.structure, 1)
            node.changes += 1
            for low, number in numbers.items():
                node.children[low] = node.children.get(low, 0) + number
