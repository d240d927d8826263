"""Counts what this process asks of AWS, and charges each call of DynamoDB by DynamoDB's rules.

Every call of every boto3 client goes through one method, which is wrapped. Around a write the items that it names are
read through a client of the meter's own, before and after: what it cost follows from these, and so does the record of
the table's stream. A query is asked once more without filter and projection, because what was looked at is charged,
not what came back. The meter's own time is known, to be taken off.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from costing.capacity import Index, Item, item_bytes, read_units, write_units
from costing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Key = tuple[str, str]
KINDS = {
    "EXCHANGES": "exchange log",
    "COUNTERS": "counters",
    "COUNTED": "counters",
    "DELIVERIES": "deliveries",
    "CHANNEL": "deliveries",
    "OBJECT": "objects",
}
"""By the first word of the table's key: whose items they are. All others are ``partners``."""
NOT_READ = ("FilterExpression", "ProjectionExpression", "Select")


class Meter:
    """``tally`` is added to, ``changes`` are the writes of objects so far as ``(key, old, new)``, ``messages`` what was
    sent as ``(queue url, body)``. ``function`` is who is at work.
    """

    def __init__(self, table: str, indexes: Sequence[Index]) -> None:
        self.tally = Tally()
        self.changes: list[tuple[Key, Item | None, Item | None]] = []
        self.messages: list[tuple[str, str]] = []
        self.function = "none"
        self.own_seconds = 0.0
        self._table, self._indexes = table, indexes
        self._plain: Any = boto3.client("dynamodb")
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[Meter]:
        """Count all calls within the block."""
        real = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - no event has a call's both ends
        meter = self

        def counted(client: Any, operation: str, request: dict[str, Any]) -> Any:
            if client is meter._plain:
                return real(client, operation, request)
            return meter._count(client, operation, request, real)

        BaseClient._make_api_call = counted  # type: ignore[attr-defined] # noqa: SLF001 - as above
        try:
            yield self
        finally:
            BaseClient._make_api_call = real  # type: ignore[attr-defined] # noqa: SLF001 - as above

    def add(self, amount: float, what: str, *more: str) -> None:
        """To what the function at work has used."""
        with self._lock:
            self.tally[(what, self.function, *more)] += amount  # type: ignore[assignment] # floats too

    def _count(self, client: Any, operation: str, request: dict[str, Any], real: Any) -> Any:
        service = client.meta.service_model.service_name
        self.add(1, "calls", service, operation)
        if service == "sqs" and operation == "SendMessage":
            self.messages.append((request["QueueUrl"], request["MessageBody"]))
        if service != "dynamodb":
            return real(client, operation, request)
        with self._own_time():
            written = _written(operation, request)
            before = self._images(written)
        try:
            answer = real(client, operation, request)
        except ClientError:
            with self._own_time():
                self._charge_writes(operation, before, before)
            raise
        with self._own_time():
            if written:
                self._charge_writes(operation, before, self._images(written))
            else:
                self._charge_read(operation, request, answer)
        return answer

    def _charge_writes(self, operation: str, before: dict[Key, Item], after: dict[Key, Item]) -> None:
        for key, image in before.items():
            old, new = image or None, after[key] or None
            units = write_units(old, new, self._indexes, transacted=operation == "TransactWriteItems")
            for place, amount in units.items():
                self.add(amount, "wru", _kind(key), place)
            if old != new:
                self.add(item_bytes(new) - item_bytes(old), "stored", _kind(key))
                if key[0].startswith("OBJECT#"):
                    self.changes.append((key, old, new))

    def _charge_read(self, operation: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
        consistent = bool(request.get("ConsistentRead"))
        match operation:
            case "GetItem":
                keys = [_key(request["Key"])]
            case "BatchGetItem":
                ((_, wanted),) = request["RequestItems"].items()
                consistent = bool(wanted.get("ConsistentRead"))
                keys = [_key(each) for each in wanted["Keys"]]
            case "Query":
                size = sum(map(item_bytes, self._looked_at(request)))
                kind = (
                    _kind((answer.get("Items") or [{}])[0].get("pk", {}).get("S", "")) if answer.get("Items") else "-"
                )
                self.add(read_units(size, consistent=consistent), "rru", kind, request.get("IndexName", "table"))
                return
            case _:
                raise ValueError(f"what {operation} costs is not known here")
        for key, item in self._images(keys).items():
            self.add(read_units(item_bytes(item), consistent=consistent), "rru", _kind(key), "table")

    def _looked_at(self, request: dict[str, Any]) -> list[Item]:
        bare = {name: value for name, value in request.items() if name not in NOT_READ}
        for part in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            used = {name: each for name, each in bare.get(part, {}).items() if name in bare["KeyConditionExpression"]}
            bare.pop(part, None)
            bare |= {part: used} if used else {}
        items: list[Item] = self._plain.query(**bare)["Items"]
        return items

    def _images(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Items as they are, empty if not there."""
        found: dict[Key, Item] = {key: {} for key in keys}
        distinct = list(found)
        for start in range(0, len(distinct), 100):
            asked = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in distinct[start : start + 100]]
            answer = self._plain.batch_get_item(RequestItems={self._table: {"Keys": asked, "ConsistentRead": True}})
            found |= {_key(item): item for item in answer["Responses"][self._table]}
        return found

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        began = time.thread_time()
        yield
        with self._lock:
            self.own_seconds += time.thread_time() - began


def _written(operation: str, request: dict[str, Any]) -> list[Key]:
    """Keys of the items that a request writes, none of a read."""
    if "TransactItems" in request:
        actions = [next(iter(each.values())) for each in request["TransactItems"]]
        return [_key(each.get("Key") or each["Item"]) for each in actions]
    if "RequestItems" in request:
        ((_, wanted),) = request["RequestItems"].items()
        if isinstance(wanted, dict):
            return []
        writes = [next(iter(each.values())) for each in wanted]
        return [_key(each.get("Key") or each["Item"]) for each in writes]
    if operation == "PutItem":
        return [_key(request["Item"])]
    return [_key(request["Key"])] if operation in ("UpdateItem", "DeleteItem") else []


def _key(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _kind(key: Key | str) -> str:
    pk = key if isinstance(key, str) else key[0]
    return KINDS.get(pk.partition("#")[0], "partners")
