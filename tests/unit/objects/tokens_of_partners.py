"""Tokens that partners gave us, stored as the tokens function stores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.objects.audience import token_lookup
from ocpi.objects.received import write
from ocpi.objects.tokens import token_key
from ocpi.store.port import Collection

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

TNM, BOB = "NL-TNM", "DE-BOB"


def give_token(objects: Objects, party: str, auth_id: str, **changes: Any) -> Record:
    """Write the token alone: nothing that waits for it is told."""
    token = {
        "uid": f"U-{auth_id}",
        "type": "RFID",
        "auth_id": auth_id,
        "valid": True,
        "last_updated": "2024-01-01T00:00:00Z",
        **changes,
    }
    key = token_key(Collection(party, "tokens"), token["type"], token["uid"])
    record = write(objects, key, "2.1.1", lambda _: token, lookup=token_lookup).after
    assert record is not None
    return record
