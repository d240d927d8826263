"""A page of a million objects costs what one of a thousand does: requests and read units are counted, and the same.

The million is the table that ``benchmarks/paging.py`` reads. Within a chunk of keys a page begins somewhere, and what
is before that is read: so both tables are asked for places that are as far from where a chunk begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from ocpi.store.counter_tree import size_of
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_counters import CountedList
from ocpi.store.port import PageQuery, Write
from tests.support.big_table import CHUNK, LOCATIONS, PARTY, BigTable, Objects
from tests.support.counted import FakeStream
from tests.support.histories import ONE_INSTANT
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from collections.abc import Iterator

Order = Literal["created", "last_updated"]
FEW = "few for everybody"
"""The worst mix: of each hundred objects one is for everybody, so most chunks have none."""


@pytest.fixture(scope="module")
def tables() -> tuple[BigTable, BigTable]:
    return BigTable(Objects(1_000, mix=FEW)), BigTable(Objects(1_000_000, mix=FEW))


def place(part: float, size: int) -> int:
    """A rank about there, 30 keys after the beginning of a chunk."""
    return int(size * part) // CHUNK * CHUNK + 30


def queries(table: BigTable, audience: str | None, order: Order) -> Iterator[PageQuery]:
    counted = CountedList(f"{LOCATIONS}|{PARTY}" if audience == PARTY else str(LOCATIONS), "updated")
    keys = table.lists[counted]
    few = audience == "*"
    size, limit = len(keys) // 100 if few else len(keys), 3 if few else 20
    for part in (0, 0.2, 0.6):
        offset = 0 if not part else int(size * part) if few else place(part, size)
        yield PageQuery(LOCATIONS, limit, offset, order=order, audience=audience)
    yield PageQuery(LOCATIONS, limit, size * 3 + 1000, order=order, audience=audience)
    if order == "last_updated":
        start, end = (keys[place(part, len(keys))][:20] for part in (0.1, 0.9))
        offset = 2 if few else place(0.3, size)
        for low, high in ((start, None), (None, end), (start, end)):
            for skipped in (0, offset):
                yield PageQuery(LOCATIONS, limit, skipped, None, order, low, high, audience)


def cost(table: BigTable, query: PageQuery) -> tuple[int, float]:
    client: Any = table
    table.calls.clear()
    table.read_units = 0
    page = DynamoDBStore("table", client).objects.page(query)
    beyond = table.read_units - table.own_units(len(page.documents))
    assert table.calls.total() <= 20
    assert beyond <= 15
    return table.calls.total(), table.read_units


@pytest.mark.parametrize("order", ["created", "last_updated"])
@pytest.mark.parametrize("audience", [None, PARTY, "*"])
def test_a_page_takes_the_same_requests_and_read_units(
    tables: tuple[BigTable, BigTable], audience: str | None, order: Order
) -> None:
    small, large = tables
    pairs = list(zip(queries(small, audience, order), queries(large, audience, order), strict=True))
    assert len(pairs) == (4 if order == "created" else 10)
    for few, many in pairs:
        (calls, units), (calls_of_many, units_of_many) = cost(small, few), cost(large, many)
        # In the small tree the paths to two bounds are one, which saves a node at each of two levels.
        shared = 2 * 0.5 if many.updated_from and many.updated_to else 0
        assert (calls, units + shared) == (calls_of_many, units_of_many), (few, many)


@pytest.mark.parametrize("order", ["created", "last_updated"])
@pytest.mark.parametrize("audience", [None, PARTY, "*"])
def test_a_page_that_is_not_counted_takes_no_look_at_the_counters(
    tables: tuple[BigTable, BigTable], audience: str | None, order: Order
) -> None:
    query = PageQuery(LOCATIONS, 20, order=order, audience=audience, counted=False)
    small, large = (cost(table, query) for table in tables)
    assert (small[0] if audience != "*" else large[0]) == (2 if audience != "*" else 3)
    if audience != "*":  # of which the small table has no whole page
        assert small == large


@pytest.mark.parametrize("size", [200, 2000])
def test_an_import_with_one_timestamp_is_split_and_costs_what_any_list_does(size: int) -> None:
    """Here with chunks of their real size, counted as the stream tells of them."""
    stream = FakeStream()
    names = [f"l{number:04d}" for number in range(size)]
    stream.store.objects.put_many([Write(key(name), draft(name, ONE_INSTANT), None) for name in names])
    stream.catch_up()

    chunks = [
        size_of(int(number["N"]))
        for (pk, sk), node in stream.table.items.items()
        if pk.startswith(f"COUNTERS#{LOCATIONS}|updated#") and sk.startswith("2#")
        for name, number in node.items()
        if name.startswith("=")
    ]
    assert (max(chunks) <= 100, sum(chunks)) == (True, size)
    for offset in (0, size // 2, size - 20):
        query = PageQuery(LOCATIONS, 20, offset, order="last_updated", updated_from=ONE_INSTANT, audience="*")
        stream.table.calls.clear()
        stream.table.read_units = 0
        page = stream.store.objects.page(query)
        assert (page.documents, page.total) == (names[offset : offset + 20], size)
        assert stream.table.calls.total() <= 9
        assert stream.table.read_units <= 20 + 15
