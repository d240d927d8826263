"""Lists as OCPI pages them (section 3.1.3.1): ``offset``, ``limit`` and date filters in, ``Link`` and totals out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ocpi import strict_json
from ocpi.errors import BadParameter
from ocpi.objects.poisoned import readable, whole
from ocpi.store.port import MAX_PAGE_BYTES, Collection, Page, PageQuery, Store
from ocpi.times import ceil_second
from ocpi.transport.cursor import read_cursor, write_cursor
from ocpi.transport.envelope import success_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.transport.message import Answer, Call

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_MAX_INTEGER = 2**63 - 1
_REWRITTEN_GROWTH = 3
"""How many times longer a page of rewritten documents may get without growing beyond what Lambda can answer with."""


@dataclass(frozen=True, slots=True)
class Paging:
    """What a request says about the page that it wants. Instants are ``YYYY-MM-DDTHH:MM:SSZ``."""

    offset: int
    limit: int
    date_from: str | None
    date_to: str | None
    cursor: str | None


def read_paging(query: Mapping[str, str]) -> Paging:
    """Paging of a request; raises :class:`BadParameter` naming what cannot be read. ``limit`` is capped."""
    return Paging(
        offset=_integer(query, "offset", default=0, least=0),
        limit=min(read_limit(query), MAX_LIMIT),
        date_from=_instant(query, "date_from"),
        date_to=_instant(query, "date_to"),
        cursor=query.get("cursor"),
    )


def read_limit(query: Mapping[str, str]) -> int:
    """``limit`` of a request, at least 1."""
    return _integer(query, "limit", default=DEFAULT_LIMIT, least=1)


def list_page(
    call: Call,
    store: Store,
    collection: Collection,
    *,
    reader: str,
    audience: str | None = None,
    rewrite: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Answer:
    """A page of a collection as OCPI partners get it. ``reader`` names who reads: its cursors are its own. With
    ``audience`` only what belongs to that party is listed and counted. ``rewrite`` makes each object what this reader
    needs; without it nothing is parsed.

    Without filters in order of creation (with ``audience`` in that of coming to it), in which nothing ever moves:
    whoever computes offsets misses nothing while objects change. With filters in order of ``last_updated``, the order
    of the filter.
    """
    paging = read_paging(call.query)
    filtered = bool(paging.date_from or paging.date_to)
    list_name = f"{reader}|{collection}|{paging.date_from or ''}|{paging.date_to or ''}"
    after, offset = None, paging.offset
    if paging.cursor is not None:
        position, cursor_offset = read_cursor(store.signing_key(), list_name, paging.cursor)
        if "offset" not in call.query or offset == cursor_offset:
            after, offset = position, cursor_offset
    page = store.objects.page(
        PageQuery(
            collection,
            limit=paging.limit,
            offset=offset,
            after=after,
            order="last_updated" if filtered else "created",
            updated_from=paging.date_from,
            updated_to=paging.date_to,
            audience=audience,
            max_bytes=MAX_PAGE_BYTES // _REWRITTEN_GROWTH if rewrite else MAX_PAGE_BYTES,
        )
    )
    headers = {"X-Total-Count": str(page.total), "X-Limit": str(paging.limit)}
    if page.next is not None:
        headers["Link"] = _link(call, page, offset + len(page.documents), list_name, store.signing_key, paging)
    documents = whole(page.documents, collection)
    if rewrite is not None:
        documents = [strict_json.write(rewrite(each)) for each in readable(documents, strict_json.read, collection)]
    return success_list(documents, headers)


def _link(call: Call, page: Page, offset: int, list_name: str, signing_key: Callable[[], bytes], paging: Paging) -> str:
    assert page.next is not None  # noqa: S101 - for the type checker; the caller has looked
    filters = {"date_from": paging.date_from, "date_to": paging.date_to}
    query = {
        **{name: value for name, value in filters.items() if value is not None},
        "offset": offset,
        "limit": paging.limit,
        "cursor": write_cursor(signing_key(), list_name, page.next, offset),
    }
    return f'<{call.base_url}{call.route}?{urlencode(query)}>; rel="next"'


def _integer(query: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= _MAX_INTEGER):
        raise BadParameter(name, f"must be a whole number of at least {least}")
    return int(text)


def _instant(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space. Fractions round up: objects are stored with
        # whole seconds, and "from 09.5" begins with those of 10.
        return ceil_second(text.replace(" ", "+"))
    except ValueError as error:
        raise BadParameter(name, str(error)) from None
