"""A store whose counters follow every write: what the function ``counters`` does in AWS, without its delay."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_counting import Counting, changes_of
from tests.support.fake_dynamodb import FakeDynamoDB, stream_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


class FakeStream:
    """The stream of a :class:`FakeDynamoDB`, handed to the counters when a test says so."""

    def __init__(self, table: FakeDynamoDB | None = None) -> None:
        self.table = table or FakeDynamoDB()
        client: Any = self.table
        self.client: DynamoDBClient = client
        self.store = DynamoDBStore("store", self.client)
        self._position = 0

    def pending(self) -> list[dict[str, Any]]:
        """Records that were not counted, and are taken to be from now on."""
        records = self.table.stream[self._position :]
        self._position = len(self.table.stream)
        return records

    def catch_up(self, batch: int = 100) -> None:
        """Count everything that was written."""
        records = self.pending()
        for start in range(0, len(records), batch):
            count(self.client, "store", records[start : start + batch])

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Nobody comes in between."""
        before, after = self.table.before, self.table.after
        self.table.before, self.table.after = lambda *_: None, lambda: None
        yield
        self.table.before, self.table.after = before, after


def count(client: DynamoDBClient, table: str, records: list[dict[str, Any]]) -> None:
    """Count records as one invocation does."""
    Counting(client, table).count(changes_of(records))


@contextmanager
def counted_at_once(client: Any, table: str) -> Iterator[None]:
    """Count each write of an object in an emulator that has no stream, right after it was made."""
    sequence, call = 0, client._make_api_call

    def with_stream(operation: str, request: dict[str, Any]) -> Any:
        nonlocal sequence
        key: Any = request.get("Key") or request.get("Item")
        if operation not in ("PutItem", "UpdateItem", "DeleteItem") or not key["pk"]["S"].startswith("OBJECT#"):
            return call(operation, request)
        place = {"TableName": table, "Key": {name: key[name] for name in ("pk", "sk")}, "ConsistentRead": True}
        old = copy.deepcopy(call("GetItem", place).get("Item"))
        answer = call(operation, request)
        new = call("GetItem", place).get("Item")
        sequence += 1
        count(client, table, [stream_record(f"{sequence:021d}", (key["pk"]["S"], key["sk"]["S"]), old, new)])
        return answer

    client._make_api_call = with_stream
    try:
        yield
    finally:
        client._make_api_call = call
