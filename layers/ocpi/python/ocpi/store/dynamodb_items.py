"""How objects are written down as items of the table."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ocpi.store.port import Collection, Draft, Key, Record, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

COMPRESS_FROM = 4096
"""UTF-8 bytes. Shorter documents stay readable; longer ones, such as a location of 500 EVSEs, shrink tenfold."""

MAX_DOCUMENT = 400_000
"""Bytes as stored. An item may have 409,600 (400 kB) with its keys and other attributes, which stay below 9,600
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""


def object_pk(key: Key) -> str:
    """The partition key of an object."""
    return f"OBJECT#{key.collection}#{key.folded_id}"


def object_key(key: Key) -> Item:
    """The primary key of an object."""
    return {"pk": {"S": object_pk(key)}, "sk": {"S": "OBJECT"}}


def content(key: Key, draft: Draft, *, revision: int, received: str, write_id: str) -> Item:
    """The attributes that every write of an object sets; raises :class:`TooLarge`."""
    item: Item = {
        "version": {"S": draft.version},
        "document": packed(draft.document),
        "last_updated": {"S": draft.last_updated},
        "updated_key": {"S": f"{draft.last_updated}#{key.folded_id}"},
        "revision": {"N": str(revision)},
        "received": {"S": received},
        "write_id": {"S": write_id},
    }
    if draft.audience is not None:
        item["audience"] = {"S": draft.audience}
    return item


def packed(document: str) -> AttributeValueTypeDef:
    """A document as an attribute: text, or compressed when it is long; raises :class:`TooLarge`."""
    text = document.encode()
    if len(text) < COMPRESS_FROM:
        return {"S": document}
    compressed = zlib.compress(text)
    if len(compressed) > MAX_DOCUMENT:
        raise TooLarge(f"{len(compressed)} bytes after compression, {MAX_DOCUMENT} are possible")
    return {"B": compressed}


def unpacked(attribute: AttributeValueTypeDef) -> str:
    """The document of an attribute that :func:`packed` made, byte for byte."""
    return attribute["S"] if "S" in attribute else zlib.decompress(bytes(attribute["B"])).decode()


def record_from(item: Mapping[str, AttributeValueTypeDef]) -> Record:
    """The record of an object's item, as a client or a stream deserialized to bytes gives it."""
    owner, _, module = item["collection"]["S"].rpartition("/")
    return Record(
        key=Key(Collection(owner, module), item["id"]["S"]),
        version=item["version"]["S"],
        document=unpacked(item["document"]),
        last_updated=item["last_updated"]["S"],
        audience=item["audience"]["S"] if "audience" in item else None,
        revision=int(item["revision"]["N"]),
        created=item["created"]["S"],
        received=item["received"]["S"],
    )
