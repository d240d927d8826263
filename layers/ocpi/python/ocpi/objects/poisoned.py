"""Documents that were ruined after they were stored: one of them must not keep anybody from all the others.

``python -m ocpi.doctor`` finds them and names them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

from ocpi import strict_json
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ocpi.store.port import Key, Objects, Record

T = TypeVar("T")
RUINED = (LookupError, ValueError, TypeError, zlib.error)
"""What the store raises for a record that it cannot make of what is there; never for a database that fails."""
UNREADABLE = (strict_json.BrokenJson, strict_json.RefusedJson, LookupError, TypeError, AttributeError)
"""What reading such a document raises, or what is looked for in it."""


def readable(documents: Iterable[str], read: Callable[[str], T], where: object) -> list[T]:
    """What ``read`` makes of each document, without those that it cannot read. It must do no more than that: what
    fails in making something else of a document that was read is a fault of ours, and must not empty a list.
    """
    found: list[T] = []
    for document in documents:
        try:
            found.append(read(document))
        except UNREADABLE:
            _tell(where)
    return found


def read_many(objects: Objects, keys: Sequence[Key]) -> list[Record | Exception | None]:
    """As ``objects.get_many``; of a record that is there and cannot be read, why."""
    try:
        return list(objects.get_many(keys))
    except RUINED:
        return [read_one(objects, key) for key in keys]


def read_one(objects: Objects, key: Key) -> Record | Exception | None:
    """As ``objects.get``, and as :func:`read_many`."""
    try:
        return objects.get(key)
    except RUINED as error:
        _tell(key.collection)
        return error


def whole(documents: Iterable[str], where: object) -> list[str]:
    """Those that begin and end as an object does: a list of documents is never parsed on its way out."""
    found: list[str] = []
    for document in documents:
        if document.startswith("{") and document.endswith("}"):
            found.append(document)
        else:
            _tell(where)
    return found


def _tell(where: object) -> None:
    logger.error("an object is left out because it cannot be read: run python -m ocpi.doctor", collection=str(where))
