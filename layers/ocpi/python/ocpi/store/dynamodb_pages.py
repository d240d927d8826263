"""Pages of a collection in DynamoDB: keys from an index, bodies by batch get, place and total from the counters.

Where the counters are not of use (yet), entries of the index are walked and counted instead, at a cost that grows with
their number.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ocpi.observability import logger
from ocpi.store.dynamodb_counters import FIRST, LAST, CountedList, State, read_state
from ocpi.store.dynamodb_items import unpacked, view
from ocpi.store.dynamodb_ranks import NoCounters, Ranks
from ocpi.store.dynamodb_requests import BATCH, batch_get, count_items, query_items
from ocpi.store.port import EVERYBODY, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from ocpi.store.dynamodb_items import Item
    from ocpi.store.port import PageQuery

_LATE = 100
"""By how many entries the counters may be late for a page beyond the last one that they know of to be looked for."""
_NOWHERE = LAST * 2
"""Above every bound."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Entries of a list from ``low`` to ``high``. No entry equals a bound that a caller gave: an entry is an instant,
    ``#`` and an id, a bound is an instant or goes one character past an entry.
    """

    table: str
    entries: CountedList
    low: str
    high: str
    audience: str | None

    def request(self, low: str | None = None, high: str | None = None) -> QueryInputTypeDef:
        request = self.entries.between(self.table, self.low if low is None else low, high or self.high)
        if self.audience == EVERYBODY and not self.entries.is_view:
            request["FilterExpression"] = "audience = :audience"
            request["ExpressionAttributeValues"] = {
                **request["ExpressionAttributeValues"],
                ":audience": {"S": EVERYBODY},
            }
        return request


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a page begins: ``skip`` entries after a key, and how many the query matches; ``None``: to be counted."""

    low: str
    total: int | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    pk: str
    position: str


def read_page(client: DynamoDBClient, table: str, query: PageQuery) -> Page:
    """As :meth:`ocpi.store.port.Objects.page`."""
    low, high = query.updated_from or query.created_from or FIRST, query.updated_to or LAST
    if low >= high:  # which DynamoDB refuses
        return Page([], 0, None)
    state = None
    if query.audience == EVERYBODY or not _is_from_position(query) or query.counted:
        state = read_state(client, table, str(query.collection), consistent=False)
    matching = _Span(table, list_of(query, state), low, high, query.audience)
    start = _start(client, matching, query, state)
    documents, position = _read(client, matching, query, start)
    if not query.counted:
        return Page(documents, 0, position)
    total = start.total
    if total is None:
        # Counted last: what was created while the page was read is in the total rather than beyond it.
        total = count_items(client, matching.request())
    elif query.after is None and query.offset == 0 and position is None:
        total = len(documents)  # the whole list, so there is no need to wait until the counters know
    elif query.after is None and documents:
        total = max(total, query.offset + len(documents) + int(position is not None))
    return Page(documents, total, position)


def list_of(query: PageQuery, state: State | None) -> CountedList:
    """The list in which a query's objects are. In a collection that is not counted completely objects may be older than
    the list of what is for everybody: there it is what a filter leaves of the collection's, which has the same keys.
    """
    is_filtered = query.audience == EVERYBODY and not (state and state.complete)
    if query.audience is None or is_filtered:
        return _list_of_all(query)
    order = "addressed" if query.order == "created" else "updated"
    return CountedList(view(query.collection, query.audience), order)


def _list_of_all(query: PageQuery) -> CountedList:
    return CountedList(str(query.collection), "created" if query.order == "created" else "updated")


def _is_from_position(query: PageQuery) -> bool:
    return query.after is not None or query.offset == 0


