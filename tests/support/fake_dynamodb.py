"""DynamoDB in memory, for what is too much for moto and ministack: a million objects, thousands of random histories.

It takes those requests that the objects' side of the adapter makes, keeps indexes at once, and knows the rules by which
DynamoDB charges for reads: the size of what was looked at, in steps of 4 kB, half of that unless consistent; each item
of a batch by itself, a query as a whole; and for writes of items: the larger of old and new in steps of 1 kB, twice in
a transaction (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html). ``calls``,
``read_units`` and ``write_units`` add up. ``stream`` has a record of each write of an item, as
Lambda gets it. Parts of moto's and ministack's behaviour that the adapter relies on are tested with those.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.support.table import index_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = dict[str, Any]
Entry = tuple[tuple[str, str], dict[str, Any]]
"""Of an index: sort key and partition key of the table, and what is projected."""
UNIT = 4096
WRITE_UNIT = 1024
MOST_BYTES = 1_000_000


class ConditionalCheckFailedException(ClientError):
    pass


class TransactionCanceledException(ClientError):
    pass


class TransactionConflictException(ClientError):
    pass


class FakeDynamoDB:
    """A client of one table: the first one that is named."""

    exceptions = SimpleNamespace(
        ConditionalCheckFailedException=ConditionalCheckFailedException,
        TransactionCanceledException=TransactionCanceledException,
        TransactionConflictException=TransactionConflictException,
    )

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.stream: list[dict[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.read_units = 0.0
        self.before: Callable[[str, dict[str, Any]], None] = lambda operation, request: None
        """Called with each write before it is carried out: where another process may come in between."""
        self.after: Callable[[], None] = lambda: None
        """Called when a write was carried out: where the process may die before it hears of it."""
        self.write_units = 0
        self._name: str | None = None
        self._sequence = 0
        self._indexes: dict[str, tuple[str, str]] = index_keys()
        self._entries: dict[str, defaultdict[str, list[Entry]]] = {name: defaultdict(list) for name in self._indexes}

    # Reads

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.calls["GetItem"] += 1
        self._named(request["TableName"])
        item = self.items.get(_key(request["Key"]))
        self._charge(size_of(item or {}), consistent=request.get("ConsistentRead", False))
        return {"Item": copy.copy(item)} if item is not None else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.calls["BatchGetItem"] += 1
        ((table, wanted),) = request["RequestItems"].items()
        self._named(table)
        assert len(wanted["Keys"]) <= 100
        found = []
        for key in wanted["Keys"]:
            item = self.items.get(_key(key))
            self._charge(size_of(item or {}), consistent=wanted.get("ConsistentRead", False))
            if item is not None:
                found.append(copy.copy(item))
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        self.calls["Query"] += 1
        self._named(request["TableName"])
        if "IndexName" not in request:
            return self._partition(request)
        index, values = request["IndexName"], request["ExpressionAttributeValues"]
        low, high = values[":low"]["S"], values[":high"]["S"]
        after = request.get("ExclusiveStartKey")
        start = (after[self._indexes[index][1]]["S"], after["pk"]["S"]) if after else (low, "")
        entries = self._entries[index][values[":partition"]["S"]]
        limit, size, looked_at, found, last = request.get("Limit", len(entries) + 1), 0, 0, [], None
        first = (bisect_right if after else bisect_left)(entries, start, key=_place)
        for (key, pk), entry in entries[first : bisect_right(entries, (high, "\U0010ffff"), key=_place)]:
            if looked_at == limit or size > MOST_BYTES:
                last = True
                break
            looked_at, size, previous = looked_at + 1, size + entry["size"], (key, pk)
            if ":audience" not in values or entry["audience"] == values[":audience"]["S"]:
                found.append({"pk": {"S": pk}, "sk": {"S": "OBJECT"}, self._indexes[index][1]: {"S": key}})
        self._charge(size, consistent=False)
        answer: dict[str, Any] = {"Count": len(found)}
        if request.get("Select") != "COUNT":
            answer["Items"] = found
        if last or looked_at == limit:  # DynamoDB says so at the limit too, whether or not anything follows
            key, pk = previous
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, self._indexes[index][1]: {"S": key}}
        return answer

    def _partition(self, request: dict[str, Any]) -> dict[str, Any]:
        (pk,) = request["ExpressionAttributeValues"].values()
        found = [copy.copy(item) for key, item in sorted(self.items.items()) if key[0] == pk["S"]]
        self._charge(sum(map(size_of, found)), consistent=request.get("ConsistentRead", False))
        return {"Items": found, "Count": len(found)}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return SimpleNamespace(paginate=self._scan)

    def _scan(self, **request: Any) -> Iterable[dict[str, Any]]:
        self._named(request["TableName"])
        partition = self._indexes[request["IndexName"]][0]
        entries = self._entries[request["IndexName"]]
        yield {"Items": [{partition: {"S": where}} for where, found in entries.items() for _ in found]}

    def _named(self, table: str) -> None:
        self._name = self._name or table
        assert table == self._name, "there is one table"

    def _charge(self, size: int, *, consistent: bool) -> None:
        self.read_units += max(1, -(-size // UNIT)) * (1 if consistent else 0.5)

    def _charge_write(self, key: tuple[str, str], old: Item | None, *, times: int) -> None:
        """For the item alone: what its indexes cost comes on top of it."""
        size = max(size_of(old or {}), size_of(self.items.get(key, {})))
        self.write_units += times * max(1, -(-size // WRITE_UNIT))

    # Writes

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._single("Put", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._single("Update", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._single("Delete", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        self.calls["TransactWriteItems"] += 1
        self.before("TransactWriteItems", request)
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        for _, each in actions:
            self._named(each["TableName"])
        keys = [_key(each.get("Key") or each["Item"]) for _, each in actions]
        assert len(keys) == len(set(keys)) <= 100, "a transaction has an item once, and at most a hundred"
        refused = [not _holds(each, self.items.get(key)) for (_, each), key in zip(actions, keys, strict=True)]
        if any(refused):
            reasons = [{"Code": "ConditionalCheckFailed" if each else "None"} for each in refused]
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise TransactionCanceledException(answer, "TransactWriteItems")
        for (kind, each), key in zip(actions, keys, strict=True):
            old = self.items.get(key)
            self._write(kind, each)
            self._charge_write(key, old, times=2)
        self.after()
        return {}

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        self.calls["BatchWriteItem"] += 1
        for table, requests in request["RequestItems"].items():
            self._named(table)
            assert len(requests) <= 25
            for each in requests:
                self.before("BatchWriteItem", each["DeleteRequest"])
                self._write("Delete", each["DeleteRequest"])
                self.after()
        return {"UnprocessedItems": {}}

    def _single(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls[f"{kind}Item"] += 1
        self._named(request["TableName"])
        self.before(f"{kind}Item", request)
        stored = self.items.get(_key(request.get("Key") or request["Item"]))
        if not _holds(request, stored):
            answer: Any = {
                "Error": {"Code": "ConditionalCheckFailedException"},
                "ResponseMetadata": {"RetryAttempts": 0},
            }
            if stored:
                answer["Item"] = stored
            raise ConditionalCheckFailedException(answer, f"{kind}Item")
        new = self._write(kind, request)
        self._charge_write(_key(request.get("Key") or request["Item"]), stored, times=1)
        self.after()
        return {"Attributes": (stored if request.get("ReturnValues") == "ALL_OLD" else new) or {}}

    def _write(self, kind: str, request: dict[str, Any]) -> Item | None:
        if kind == "ConditionCheck":
            return None
        key = _key(request.get("Key") or request["Item"])
        old = self.items.get(key)
        if kind == "Delete":
            new = None
        elif kind == "Put":
            new = dict(request["Item"])
        else:
            new = _updated(old or dict(request["Key"]), request)
        self._replace(key, old, new)
        return new

    def _replace(self, key: tuple[str, str], old: Item | None, new: Item | None) -> None:
        for name, (partition, sort) in self._indexes.items():
            was, is_ = (_entry(item, partition, sort) for item in (old, new))
            if was and was != is_:
                where, entry = was
                entries = self._entries[name][where]
                del entries[bisect_left(entries, (entry["key"], key[0]), key=_place)]
            if is_ and was != is_:
                where, entry = is_
                insort(self._entries[name][where], ((entry["key"], key[0]), entry), key=_place)
        if new is None:
            self.items.pop(key, None)
        else:
            self.items[key] = new
        if key[0].startswith("OBJECT#"):
            self._sequence += 1
            self.stream.append(stream_record(f"{self._sequence:021d}", key, old, new))


def stream_record(sequence: str, key: tuple[str, str], old: Item | None, new: Item | None) -> dict[str, Any]:
    """A record of the table's stream, as Lambda hands it over, without what nobody reads."""
    images = {name: copy.deepcopy(item) for name, item in (("OldImage", old), ("NewImage", new)) if item}
    kind = "REMOVE" if not new else "MODIFY" if old else "INSERT"
    keys = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
    return {"eventName": kind, "dynamodb": {"Keys": keys, "SequenceNumber": sequence, **images}}


