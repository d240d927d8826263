"""Keys of what is kept about a partner: by those who keep it, and by those who need it to be there, or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpi.store.dynamodb_items import Item


def partner_key(partner_id: str) -> Item:
    """Of the partner itself."""
    return {"pk": {"S": "PARTNERS"}, "sk": {"S": partner_id}}


def channel_key(partner_id: str) -> Item:
    """Of its channel."""
    pk, sk = channel_address(partner_id)
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def channel_address(partner_id: str) -> tuple[str, str]:
    """Partition key and sort key of its channel."""
    return f"CHANNEL#{partner_id}", "CHANNEL"
