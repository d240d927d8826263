"""Deliveries of a partner in DynamoDB by their state: what is pending, what failed, and all.

The index of what is pending and of what failed gives the keys and lags behind the table; the deliveries are read from
the table, strongly consistent, and those that have changed their state since are left out.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ocpi.store.deliveries import Delivery, DeliveryPage, DeliveryState
from ocpi.store.dynamodb_delivery_items import delivery_from, delivery_pk, due_key, due_list
from ocpi.store.dynamodb_requests import BATCH, batch_get_items, count_items, query_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef


def due_deliveries(client: DynamoDBClient, table: str, partner_id: str, at: str, limit: int) -> list[Delivery]:
    """As :meth:`ocpi.store.deliveries.Deliveries.due`."""
    request = _list_request(table, partner_id, DeliveryState.PENDING)
    request["KeyConditionExpression"] = "due_list = :list AND due_key < :end"
    # '$' comes after '#', which separates the instant from the rest: what is due at that very instant is in.
    request["ExpressionAttributeValues"] = {**request["ExpressionAttributeValues"], ":end": {"S": f"{at}$"}}
    request["Limit"] = limit
    entries = query_items(client, request)
    found: dict[str, Delivery] = {}
    while chunk := list(islice(entries, min(BATCH, limit - len(found)))):
        items = batch_get_items(client, table, [(entry["pk"]["S"], entry["sk"]["S"]) for entry in chunk])
        for (_, sk), item in items.items():
            delivery = delivery_from(item)
            if delivery.due is not None and delivery.due <= at:
                found[sk] = delivery
    # Some may have been met at a place that they had before.
    return sorted(found.values(), key=lambda delivery: due_key(delivery) or "")


def list_page(
    client: DynamoDBClient, table: str, partner_id: str, state: DeliveryState, limit: int, after: str | None
) -> DeliveryPage:
    """A page of what is pending or failed, in the order of the index.

    One that the index shows at an old place is taken there, lest it be missed when it moves past the reader, and it is
    taken once, though it may be met at both.
    """
    request = _list_request(table, partner_id, state)
    if after is not None:
        request["KeyConditionExpression"] = "due_list = :list AND due_key > :after"
        request["ExpressionAttributeValues"] = {**request["ExpressionAttributeValues"], ":after": {"S": after}}
    request["Limit"] = limit + 1
    entries = query_items(client, request)
    found: dict[str, Delivery] = {}
    position = None
    while chunk := list(islice(entries, min(BATCH, limit - len(found)))):
        addresses = [(entry["pk"]["S"], entry["sk"]["S"]) for entry in chunk]
        items = batch_get_items(client, table, addresses)
        for address in addresses:
            if address in items and items[address]["state"] == {"S": state}:
                found.setdefault(address[1], delivery_from(items[address]))
        position = chunk[-1]["due_key"]["S"]
    more = len(found) == limit and next(entries, None) is not None
    return DeliveryPage(list(found.values()), None, position if more else None)


def list_count(client: DynamoDBClient, table: str, partner_id: str, state: DeliveryState) -> int:
    """How many deliveries are pending, or have failed, as the index has it."""
    return count_items(client, _list_request(table, partner_id, state))


def all_page(
    client: DynamoDBClient,
    table: str,
    partner_id: str,
    state: DeliveryState | None,
    limit: int,
    after: str | None,
    module: str | None,
) -> DeliveryPage:
    """A page of all deliveries of a partner, or of those of one state or module, in the order of the table."""
    request = _all_request(table, partner_id, state, module, after or "")
    if state is None:
        request["Limit"] = limit + 2
    # The bounds of a range are in it.
    items = (item for item in query_items(client, request) if item["sk"]["S"] != after)
    page = list(islice(items, limit))
    more = len(page) == limit and next(items, None) is not None
    return DeliveryPage([delivery_from(item) for item in page], None, page[-1]["sk"]["S"] if more else None)


def all_count(
    client: DynamoDBClient, table: str, partner_id: str, state: DeliveryState | None, module: str | None
) -> int:
    """How many deliveries a partner has, or has of one state or module; reads all of them."""
    return count_items(client, _all_request(table, partner_id, state, module, ""))


def _list_request(table: str, partner_id: str, state: DeliveryState) -> QueryInputTypeDef:
    return {
        "TableName": table,
        "IndexName": "by_due",
        "KeyConditionExpression": "due_list = :list",
        "ExpressionAttributeValues": {":list": {"S": due_list(partner_id, state)}},
    }


def _all_request(
    table: str, partner_id: str, state: DeliveryState | None, module: str | None, low: str
) -> QueryInputTypeDef:
    # '#' separates a module from an id, '$' comes after it; "~" comes after all modules.
    first, last = (f"{module}#", f"{module}$") if module is not None else ("!", "~")
    request: QueryInputTypeDef = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": delivery_pk(partner_id)},
            ":low": {"S": min(max(low, first), last)},
            ":high": {"S": last},
        },
        "ConsistentRead": True,
    }
    if state is not None:
        request["FilterExpression"] = "#state = :state"  # by placeholder: it is a word of DynamoDB's own
        request["ExpressionAttributeNames"] = {"#state": "state"}
        request["ExpressionAttributeValues"] = {**request["ExpressionAttributeValues"], ":state": {"S": state}}
    return request
