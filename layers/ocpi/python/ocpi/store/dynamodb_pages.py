"""Pages of a collection in DynamoDB: keys from an index, bodies by batch get, the total by counting keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from ocpi.store.dynamodb_items import unpacked, view
from ocpi.store.dynamodb_requests import BATCH, batch_get, count_items, query_items
from ocpi.store.port import EVERYBODY, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from ocpi.store.dynamodb_items import Item
    from ocpi.store.port import PageQuery

_FIRST, _LAST = "0", "~"
"""Below and above every instant, which begins with a digit of the year."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Entries of an index from ``low`` to ``high``. No entry equals a bound that a caller gave: an entry is an
    instant, ``#`` and an id, a bound is an instant or goes one character past an entry.
    """

    table: str
    index: str
    partition: tuple[str, str]
    attribute: str
    low: str
    high: str
    audience: str | None

    def request(self) -> QueryInputTypeDef:
        request: QueryInputTypeDef = {
            "TableName": self.table,
            "IndexName": self.index,
            "KeyConditionExpression": f"#partition = :partition AND {self.attribute} BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": self.partition[0]},
            "ExpressionAttributeValues": {
                ":partition": {"S": self.partition[1]},
                ":low": {"S": self.low},
                ":high": {"S": self.high},
            },
        }
        if self.audience == EVERYBODY:
            request["FilterExpression"] = "audience = :audience"
            request["ExpressionAttributeValues"] = {
                **request["ExpressionAttributeValues"],
                ":audience": {"S": EVERYBODY},
            }
        return request


@dataclass(frozen=True, slots=True)
class _Entry:
    pk: str
    position: str


def read_page(client: DynamoDBClient, table: str, query: PageQuery) -> Page:
    """As :meth:`ocpi.store.port.Objects.page`."""
    by = "created" if query.order == "created" else "updated"
    low, high = query.updated_from or query.created_from or _FIRST, query.updated_to or _LAST
    if low >= high:  # which DynamoDB refuses
        return Page([], 0, None)
    if query.audience in (None, EVERYBODY):
        index, partition, attribute = f"by_{by}", ("collection", str(query.collection)), f"{by}_key"
    else:
        index, partition = f"by_audience_{by}", ("view", view(query.collection, query.audience))
        attribute = "addressed_key" if query.order == "created" else "updated_key"
    matching = _Span(table, index, partition, attribute, low, high, query.audience)
    documents, position = _read(client, matching, query)
    # Counted last: what was created while the page was read is in the total rather than beyond it.
    return Page(documents, count_items(client, matching.request()) if query.counted else 0, position)


def _read(client: DynamoDBClient, matching: _Span, query: PageQuery) -> tuple[list[str], str | None]:
    """Documents of one page, and the position after the last if an entry remains.

    The index lags behind the table. An object deleted since is left out. One whose entry has not moved yet is
    taken where it was found, lest it be missed when it moves past the reader, unless it no longer matches;
    and it is taken once, though it may be met at its old and its new place.
    """
    documents: list[str] = []
    size, position = 0, None
    taken: set[str] = set()
    entries = _entries(client, matching, query)
    while chunk := list(islice(entries, min(BATCH, query.limit - len(documents)))):
        # Strongly consistent: an object in the index may not have reached every replica, and must not look deleted.
        found = batch_get(client, matching.table, [entry.pk for entry in chunk], "pk, document, updated_key, audience")
        for entry in chunk:
            item = found.get(entry.pk)
            if item and entry.pk not in taken and _still_matches(item, matching):
                document = unpacked(item["document"])
                size += len(document.encode())
                if documents and size > query.max_bytes:
                    return documents, position
                documents.append(document)
                taken.add(entry.pk)
            position = entry.position
        if len(documents) == query.limit:
            return documents, position if next(entries, None) else None
    return documents, None


def _still_matches(item: Item, span: _Span) -> bool:
    if span.audience is not None and item.get("audience") != {"S": span.audience}:
        return False
    return span.attribute != "updated_key" or span.low <= item["updated_key"]["S"] < span.high


def _entries(client: DynamoDBClient, matching: _Span, query: PageQuery) -> Iterator[_Entry]:
    """Entries from the start of the page to the end of the index, fetched as they are asked for."""
    request = matching.request()
    if query.after is not None:
        # The smallest text above the position: BETWEEN takes its bounds in, and this one excludes the entry itself.
        after = query.after + "\0"
        if after > matching.high:
            return
        request = replace(matching, low=max(after, matching.low)).request()
    elif query.offset and not _skip(client, request, query.offset):
        return
    # One more than wanted: whether anything follows the page.
    request["Limit"] = query.limit + 1
    for item in query_items(client, request):
        yield _Entry(item["pk"]["S"], item[matching.attribute]["S"])


def _skip(client: DynamoDBClient, request: QueryInputTypeDef, offset: int) -> bool:
    """Let a request start ``offset`` entries later, without their being sent; ``False`` if nothing is left."""
    while offset:
        answer = client.query(**request | {"Select": "COUNT", "Limit": offset})
        offset -= answer["Count"]
        if "LastEvaluatedKey" not in answer:
            return False
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return True
