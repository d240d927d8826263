"""Channels in DynamoDB: an item each, written on condition of its revision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from ocpi.store.channel_document import channel_document, channel_from
from ocpi.store.deliveries import Channel
from ocpi.store.dynamodb_keys import channel_key, partner_key
from ocpi.store.dynamodb_requests import put_at
from ocpi.store.dynamodb_transaction import transact
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from ocpi.store.dynamodb_items import Item


class DynamoDBChannels:
    """Implements :class:`ocpi.store.deliveries.Channels`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, partner_id: str) -> Channel:
        """As in the port."""
        answer = self._client.get_item(TableName=self._table, Key=channel_key(partner_id), ConsistentRead=True)
        if "Item" not in answer:
            return Channel(partner_id)
        item = answer["Item"]
        return channel_from(partner_id, item["document"]["S"], revision=int(item["revision"]["N"]))

    def put(self, channel: Channel) -> Channel:
        """As in the port."""
        write_id = str(uuid4())
        written = replace(channel, revision=channel.revision + 1)
        item: Item = {
            **channel_key(channel.partner_id),
            "document": {"S": channel_document(written)},
            "revision": {"N": str(written.revision)},
            "write_id": {"S": write_id},
        }
        # Race: two find the lease free, or take the first one there ever is, and both would deliver; or one calls while
        # another releases, and the call would be lost.
        if channel.revision:
            done = put_at(self._client, self._table, item, expected=channel.revision, write_id=write_id)
        else:
            done = self._make(item, channel.partner_id, write_id)
        if not done:
            raise Conflict(channel.partner_id)
        return written

    def _make(self, item: Item, partner_id: str, write_id: str) -> bool:
        """Whether there was none, but its partner was there."""
        put: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        # Race: the operator removes a partner that somebody still takes for one to be delivered to; the channel would
        # stay for good. An update that changes nothing, as every function may do: a ConditionCheck is a right of its
        # own.
        there: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table,
                "Key": partner_key(partner_id),
                "UpdateExpression": "REMOVE nothing",
                "ConditionExpression": "attribute_exists(pk)",
            }
        }
        return not transact(self._client, [put, there], write_id)
