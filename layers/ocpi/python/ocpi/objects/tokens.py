"""Tokens are identified by uid and type, but URLs of 2.1.1 hold the uid only (reading A-25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.errors import BadParameter
from ocpi.objects.received import get_exact
from ocpi.store.port import Collection, Key, Objects, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_TYPES = ("RFID", "OTHER")
"""In the order in which they are meant by a URL without ``?type=``."""


def read_token_type(query: Mapping[str, str]) -> str | None:
    """``?type=`` of a request; raises :class:`BadParameter` for one that does not exist."""
    token_type = query.get("type")
    if token_type is not None and token_type not in TOKEN_TYPES:
        raise BadParameter("type", f"must be one of {', '.join(TOKEN_TYPES)}")
    return token_type


def token_key(collection: Collection, token_type: str, uid: str) -> Key:
    """The key of one token."""
    return Key(collection, f"{token_type}/{uid}")


def find_token(objects: Objects, collection: Collection, uid: str, token_type: str | None) -> Record | None:
    """The token of this uid and type; without a type the RFID token, or the only one there is."""
    for candidate in [token_type] if token_type else TOKEN_TYPES:
        record = get_exact(objects, token_key(collection, candidate, uid))
        if record is not None:
            return record
    return None
