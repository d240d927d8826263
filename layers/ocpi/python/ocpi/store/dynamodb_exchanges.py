"""The exchange log in DynamoDB: a partition for each partner and day, so that no partition grows without end.

What is asked for is read backwards, day by day. A page does a bounded number of requests: where it stops, the next
one goes on, which it tells by a position that may lie between two entries.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, cast

from ocpi.store.dynamodb_items import packed, unpacked
from ocpi.store.dynamodb_requests import PARALLEL, batch_get_items, pauses, query_items
from ocpi.store.exchanges import MOST_DAYS, NOBODY, Exchange, ExchangePage, ExchangeQuery, end_of_life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, WriteRequestTypeDef

    from ocpi.store.dynamodb_items import Item

    _Read = Callable[[str, "_Span", int], "_Part"]

WRITES = 25
"""Items that one BatchWriteItem takes."""
WRITE_TRIES = 4
"""A request of a partner waits for them; after that its entry is lost."""
MOST_QUERIES = 100
"""Of one page; at least one day is looked at, though."""
PICKY_READ = 1000
"""Entries of a partition that a page looks at when it takes only some."""
_LAST = "~"
"""Above every instant."""


@dataclass(frozen=True, slots=True)
class _Span:
    """From ``low`` (inclusive) to ``high`` (exclusive), the ``number``-th that is read. ``rest`` is the position where
    to go on after it, ``None`` if it is the last.
    """

    low: str
    high: str
    rest: str | None
    number: int


@dataclass(frozen=True, slots=True)
class _Part:
    """What one partner has in a span. ``floor``: everything from that sort key on is here; ``None``: everything."""

    items: list[Item]
    floor: str | None


class DynamoDBExchanges:
    """Implements :class:`ocpi.store.exchanges.Exchanges`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
        """As in the port; raises :class:`TimeoutError` when the table takes no more."""
        puts: Iterator[WriteRequestTypeDef] = ({"PutRequest": {"Item": _item(each, days)}} for each in exchanges)
        while batch := list(islice(puts, WRITES)):
            self._write(batch)

    def _write(self, batch: list[WriteRequestTypeDef]) -> None:
        for _ in islice(pauses(), WRITE_TRIES):
            answer = self._client.batch_write_item(RequestItems={self._table: batch})
            # The table is throttled, or another's partition is: what was not written is to be sent again.
            if not answer["UnprocessedItems"]:
                return
            batch = cast("list[WriteRequestTypeDef]", answer["UnprocessedItems"][self._table])
        raise TimeoutError(f"DynamoDB left {len(batch)} items of {self._table} unwritten in {WRITE_TRIES} tries")

    def page(self, query: ExchangeQuery) -> ExchangePage:
        """As in the port."""
        partners = [query.partner_id] if query.partner_id is not None else [*self._partner_ids(), NOBODY]
        wanted = PICKY_READ if query.is_picky else query.limit + 1
        found: list[tuple[str, Exchange]] = []
        for span, read in self._spans(query):
            with ThreadPoolExecutor(PARALLEL) as pool:
                parts = list(pool.map(lambda partner, span=span, read=read: read(partner, span, wanted), partners))
            floor = max((part.floor for part in parts if part.floor is not None), default=None)
            taken = [each for part in parts for each in _taken(part, query, floor)]
            found += sorted(taken, key=lambda each: each[0], reverse=True)
            rest = floor or span.rest
            if len(found) > query.limit or (len(found) == query.limit and rest is not None):
                return ExchangePage([each for _, each in found[: query.limit]], found[query.limit - 1][0])
            if floor is not None or span.number * len(partners) >= MOST_QUERIES:
                return ExchangePage([each for _, each in found], rest)
        return ExchangePage([each for _, each in found], None)

    def _spans(self, query: ExchangeQuery) -> Iterator[tuple[_Span, _Read]]:
        """What is to be read, newest first, and how: all at once about one subject, otherwise day by day."""
        now = datetime.now(UTC)
        low = max(query.at_from or "", f"{(now - timedelta(days=MOST_DAYS)).date()}")
        high = min(query.after or _LAST, query.at_to or _LAST)
        if low >= high:
            return
        if query.subject is not None:
            subject = query.subject
            yield _Span(low, high, None, 1), lambda partner, span, wanted: self._about(subject, partner, span, wanted)
            return
        first, last = date.fromisoformat(low[:10]), min(high[:10], f"{now.date()}")
        for number in range((date.fromisoformat(last) - first).days + 1):
            day = f"{date.fromisoformat(last) - timedelta(days=number)}"
            span = _Span(max(low, day), min(high, f"{day}{_LAST}"), day if day > f"{first}" else None, number + 1)
            if span.low < span.high:
                yield span, self._of_day

    def _of_day(self, partner_id: str, span: _Span, wanted: int) -> _Part:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":pk": {"S": _pk(partner_id, span.low[:10])},
                ":low": {"S": span.low},
                ":high": {"S": span.high},
            },
            ScanIndexForward=False,
            Limit=wanted,
        )
        # BETWEEN takes its bounds in.
        items = [item for item in answer["Items"] if item["sk"]["S"] < span.high]
        return _Part(items, answer["LastEvaluatedKey"]["sk"]["S"] if "LastEvaluatedKey" in answer else None)

    def _about(self, subject: str, partner_id: str, span: _Span, wanted: int) -> _Part:
        """The index has the days in order, and the entries of a day in none."""
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": "by_lookup",
            "KeyConditionExpression": "lookup = :lookup AND pk BETWEEN :low AND :high",
            "ExpressionAttributeValues": {
                ":lookup": {"S": _lookup(subject)},
                ":low": {"S": _pk(partner_id, span.low[:10])},
                ":high": {"S": _pk(partner_id, span.high[:10])},
            },
            "ScanIndexForward": False,
        }
        keys: list[str] = []
        floor: str | None = None
        while True:
            answer = self._client.query(**request)
            keys += [item["sk"]["S"] for item in answer["Items"] if span.low <= item["sk"]["S"] < span.high]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            cut_off = answer["LastEvaluatedKey"]["sk"]["S"][:10]
            whole_days = [sk for sk in keys if sk[:10] > cut_off]
            if len(whole_days) >= wanted:
                keys, floor = whole_days, min(whole_days)[:10]
                break
        keys.sort(reverse=True)
        if len(keys) > wanted:
            keys, floor = keys[:wanted], keys[wanted - 1]
        return _Part(self._items(partner_id, keys), floor)

    def _items(self, partner_id: str, keys: Sequence[str]) -> list[Item]:
        addresses = [(_pk(partner_id, sk[:10]), sk) for sk in keys]
        return list(batch_get_items(self._client, self._table, addresses, consistent=False).values())

    def _partner_ids(self) -> list[str]:
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "PARTNERS"}},
            "ProjectionExpression": "sk",
        }
        return [item["sk"]["S"] for item in query_items(self._client, request)]


def _taken(part: _Part, query: ExchangeQuery, floor: str | None) -> list[tuple[str, Exchange]]:
    """What of a part belongs to the page: below the floor another partner's may be missing yet."""
    now = time.time()
    alive = [item for item in part.items if int(item["expires"]["N"]) > now]
    whole = [item for item in alive if floor is None or item["sk"]["S"] >= floor]
    read = [(item["sk"]["S"], Exchange.read(unpacked(item["document"]))) for item in whole]
    return [each for each in read if query.takes(each[1])]


def _item(exchange: Exchange, days: int) -> Item:
    item: Item = {
        "pk": {"S": _pk(exchange.partner_id, exchange.at[:10])},
        "sk": {"S": f"{exchange.at}#{secrets.token_hex(4)}"},
        "document": packed(exchange.written()),
        "expires": {"N": str(int(end_of_life(exchange.at, days).timestamp()))},
    }
    if exchange.subject is not None:
        item["lookup"] = {"S": _lookup(exchange.subject)}
    return item


def _pk(partner_id: str, day: str) -> str:
    return f"EXCHANGES#{partner_id}#{day}"


def _lookup(subject: str) -> str:
    return f"exchange/{subject}"
