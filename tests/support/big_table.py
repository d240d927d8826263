"""A table of up to millions of locations that are made up as they are asked for, with all its counters.

The counters are laid out as the function ``counters`` leaves those of a list that only grew.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ocpi.store.counter_tree import BOTTOM, MIDDLE, NodeId, packed, separator
from ocpi.store.dynamodb_counters import CountedList, State, node_key, state_key
from ocpi.store.port import Collection
from tests.support.fake_dynamodb import UNIT, FakeDynamoDB, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCATIONS = Collection("own", "locations")
PARTY = "NL-TNM"
DOCUMENT = "x" * 3000
CHUNK, FANOUT = 75, 24
"""As splitting at the end of a list leaves them."""
DAYS = [f"{date(2026, 1, 1) + timedelta(days=day)}" for day in range(365)]
YEAR_S = len(DAYS) * 86_400
MIXES = {"a third for one party": (3, PARTY), "few for everybody": (100, "*"), "few for one party": (100, PARTY)}
"""By name: every how many-th object has this audience; the others are for everybody, or for the party."""


@dataclass(frozen=True)
class Objects:
    """``size`` objects. ``tied``: imported with one timestamp."""

    size: int
    tied: bool = False
    mix: str = "a third for one party"

    def id(self, number: int) -> str:
        """In lower case, as keys have it."""
        return f"loc-{number:07d}"

    def created(self, number: int) -> str:
        """One every millisecond."""
        return f"2025-06-01T00:{number // 60_000:02d}:{number // 1000 % 60:02d}.{number % 1000 * 1000:06d}Z"

    def updated(self, number: int) -> str:
        """All over a year, or all at once."""
        if self.tied:
            return "2026-01-01T00:00:00Z"
        day, second = divmod(number * 7_919_993 % YEAR_S, 86_400)
        return f"{DAYS[day]}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"

    def audience(self, number: int) -> str:
        """Who may see it."""
        every, whose = MIXES[self.mix]
        return whose if number % every == 0 else PARTY if whose == "*" else "*"

    def of(self, key: str) -> int:
        """The number of the object with this key."""
        return int(key[-7:])


class BigTable(FakeDynamoDB):
    """Lists of keys instead of items: what is in the items follows from the numbers of the objects."""

    def __init__(self, objects: Objects) -> None:
        super().__init__()
        self._objects = objects
        self._audiences = [objects.audience(number) for number in range(objects.size)]
        self.lists: dict[CountedList, list[str]] = {}
        collection = str(LOCATIONS)
        for order, instant in (("created", objects.created), ("updated", objects.updated)):
            keys = sorted(f"{instant(number)}#{objects.id(number)}" for number in range(objects.size))
            self.lists[CountedList(collection, order)] = keys
            theirs: dict[str, list[str]] = {"*": [], PARTY: []}
            for key in keys:
                theirs[self._audiences[objects.of(key)]].append(key)
            for audience, found in theirs.items():
                counted = CountedList(f"{collection}|{audience}", "addressed" if order == "created" else order)
                self.lists[counted] = found
        self.items[state_key(collection)] = State(1, complete=True).item(collection)
        for counted, keys in self.lists.items():
            if not counted.partition.endswith("|*"):
                self._lay_out(counted, keys)

    def _lay_out(self, counted: CountedList, keys: Sequence[str]) -> None:
        """The nodes of a list's tree."""
        everybody, objects, audiences = not counted.is_view, self._objects, self._audiences
        children = []
        for start in range(0, len(keys), CHUNK):
            low = separator(keys[start - 1], keys[start]) if start else ""
            chunk = keys[start : start + CHUNK]
            number = packed(len(chunk), sum(everybody and audiences[objects.of(key)] == "*" for key in chunk))
            children.append((low, number))
        for level in (BOTTOM, MIDDLE):
            parts = [children[start : start + FANOUT] for start in range(0, len(children), FANOUT)]
            ends = [*(part[0][0] for part in parts[1:]), None]
            for part, end in zip(parts, ends, strict=True):
                self._node(counted, NodeId(level, part[0][0]), part, end if level == BOTTOM else None)
            children = [(part[0][0], sum(number for _, number in part)) for part in parts]
        self._node(counted, NodeId(0, ""), children, None)

    def _node(self, counted: CountedList, node: NodeId, children: list[tuple[str, int]], upper: str | None) -> None:
        key = node_key(counted, 1, node)
        numbers = {"structure": 1000, "changes": 1_000_000, **{f"={low}": number for low, number in children}}
        item: dict[str, Any] = {name: {"N": str(number)} for name, number in numbers.items()}
        item |= {"pk": {"S": key[0]}, "sk": {"S": key[1]}} | ({"upper": {"S": upper}} if upper else {})
        self.items[key] = item

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Objects are made up, anything else is there."""
        ((table, wanted),) = request["RequestItems"].items()
        if not wanted["Keys"][0]["pk"]["S"].startswith("OBJECT#"):
            return super().batch_get_item(**request)
        self.calls["BatchGetItem"] += 1
        items = [self._item(key["pk"]["S"]) for key in wanted["Keys"]]
        for item in items:
            self._charge(size_of(item), consistent=True)
        return {"Responses": {table: items}, "UnprocessedKeys": {}}

    def _item(self, pk: str) -> dict[str, Any]:
        number, objects = int(pk[-7:]), self._objects
        values = {
            "pk": pk,
            "sk": "OBJECT",
            "collection": str(LOCATIONS),
            "id": objects.id(number).upper(),
            "version": "2.1.1",
            "document": DOCUMENT,
            "last_updated": objects.updated(number),
            "created": objects.created(number),
            "received": objects.created(number),
            "created_key": f"{objects.created(number)}#{objects.id(number)}",
            "updated_key": f"{objects.updated(number)}#{objects.id(number)}",
            "write_id": "0" * 32,
            "audience": objects.audience(number),
            "view": f"{LOCATIONS}|{objects.audience(number)}",
        }
        return {name: {"S": value} for name, value in values.items()}

    def query(self, **request: Any) -> dict[str, Any]:
        """Of the lists."""
        self.calls["Query"] += 1
        values, index = request["ExpressionAttributeValues"], request["IndexName"]
        partition = values[":partition"]["S"]
        order = "updated" if index.endswith("updated") else "addressed" if "|" in partition else "created"
        keys = self.lists[CountedList(partition, order)]
        after = request.get("ExclusiveStartKey")
        start = bisect_left(keys, after[f"{order}_key"]["S"] + "\0" if after else values[":low"]["S"])
        end = bisect_left(keys, values[":high"]["S"])
        last = min(start + request.get("Limit", 10**9), start + 1_000_000 // self.entry_size(), end)
        self._charge(max(0, last - start) * self.entry_size(), consistent=False)
        if "FilterExpression" in request:
            raise ValueError("a filter reads what is not of the page")
        found = keys[start:last]
        answer: dict[str, Any] = {"Count": len(found)}
        if request.get("Select") != "COUNT":
            answer["Items"] = [
                {"pk": {"S": f"OBJECT#{LOCATIONS}#{key[-11:]}"}, f"{order}_key": {"S": key}} for key in found
            ]
        if last < end:
            answer["LastEvaluatedKey"] = {f"{order}_key": {"S": keys[last - 1]}}
        return answer

    def entry_size(self) -> int:
        """Bytes of an entry of an index."""
        entry = {
            "pk": f"OBJECT#{LOCATIONS}#{self._objects.id(0)}",
            "sk": "OBJECT",
            "collection": str(LOCATIONS),
            "created_key": f"{self._objects.created(0)}#{self._objects.id(0)}",
            "audience": PARTY,
        }
        return size_of({name: {"S": value} for name, value in entry.items()})

    def own_units(self, documents: int) -> float:
        """What a page costs by itself: its documents, and its entries and one more."""
        entries = (documents + 1) * self.entry_size()
        document = size_of(self._item(f"OBJECT#{LOCATIONS}#{self._objects.id(0)}"))
        return documents * -(-document // UNIT) + -(-entries // UNIT) * 0.5
