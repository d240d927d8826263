"""Deliveries in DynamoDB: an item each in a partition of their partner, written on condition of its revision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.dynamodb_delivery_items import (
    MAX_SORT_KEY,
    delivery_address,
    delivery_from,
    delivery_item,
    delivery_key,
    delivery_pk,
)
from ocpi.store.dynamodb_delivery_lists import all_count, all_page, due_deliveries, list_count, list_page
from ocpi.store.dynamodb_keys import channel_address
from ocpi.store.dynamodb_requests import (
    PARALLEL,
    WRITE_BATCH,
    batch_get_items,
    delete_items,
    is_our_own,
    put_at,
    query_items,
    stored_item,
)
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

FORGOTTEN_AT_ONCE = PARALLEL * WRITE_BATCH


class DynamoDBDeliveries:
    """Implements :class:`ocpi.store.deliveries.Deliveries`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get_many(self, keys: Sequence[DeliveryKey]) -> list[Delivery | None]:
        """As in the port."""
        addresses = [delivery_address(key) for key in keys]
        asked = [(pk, sk) for pk, sk in addresses if len(sk.encode()) <= MAX_SORT_KEY]
        found = batch_get_items(self._client, self._table, asked)
        deliveries = {address: delivery_from(item) for address, item in found.items()}
        return [deliveries.get(address) for address in addresses]

    def put_many(self, deliveries: Sequence[Delivery]) -> list[Delivery | Conflict]:
        """As in the port; single conditional writes, several at once, since DynamoDB's batches take no condition."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(self._put, deliveries))

    def _put(self, delivery: Delivery) -> Delivery | Conflict:
        write_id = uuid4().hex
        written = replace(delivery, revision=delivery.revision + 1)
        # Race: the object changes, and its delivery is marked again, while the request about its earlier state is on
        # its way, and noting that as delivered would lose the change; or two changes of an object that the partner
        # never got are handed on at once, and what the first one led to is known before the second one is marked.
        item = delivery_item(written, write_id)
        is_put = put_at(self._client, self._table, item, expected=delivery.revision, write_id=write_id)
        return written if is_put else Conflict(delivery.key.module)

    def delete_many(self, deliveries: Sequence[Delivery]) -> list[Conflict | None]:
        """As in the port; single conditional writes, several at once."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(self._delete, deliveries))

    def _delete(self, delivery: Delivery) -> Conflict | None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=delivery_key(delivery.key),
                # Race: the object comes back, and its delivery is marked again, while the partner is told that it is
                # gone; without the delivery nobody would bring it there.
                ConditionExpression="revision = :expected",
                ExpressionAttributeValues={":expected": {"N": str(delivery.revision)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            if not is_our_own(error, "", stored_item(error)):
                return Conflict(delivery.key.module)
        return None

    def due(self, partner_id: str, at: str, limit: int) -> list[Delivery]:
        """As in the port."""
        return due_deliveries(self._client, self._table, partner_id, at, limit)

    def page(
        self,
        partner_id: str,
        state: DeliveryState | None,
        limit: int,
        after: str | None = None,
        *,
        module: str | None = None,
        counted: bool = False,
    ) -> DeliveryPage:
        """As in the port. What is delivered has no index of its own: its page and its count read all that there is, or
        all of the module.
        """
        if state in (DeliveryState.PENDING, DeliveryState.FAILED):
            if module is not None:
                raise ValueError(f"{state} deliveries are in no order of modules")
            page = list_page(self._client, self._table, partner_id, state, limit, after)
        else:
            page = all_page(self._client, self._table, partner_id, state, limit, after, module)
        if not counted:
            return page
        # Counted last: what came into the list while the page was read is in the total rather than beyond it.
        return replace(page, total=self._count(partner_id, state, module))

    def count(self, partner_id: str, state: DeliveryState) -> int:
        """As in the port."""
        return self._count(partner_id, state, None)

    def _count(self, partner_id: str, state: DeliveryState | None, module: str | None) -> int:
        if state in (DeliveryState.PENDING, DeliveryState.FAILED):
            return list_count(self._client, self._table, partner_id, state)
        return all_count(self._client, self._table, partner_id, state, module)

    def forget(self, partner_id: str, limit: int | None = None) -> bool:
        """As in the port; the channel last, so that whoever was interrupted finds that there is something left."""
        found = query_items(
            self._client,
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": delivery_pk(partner_id)}},
                "ProjectionExpression": "pk, sk",
                "ConsistentRead": True,
            },
        )
        these = islice(found, limit)
        # Deleted as they are read: one that is interrupted has brought it forward.
        while some := list(islice(these, FORGOTTEN_AT_ONCE)):
            delete_items(self._client, self._table, [(item["pk"]["S"], item["sk"]["S"]) for item in some])
        if next(found, None) is not None:
            return False
        delete_items(self._client, self._table, [channel_address(partner_id)])
        return True
