"""What a record of the table's stream is about.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html. The keys of the table are drawn
in :mod:`ocpi.store.dynamodb`, and what the local gateway makes of the SQLite store's changes has the same shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.store.port import OWN, Collection, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

_OBJECT = "OBJECT#"


def own_keys(record: Any) -> Iterator[Key]:
    """The key of the own object that a record is about; nothing for any other record. Ids of keys are in lower case,
    but for what was there before the write: of an object that is gone, nothing else tells how its id was spelled.
    """
    try:
        key = record["dynamodb"]["Keys"]["pk"]["S"]
    except (KeyError, TypeError):
        return
    if not isinstance(key, str) or not key.startswith(_OBJECT):
        return
    collection, separator, object_id = key.removeprefix(_OBJECT).partition("#")
    if separator and object_id and collection.startswith(f"{OWN}/"):
        key_of_table = Key(Collection.parse(collection), object_id)
        yield _as_spelled(key_of_table, record["dynamodb"].get("OldImage"))


def _as_spelled(key: Key, image: Any) -> Key:
    try:
        spelled = Key(key.collection, image["id"]["S"])
        is_it = spelled.folded_id == key.folded_id
    except (KeyError, TypeError, AttributeError):
        return key
    return spelled if is_it else key
