"""The notes on a partner in DynamoDB: attributes of its item that are written beside its document and revision."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ocpi.store.dynamodb_requests import pauses

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.dynamodb_items import Item


def note_instant(client: DynamoDBClient, table: str, key: Item, name: str, at: str) -> None:
    """Set a note to an instant, unless it has a later one or there is no partner of this key.

    Raises ``TransactionConflictException`` while the partner's registration is being saved.
    """
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET #name = :at",
            # Race: the partner is removed meanwhile, and an update would make a stump of it; or two requests
            # of one partner end in another order than they began.
            ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(#name) OR #name < :at)",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":at": {"S": at}},
        )


def set_note(client: DynamoDBClient, table: str, key: Item, name: str, value: str) -> None:
    """Set a note if there is a partner of this key; raises as :func:`note_instant`."""
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET #name = :value",
            # Race: the partner is removed meanwhile, and an update would make a stump of it.
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"S": value}},
        )


def remove_note(client: DynamoDBClient, table: str, key: Item, name: str) -> None:
    """Remove a note if there is a partner of this key; raises as :func:`note_instant`."""
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="REMOVE #name",
            # Race: the partner is removed meanwhile, and an update would make a stump of it.
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#name": name},
        )


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
