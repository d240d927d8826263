"""The notes on a partner in DynamoDB: attributes of its item that are written beside its document and revision."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ocpi.store.dynamodb_requests import pauses

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

    from ocpi.store.dynamodb_items import Item

_IS_THERE = "attribute_exists(pk)"
"""Race: the partner is removed meanwhile, and an update would make a stump of it."""


def note_instant(client: DynamoDBClient, table: str, key: Item, name: str, at: str) -> None:
    """Set a note to an instant, unless it has a later one or there is no partner of this key.

    Raises ``TransactionConflictException`` while the partner's registration is being saved.
    """
    # Race: two requests of one partner end in another order than they began.
    later = "(attribute_not_exists(#name) OR #name < :value)"
    _update(client, table, key, f"{_IS_THERE} AND {later}", "SET #name = :value", name, at)


def set_note(client: DynamoDBClient, table: str, key: Item, name: str, value: str) -> None:
    """Set a note if there is a partner of this key; raises as :func:`note_instant`."""
    _update(client, table, key, _IS_THERE, "SET #name = :value", name, value)


def remove_note(client: DynamoDBClient, table: str, key: Item, name: str) -> None:
    """Remove a note if there is a partner of this key; raises as :func:`note_instant`."""
    _update(client, table, key, _IS_THERE, "REMOVE #name", name)


def _update(
    client: DynamoDBClient, table: str, key: Item, condition: str, change: str, name: str, value: str | None = None
) -> None:
    request: UpdateItemInputTypeDef = {
        "TableName": table,
        "Key": key,
        "ConditionExpression": condition,
        "UpdateExpression": change,
        "ExpressionAttributeNames": {"#name": name},
    }
    if value is not None:
        request["ExpressionAttributeValues"] = {":value": {"S": value}}
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.update_item(**request)


def patiently(client: DynamoDBClient, write: Callable[[], None]) -> None:
    """Write a note however often the partner's registration is being saved at that very moment."""
    for _ in pauses():
        try:
            write()
        except client.exceptions.TransactionConflictException as conflict:
            passing = conflict
        else:
            return
    raise passing