def size_of(item: Item) -> int:
    """Bytes of an item, roughly as DynamoDB counts them."""
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _bytes(each) for name, each in value.items())
    if kind == "N":
        return len(value) // 2 + 2
    if kind == "SS":
        return sum(map(len, value))
    return 1 if kind in ("BOOL", "NULL") else len(value.encode()) if isinstance(value, str) else len(bytes(value))


def _entry(item: Item | None, partition: str, sort: str) -> tuple[str, dict[str, Any]] | None:
    if item is None or partition not in item or sort not in item:
        return None
    audience = item.get("audience", {}).get("S")
    projected = {name: item[name] for name in {"pk", "sk", partition, sort, "audience"} & item.keys()}
    return item[partition]["S"], {"key": item[sort]["S"], "audience": audience, "size": size_of(projected)}


def _place(entry: Entry) -> tuple[str, str]:
    return entry[0]


def _key(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _holds(request: dict[str, Any], item: Item | None) -> bool:
    condition = request.get("ConditionExpression")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    if condition is None:
        return True
    return all(
        any(_is_met(each, item, names, values) for each in clause.removeprefix("(").split(" OR "))
        for clause in condition.split(" AND ")
    )


def _is_met(clause: str, item: Item | None, names: dict[str, str], values: dict[str, Any]) -> bool:
    """Of one comparison."""
    test, _, rest = clause.partition("(")
    if rest:
        name = rest.rstrip(")")
        there = item is not None and names.get(name, name) in item
        return there is (test == "attribute_exists")
    name, operator, value = clause.rstrip(")").split(" ")
    found = item.get(names.get(name, name)) if item is not None else None
    return found is not None and (found["S"] < values[value]["S"] if operator == "<" else found == values[value])


def _updated(old: Item, request: dict[str, Any]) -> Item:
    new = dict(old)
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    parts = re.split(r"\b(SET|ADD|REMOVE) ", request["UpdateExpression"])[1:]
    for kind, clauses in zip(parts[::2], parts[1::2], strict=True):
        for clause in _clauses(clauses):
            if kind == "REMOVE":
                new.pop(names.get(clause, clause), None)
            elif kind == "ADD":
                name, value = clause.split(" ")
                name = names.get(name, name)
                if "SS" in values[value]:
                    new[name] = {"SS": sorted({*old.get(name, {"SS": []})["SS"], *values[value]["SS"]})}
                else:
                    new[name] = {"N": str(int(old.get(name, {"N": "0"})["N"]) + int(values[value]["N"]))}
            else:
                name, value = clause.split(" = ")
                name = names.get(name, name)
                if value.startswith("if_not_exists("):
                    other, default = value.removeprefix("if_not_exists(").rstrip(")").split(", ")
                    new[name] = old.get(names.get(other, other), values[default])
                else:
                    new[name] = values[value] if value in values else old[names.get(value, value)]
    return new


def _clauses(text: str) -> Iterable[str]:
    return [clause.strip() for clause in re.split(r",(?![^(]*\))", text)]
