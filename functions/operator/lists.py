"""Lists of the operator API: ``items``, ``next_cursor`` and ``total``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ocpi import strict_json
from ocpi.deployment import store
from ocpi.objects.poisoned import readable, whole
from ocpi.store.port import Collection, PageQuery
from ocpi.transport.cursor import read_cursor, write_cursor
from ocpi.transport.message import Answer, Call
from ocpi.transport.paging import MAX_LIMIT, read_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def list_objects(
    call: Call,
    collection: Collection,
    *,
    audience: str | None = None,
    order: Literal["created", "last_updated"] = "last_updated",
    read: Callable[[str], Any] = str,
    show: Callable[[Any], str] = str,
) -> Answer:
    """A page of a collection, or of what has one audience in it, oldest first. ``read`` reads a document, and ``show``
    makes an item of what it read.
    """
    name, limit = f"operator|{collection}|{audience}", min(read_limit(call.query), MAX_LIMIT)
    after, offset = _place(call, name)
    query = PageQuery(collection, limit=limit, offset=offset, after=after, order=order, audience=audience)
    page = store().objects.page(query)
    following = (page.next, offset + len(page.documents)) if page.next is not None else None
    items = [show(each) for each in readable(whole(page.documents, collection), read, collection)]
    return _answer(name, items, following, page.total)


def list_values(call: Call, name: str, values: Sequence[Any]) -> Answer:
    """A page of a list that is at hand as a whole."""
    name, limit = f"operator|{name}", min(read_limit(call.query), MAX_LIMIT)
    _, offset = _place(call, name)
    end = offset + limit
    items = [strict_json.write(value) for value in values[offset:end]]
    return _answer(name, items, ("", end) if end < len(values) else None, len(values))


def list_positions(
    call: Call, name: str, page: Callable[[int, str | None], tuple[list[Any], int, str | None]]
) -> Answer:
    """A page of a list whose pages begin after a position; ``page(limit, after)`` gives values, their total number and
    the position after them, or ``None``.
    """
    name, limit = f"operator|{name}", min(read_limit(call.query), MAX_LIMIT)
    after, offset = _place(call, name)
    values, total, position = page(limit, after)
    following = (position, offset + len(values)) if position is not None else None
    return _answer(name, [strict_json.write(value) for value in values], following, total)


def _place(call: Call, name: str) -> tuple[str | None, int]:
    cursor = call.query.get("cursor")
    return read_cursor(store().signing_key(), name, cursor) if cursor is not None else (None, 0)


def _answer(name: str, items: list[str], following: tuple[str, int] | None, total: int) -> Answer:
    cursor = write_cursor(store().signing_key(), name, *following) if following else None
    rest = strict_json.write({"next_cursor": cursor, "total": total})
    return Answer(200, f'{{"items":[{",".join(items)}],{rest[1:]}')
