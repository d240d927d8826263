"""How deliveries are written down as items of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState
from ocpi.store.dynamodb_items import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ocpi.store.dynamodb_items import Item

MAX_SORT_KEY = 1024
"""Bytes of UTF-8; DynamoDB refuses a request with a longer one."""

_TEXTS = ("due", "holds", "last_attempt_at", "message", "url")
_NUMBERS = ("http_status", "ocpi_status")
"""Attributes that a delivery has only when it says something."""


def delivery_pk(partner_id: str) -> str:
    """The partition key of all deliveries of a partner."""
    return f"DELIVERIES#{partner_id}"


def delivery_address(key: DeliveryKey) -> tuple[str, str]:
    """Partition key and sort key of a delivery."""
    return delivery_pk(key.partner_id), f"{key.module}#{key.folded_id}"


def delivery_key(key: DeliveryKey) -> Item:
    """The primary key of a delivery."""
    pk, sk = delivery_address(key)
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def due_list(partner_id: str, state: DeliveryState) -> str:
    """What the deliveries of a partner in one state are called in the index; those delivered are not in it."""
    return f"{partner_id}|{state}"


def due_key(delivery: Delivery) -> str | None:
    """Where a delivery stands in that list: pending ones by when they are due, failed ones by when they failed."""
    since = delivery.due if delivery.state is DeliveryState.PENDING else delivery.since
    if delivery.state is DeliveryState.DELIVERED:
        return None
    return f"{since}#{delivery.key.module}#{delivery.key.folded_id}"


def delivery_item(delivery: Delivery, write_id: str) -> Item:
    """A delivery as it is stored."""
    item: Item = {
        **delivery_key(delivery.key),
        "object_id": {"S": delivery.key.object_id},
        "state": {"S": delivery.state},
        "since": {"S": delivery.since},
        "attempts": {"N": str(delivery.attempts)},
        "unsure": {"BOOL": delivery.unsure},
        "revision": {"N": str(delivery.revision)},
        "write_id": {"S": write_id},
    }
    for name in _TEXTS:
        if getattr(delivery, name) is not None:
            item[name] = {"S": getattr(delivery, name)}
    for name in _NUMBERS:
        if getattr(delivery, name) is not None:
            item[name] = {"N": str(getattr(delivery, name))}
    if (place := due_key(delivery)) is not None:
        item["due_list"] = {"S": due_list(delivery.key.partner_id, delivery.state)}
        item["due_key"] = {"S": place}
    return item


def delivery_from(item: Mapping[str, AttributeValueTypeDef]) -> Delivery:
    """The delivery of an item that :func:`delivery_item` made."""
    return Delivery(
        key=DeliveryKey(
            partner_id=item["pk"]["S"].removeprefix("DELIVERIES#"),
            module=item["sk"]["S"].partition("#")[0],
            object_id=item["object_id"]["S"],
        ),
        state=DeliveryState(item["state"]["S"]),
        since=item["since"]["S"],
        due=text(item, "due"),
        holds=text(item, "holds"),
        attempts=int(item["attempts"]["N"]),
        last_attempt_at=text(item, "last_attempt_at"),
        http_status=_number(item, "http_status"),
        ocpi_status=_number(item, "ocpi_status"),
        message=text(item, "message"),
        url=text(item, "url"),
        unsure=item["unsure"]["BOOL"],
        revision=int(item["revision"]["N"]),
    )


def _number(item: Mapping[str, AttributeValueTypeDef], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
