"""Objects in DynamoDB that are found by something else than their key: by lookup, and because they are due.

Indexes give the keys and lag behind the table; the objects are read from the table, strongly consistent, and
those that have changed since are left out.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ocpi.store.dynamodb_items import DUE, record_from
from ocpi.store.dynamodb_requests import BATCH, batch_get, query_items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from ocpi.store.port import Record


def find_records(client: DynamoDBClient, table: str, lookup: str) -> list[Record]:
    """As :meth:`ocpi.store.port.Objects.find`."""
    request: QueryInputTypeDef = {
        "TableName": table,
        "IndexName": "by_lookup",
        "KeyConditionExpression": "lookup = :lookup",
        "ExpressionAttributeValues": {":lookup": {"S": lookup}},
    }
    found = batch_get(client, table, list(_pks(client, request)))
    return [record_from(item) for item in found.values() if item.get("lookup") == {"S": lookup}]


def due_records(client: DynamoDBClient, table: str, at: str, limit: int) -> list[Record]:
    """As :meth:`ocpi.store.port.Objects.due`."""
    request: QueryInputTypeDef = {
        "TableName": table,
        "IndexName": "by_due",
        "KeyConditionExpression": "due_list = :list AND due_key < :end",
        # '$' comes after '#', which separates the instant from the key: what is due at that very second is in.
        "ExpressionAttributeValues": {":list": {"S": DUE}, ":end": {"S": f"{at}$"}},
        "Limit": limit,
    }
    pks = _pks(client, request)
    found: dict[str, Record] = {}
    while chunk := list(islice(pks, min(BATCH, limit - len(found)))):
        for pk, item in batch_get(client, table, chunk).items():
            if "due" in item and item["due"]["S"] <= at:
                found[pk] = record_from(item)
    # Some may have been met at a place that they had before.
    return sorted(found.values(), key=lambda record: record.due or "")


def _pks(client: DynamoDBClient, request: QueryInputTypeDef) -> Iterator[str]:
    return (item["pk"]["S"] for item in query_items(client, request))
