"""Channels in DynamoDB: an item each, written on condition of its revision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from ocpi.store.channel_document import channel_document, channel_from
from ocpi.store.deliveries import Channel
from ocpi.store.dynamodb_requests import put_at
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.dynamodb_items import Item


def channel_address(partner_id: str) -> tuple[str, str]:
    """Partition key and sort key of a channel."""
    return f"CHANNEL#{partner_id}", "CHANNEL"


class DynamoDBChannels:
    """Implements :class:`ocpi.store.deliveries.Channels`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, partner_id: str) -> Channel:
        """As in the port."""
        answer = self._client.get_item(TableName=self._table, Key=_key(partner_id), ConsistentRead=True)
        if "Item" not in answer:
            return Channel(partner_id)
        item = answer["Item"]
        return channel_from(partner_id, item["document"]["S"], revision=int(item["revision"]["N"]))

    def put(self, channel: Channel) -> Channel:
        """As in the port."""
        write_id = uuid4().hex
        written = replace(channel, revision=channel.revision + 1)
        item: Item = {
            **_key(channel.partner_id),
            "document": {"S": channel_document(written)},
            "revision": {"N": str(written.revision)},
            "write_id": {"S": write_id},
        }
        # Race: two find the lease free, or take the first one there ever is, and both would deliver; or one calls while
        # another releases, and the call would be lost.
        if not put_at(self._client, self._table, item, expected=channel.revision, write_id=write_id):
            raise Conflict(channel.partner_id)
        return written


def _key(partner_id: str) -> Item:
    pk, sk = channel_address(partner_id)
    return {"pk": {"S": pk}, "sk": {"S": sk}}
