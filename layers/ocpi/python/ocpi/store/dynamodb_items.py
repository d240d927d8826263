"""How objects are written down as items of the table."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from ocpi.store.port import EVERYBODY, Collection, Draft, Key, Record, TooLarge, check_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

COMPRESS_FROM = 4096
"""UTF-8 bytes. Shorter documents stay readable; longer ones, such as a location of 500 EVSEs, shrink tenfold."""

MAX_DOCUMENT = 400_000
"""Bytes as stored, findings and journal included. An item may have 409,600 (400 kB) with its keys and other attributes,
which stay below 9,600 (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""

MAX_PARTITION_KEY = 2048
"""Bytes of UTF-8; DynamoDB refuses a request with a longer one."""

OPTIONAL = (
    "audience",
    "view",
    "addressed_key",
    "party_key",
    "lookup",
    "due",
    "due_list",
    "due_key",
    "findings",
    "journal",
)
"""Attributes that an object has only when its draft gives them: what keeps it out of the indexes they are keys of."""

DUE = "due"
"""The one value of ``due_list``: an index needs a partition key, and all that is due is one list."""


def object_pk(key: Key) -> str:
    """The partition key of an object."""
    return f"OBJECT#{key.collection}#{key.folded_id}"


def fits(pk: str) -> bool:
    """Whether DynamoDB takes this as a partition key. No object has one that it does not, but a URL may name it."""
    return len(pk.encode()) <= MAX_PARTITION_KEY


def object_key(key: Key) -> Item:
    """The primary key of an object."""
    return {"pk": {"S": object_pk(key)}, "sk": {"S": "OBJECT"}}


def content(key: Key, draft: Draft, *, revision: int, received: str, write_id: str) -> Item:
    """The attributes that every write of an object sets; raises :class:`TooLarge`. Of an object that has a
    ``party_key`` already, that one is to be kept, and to be its ``addressed_key`` as long as it is for a party.
    """
    check_length(draft.document)
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
        item["view"] = {"S": view(key.collection, draft.audience)}
        item["addressed_key"] = {"S": f"{received}#{key.folded_id}"}
        if draft.audience != EVERYBODY:
            item["party_key"] = item["addressed_key"]
    if draft.lookup is not None:
        item["lookup"] = {"S": draft.lookup}
    if draft.due is not None:
        item |= {"due": {"S": draft.due}, "due_list": {"S": DUE}, "due_key": {"S": f"{draft.due}#{object_pk(key)}"}}
    if draft.findings:
        item["findings"] = packed(json.dumps(draft.findings, ensure_ascii=False))
    if draft.journal:
        item["journal"] = packed(draft.journal)
    size = sum(_stored_bytes(item[name]) for name in ("document", "findings", "journal") if name in item)
    if size > MAX_DOCUMENT:
        raise TooLarge(size, MAX_DOCUMENT, compressed=True)
    return item


def view(collection: Collection, audience: str) -> str:
    """What the part of a collection that is for one audience is called in the indexes."""
    return f"{collection}|{audience}"


def packed(document: str) -> AttributeValueTypeDef:
    """A document as an attribute: text, or compressed when it is long."""
    text = document.encode()
    return {"S": document} if len(text) < COMPRESS_FROM else {"B": zlib.compress(text)}


def unpacked(attribute: AttributeValueTypeDef) -> str:
    """The document of an attribute that :func:`packed` made, byte for byte."""
    return attribute["S"] if "S" in attribute else zlib.decompress(bytes(attribute["B"])).decode()


def _stored_bytes(attribute: AttributeValueTypeDef) -> int:
    return len(attribute["S"].encode() if "S" in attribute else bytes(attribute["B"]))


def record_from(item: Mapping[str, AttributeValueTypeDef]) -> Record:
    """The record of an object's item, as a client or a stream deserialized to bytes gives it."""
    return Record(
        key=Key(Collection.parse(item["collection"]["S"]), item["id"]["S"]),
        version=item["version"]["S"],
        document=unpacked(item["document"]),
        last_updated=item["last_updated"]["S"],
        audience=text(item, "audience"),
        revision=int(item["revision"]["N"]),
        created=item["created"]["S"],
        received=item["received"]["S"],
        lookup=text(item, "lookup"),
        due=text(item, "due"),
        findings=tuple(json.loads(unpacked(item["findings"]))) if "findings" in item else (),
        journal=unpacked(item["journal"]) if "journal" in item else "",
    )


def text(item: Mapping[str, AttributeValueTypeDef], name: str) -> str | None:
    """An attribute that an item may not have."""
    return item[name]["S"] if name in item else None
