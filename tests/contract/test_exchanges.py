"""The exchange log: newest first, by partner, object and status, and only as long as it is kept."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store import sqlite_exchanges
from ocpi.store.exchanges import NOBODY, Exchange, ExchangeQuery
from ocpi.store.port import Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from tests.support.stores import answers

if TYPE_CHECKING:
    from pathlib import Path

    from ocpi.store.port import Store
    from tests.support.stores import Backend

NOW = datetime.now(UTC)


def exchange(minutes_ago: float, partner_id: str = "p-1", **more: Any) -> Exchange:
    at = f"{NOW - timedelta(minutes=minutes_ago):%Y-%m-%dT%H:%M:%S.%f}Z"
    plain = Exchange(
        at=at,
        partner_id=partner_id,
        direction="in",
        method="GET",
        path=f"/ocpi/cpo/2.1.1/locations/{minutes_ago}",
        http_status=200,
        ocpi_status=1000,
        milliseconds=7,
        correlation_id="c-1",
    )
    return replace(plain, **more)


def with_partners(store: Store, *partner_ids: str) -> None:
    for partner_id in partner_ids:
        partner = Partner(partner_id, "EMSP", "Partner", PartnerStatus.INVITED, "2026-01-01T00:00:00Z")
        store.partners.save(PartnerChange(partner, expected=None))


def whole(store: Store, query: ExchangeQuery) -> list[Exchange]:
    """All pages of a query, which may be short."""
    found: list[Exchange] = []
    for _ in range(200):
        page = store.exchanges.page(query)
        assert len(page.exchanges) <= query.limit
        found += page.exchanges
        if page.next is None:
            return found
        query = replace(query, after=page.next)
    raise AssertionError("the pages do not end")


def test_an_exchange_comes_back_as_it_was_given(store: Store) -> None:
    with_partners(store, "p-1")
    full = exchange(
        1,
        module="sessions",
        object_id="S-1",
        subject="sessions/s-1",
        problem="OCPI 2001: no",
        body='{"request":{"id":"Ž"}}',
        http_status=None,
        ocpi_status=None,
    )
    store.exchanges.append([full], days=14)
    assert whole(store, ExchangeQuery(10)) == [full]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_log_of_one_partner_is_newest_first_over_days_and_pages(store: Store, limit: int) -> None:
    entries = [exchange(hours * 60) for hours in (0.1, 1, 20, 26, 27, 50, 51, 100)]
    store.exchanges.append([*reversed(entries), exchange(3, "p-2")], days=14)
    assert whole(store, ExchangeQuery(limit, partner_id="p-1")) == entries


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_log_of_all_partners_is_one_log_newest_first(store: Store, limit: int) -> None:
    with_partners(store, "p-1", "p-2")
    entries = [exchange(n * 400, ("p-1", "p-2", NOBODY, "p-1")[n % 4]) for n in range(1, 12)]
    store.exchanges.append(entries, days=14)
    assert whole(store, ExchangeQuery(limit)) == entries


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("partner_id", [None, "p-1"])
def test_the_log_of_one_object_is_found_in_that_of_all(store: Store, limit: int, partner_id: str | None) -> None:
    with_partners(store, "p-1", "p-2")
    about = [exchange(n * 500, ("p-1", "p-2")[n % 2], subject="sessions/s-1") for n in range(1, 10)]
    others = [exchange(n * 500, "p-1", subject="sessions/s-2") for n in range(1, 5)]
    store.exchanges.append([*others, *about], days=14)
    wanted = [each for each in about if partner_id in (None, each.partner_id)]
    assert whole(store, ExchangeQuery(limit, partner_id=partner_id, subject="sessions/s-1")) == wanted


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"http_status": 404}, [2]),
        ({"http_status": 4}, [2, 3]),
        ({"http_status": 2}, [1, 5]),
        ({"http_status": 0}, [4]),
        ({"ocpi_status": 2001}, [2, 5]),
        ({"direction": "out"}, [4, 5]),
        ({"direction": "in", "http_status": 2}, [1]),
        ({"http_status": 5}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 10])
def test_exchanges_are_found_by_status_and_direction(
    store: Store, asked: dict[str, Any], found: list[int], limit: int
) -> None:
    entries = [
        exchange(1),
        exchange(2, http_status=404, ocpi_status=2001),
        exchange(3, http_status=401, ocpi_status=2000),
        exchange(4, http_status=None, ocpi_status=None, direction="out", problem="timeout"),
        exchange(5, ocpi_status=2001, direction="out"),
    ]
    store.exchanges.append(entries, days=14)
    assert whole(store, ExchangeQuery(limit, partner_id="p-1", **asked)) == [entries[n - 1] for n in found]


def test_exchanges_are_found_by_time(store: Store) -> None:
    entries = [exchange(n * 1000) for n in range(1, 6)]
    store.exchanges.append(entries, days=14)
    newest, oldest = entries[1].at.removesuffix("Z"), entries[3].at.removesuffix("Z")
    assert whole(store, ExchangeQuery(10, partner_id="p-1", at_from=oldest, at_to=newest)) == entries[2:4]
    assert whole(store, ExchangeQuery(10, partner_id="p-1", at_from=newest, at_to=oldest)) == []


def test_what_is_kept_no_longer_is_not_returned(store: Store) -> None:
    # Hours from the edge: the clock of these tests stands still where they were collected, the store's goes on.
    store.exchanges.append([exchange(20 * 60), exchange(24 * 60 + 5)], days=1)
    store.exchanges.append([exchange(24 * 60 + 6)], days=2)
    found = whole(store, ExchangeQuery(10, partner_id="p-1"))
    assert [each.path for each in found] == [exchange(20 * 60).path, exchange(24 * 60 + 6).path]


def test_an_empty_log_has_one_empty_page_for_a_fortnight(store: Store) -> None:
    since = f"{NOW - timedelta(days=14):%Y-%m-%dT%H:%M:%S}"
    assert store.exchanges.page(ExchangeQuery(10, at_from=since)).next is None


def test_many_are_appended_at_once(store: Store) -> None:
    entries = [exchange(n) for n in range(60)]
    store.exchanges.append(entries, days=14)
    assert whole(store, ExchangeQuery(100, partner_id="p-1")) == entries


def test_a_page_of_a_large_log_is_short_and_the_next_goes_on(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpi.store.sqlite_exchanges.MOST_READ", 10)
    monkeypatch.setattr("ocpi.store.dynamodb_exchanges.PICKY_READ", 10)
    entries = [exchange(n, http_status=500 if n == 35 else 200) for n in range(40)]
    store.exchanges.append(entries, days=14)
    query = ExchangeQuery(5, partner_id="p-1", http_status=500)
    first = store.exchanges.page(query)
    assert (first.exchanges, first.next is None) == ([], False)
    assert whole(store, query) == [entries[35]]


def test_what_dynamodb_did_not_take_is_sent_again(backend: Backend) -> None:
    if backend.client is None:
        pytest.skip("of DynamoDB")
    left = 2

    def refusing(parsed: dict[str, Any], **_: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            table = backend.open()._table  # type: ignore[attr-defined] # of the DynamoDB adapter
            item = {"pk": {"S": "EXCHANGES#p-1#x"}, "sk": {"S": f"{left}"}}
            parsed["UnprocessedItems"] = {table: [{"PutRequest": {"Item": item}}]}

    with answers(backend.client, "BatchWriteItem", refusing):
        backend.open().exchanges.append([exchange(1)], days=14)
    assert left == 0


def test_expired_rows_leave_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_exchanges, "SWEEP_SECONDS", 0)
    store = SQLiteStore(tmp_path / "ocpi.sqlite")
    store.exchanges.append([exchange(3 * 24 * 60)], days=1)
    store.exchanges.append([exchange(1)], days=1)
    store.close()
    with sqlite3.connect(tmp_path / "ocpi.sqlite") as db:
        assert db.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
    db.close()