def _start(client: DynamoDBClient, matching: _Span, query: PageQuery, state: State | None) -> _Start:
    """By the counters. A position needs none of them, only the total does."""
    low = matching.low if query.after is None else max(query.after + "\0", matching.low)
    if not query.counted and _is_from_position(query):
        return _Start(low)
    with suppress(NoCounters):
        ranks = Ranks(
            client,
            matching.table,
            _list_of_all(query) if query.audience == EVERYBODY else matching.entries,
            state,
            lambda from_, to: count_items(client, matching.request(from_, to)) if from_ < to else 0,
            everybody=query.audience == EVERYBODY,
        )
        begin = query.updated_from or query.created_from
        bounds = [bound for bound in (begin, query.updated_to) if bound]
        found = ranks.ranks(bounds)
        first = found[begin] if begin else 0
        end = found[query.updated_to] if query.updated_to else ranks.total()
        if _is_from_position(query):
            return _Start(low, end - first)
        if query.offset > end - first + _LATE:
            return _Start(_NOWHERE, end - first)
        chunk, skip = ranks.seek(first + query.offset)
        return _Start(chunk or FIRST, end - first, skip)
    return _Start(low, skip=0 if query.after is not None else query.offset)


def _read(client: DynamoDBClient, matching: _Span, query: PageQuery, start: _Start) -> tuple[list[str], str | None]:
    """Documents of one page, and the position after the last if an entry remains.

    The index lags behind the table. An object deleted since is left out. One whose entry has not moved yet is
    taken where it was found, lest it be missed when it moves past the reader, unless it no longer matches;
    and it is taken once, though it may be met at its old and its new place.
    """
    documents: list[str] = []
    size, position = 0, None
    taken: set[str] = set()
    entries = _entries(client, matching, query, start)
    while chunk := list(islice(entries, min(BATCH, query.limit - len(documents)))):
        # Strongly consistent: an object in the index may not have reached every replica, and must not look deleted.
        found = batch_get(client, matching.table, [entry.pk for entry in chunk], _looked_at(matching))
        for entry in chunk:
            item = found.get(entry.pk)
            if item and entry.pk not in taken and _still_matches(item, matching):
                document = _document(item)
                if document is None:
                    position = entry.position
                    continue
                size += len(document.encode())
                if documents and size > query.max_bytes:
                    return documents, position
                documents.append(document)
                taken.add(entry.pk)
            position = entry.position
        if len(documents) == query.limit:
            return documents, position if next(entries, None) else None
    return documents, None


def _document(item: Item) -> str | None:
    """The document of an object; ``None`` if it was ruined: one such must not keep a crawl from all that follow."""
    try:
        return unpacked(item["document"])
    except (LookupError, zlib.error, UnicodeDecodeError):
        logger.error("an object is left out because it cannot be read: run python -m ocpi.doctor")
        return None


def _looked_at(span: _Span) -> str:
    """What is read of an object: its document, and what tells whether it still matches."""
    audience = ", audience" if span.audience is not None else ""
    return "pk, document" + audience + (", updated_key" if span.entries.order == "updated" else "")


def _still_matches(item: Item, span: _Span) -> bool:
    is_theirs = span.audience is None or item.get("audience") == {"S": span.audience}
    return is_theirs and (span.entries.order != "updated" or span.low <= item["updated_key"]["S"] < span.high)


def _entries(client: DynamoDBClient, matching: _Span, query: PageQuery, start: _Start) -> Iterator[_Entry]:
    """Entries from the start of the page to the end of the index, fetched as they are asked for."""
    if start.low > matching.high:
        return
    request, skip = matching.request(start.low), start.skip
    if start.total is None:
        if not _skip(client, request, skip):
            return
        skip = 0
    # No more than is looked at: botocore spends more on each attribute than on all else of an entry.
    request["ProjectionExpression"] = f"pk, {matching.entries.attribute}"
    # One more than wanted: whether anything follows the page.
    request["Limit"] = skip + query.limit + 1
    for item in islice(query_items(client, request), skip, None):
        yield _Entry(item["pk"]["S"], item[matching.entries.attribute]["S"])


def _skip(client: DynamoDBClient, request: QueryInputTypeDef, offset: int) -> bool:
    """Let a request start ``offset`` entries later, without their being sent; ``False`` if nothing is left."""
    while offset:
        answer = client.query(**request | {"Select": "COUNT", "Limit": offset})
        offset -= answer["Count"]
        if "LastEvaluatedKey" not in answer:
            return False
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return True
