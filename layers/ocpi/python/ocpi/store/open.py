"""Which adapter stands behind the port: chosen by configuration, imported only then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpi.store.port import Store


def open_store(where: str) -> Store:
    """The store at ``sqlite:<path>`` or ``dynamodb:<table name>``; raises :class:`ValueError` for anything else.

    An SQLite file that is not there is made; a DynamoDB table must exist (``template.yaml`` makes it).
    """
    adapter, _, place = where.partition(":")
    if adapter == "sqlite" and place:
        from ocpi.store.sqlite import SQLiteStore  # noqa: PLC0415 - Lambda never needs it

        return SQLiteStore(Path(place))
    if adapter == "dynamodb" and place:
        from ocpi.store.dynamodb import DynamoDBStore  # noqa: PLC0415 - botocore takes 150 ms; the laptop does without

        return DynamoDBStore(place)
    raise ValueError(f"a store is sqlite:<path> or dynamodb:<table>, not {where!r}")
