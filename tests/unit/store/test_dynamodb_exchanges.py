"""The exchange log in DynamoDB: what is written, and how few requests read it backwards, day by day or by subject."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from ocpi.store import dynamodb_exchanges
from ocpi.store.dynamodb_exchanges import DynamoDBExchanges
from ocpi.store.exchanges import Exchange, ExchangePage, ExchangeQuery
from tests.support.scripted_dynamodb import Request, ScriptedDynamoDB
from tests.support.thread_pools import noted_pools

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
OLDEST = "2025-05-11"
"""400 days before."""
TODAY, YESTERDAY, BEFORE = "2026-06-15", "2026-06-14", "2026-06-13"
PLAIN = Exchange(f"{TODAY}T10:00:00.000000Z", "p1", "in", "GET", "/x", 200, 1000, 7, "c-1")


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        assert tz is UTC
        return NOW


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    monkeypatch.setattr(dynamodb_exchanges, "datetime", Clock)
    monkeypatch.setattr(dynamodb_exchanges, "time", SimpleNamespace(time=NOW.timestamp))
    return found


def at(day: str, second: int = 0) -> str:
    return f"{day}T10:00:{second:02}.000000Z"


def stored(sk: str, partner_id: str = "p1", *, left: int = 60, **more: Any) -> Request:
    """An entry as it is in the table, kept for so many more seconds."""
    document = replace(PLAIN, at=sk.partition("#")[0], partner_id=partner_id, **more).written()
    expires = {"N": str(int(NOW.timestamp()) + left)}
    pk = {"S": f"EXCHANGES#{partner_id}#{sk[:10]}"}
    return {"pk": pk, "sk": {"S": sk}, "document": {"S": document}, "expires": expires}


class Log:
    """The log of some partners in a table. Queries of a day take their ``Limit``, those of the index end after
    ``at_once`` entries.
    """

    at_once: ClassVar[int] = 1000

    def __init__(self, *entries: Request, partners: tuple[str, ...] = ("p1",)) -> None:
        self.entries = sorted(entries, key=lambda item: item["sk"]["S"], reverse=True)
        self.partners = partners
        self.client = ScriptedDynamoDB(answer=self._answer)
        client: Any = self.client
        self.store = DynamoDBExchanges(client, "t")

    def _answer(self, operation: str, request: Request) -> Request:
        if operation == "batch_get_item":
            keys = request["RequestItems"]["t"]["Keys"]
            found = [each for each in self.entries if {"pk": each["pk"], "sk": each["sk"]} in keys]
            return {"Responses": {"t": found}, "UnprocessedKeys": {}}
        values = request["ExpressionAttributeValues"]
        if values.get(":pk") == {"S": "PARTNERS"}:
            return {"Items": [{"sk": {"S": each}} for each in self.partners]}
        low, high = values[":low"]["S"], values[":high"]["S"]
        if "IndexName" in request:
            found = [each for each in self.entries if low <= each["pk"]["S"] <= high]
            limit = self.at_once
        else:
            found = [each for each in self.entries if each["pk"] == values[":pk"] and low <= each["sk"]["S"] <= high]
            limit = request["Limit"]
        start = request.get("ExclusiveStartKey")
        found = found[1 + [each["sk"] for each in found].index(start["sk"]) :] if start else found
        answer: Request = {"Items": found[:limit]}
        return answer | ({"LastEvaluatedKey": found[limit - 1]} if len(found) >= limit else {})

    def days(self) -> list[str]:
        """The partitions that were queried, in order."""
        queries = self.client.requests("query")
        return [each["ExpressionAttributeValues"][":pk"]["S"] for each in queries if ":low" in str(each)]


def moments(page: ExchangePage) -> list[str]:
    return [each.at for each in page.exchanges]


def test_an_exchange_is_written_under_its_partner_and_day_for_so_long_as_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "ab" * size)
    client: Any = ScriptedDynamoDB({"UnprocessedItems": {}})
    about = replace(PLAIN, subject="locations/LOC1")
    DynamoDBExchanges(client, "t").append([PLAIN, about], days=2)

    item = {
        "pk": {"S": f"EXCHANGES#p1#{TODAY}"},
        "sk": {"S": f"{PLAIN.at}#abababab"},
        "document": {"S": PLAIN.written()},
        "expires": {"N": str(int(datetime(2026, 6, 17, 10, tzinfo=UTC).timestamp()))},
    }
    found = item | {"document": {"S": about.written()}, "lookup": {"S": "exchange/locations/LOC1"}}
    puts = [{"PutRequest": {"Item": each}} for each in (item, found)]
    assert client.asked == [("batch_write_item", {"RequestItems": {"t": puts}})]


def test_exchanges_are_written_twenty_five_at_a_time_in_order() -> None:
    client: Any = ScriptedDynamoDB(*[{"UnprocessedItems": {}}] * 3)
    many = [replace(PLAIN, correlation_id=str(number)) for number in range(51)]
    DynamoDBExchanges(client, "t").append(many, days=1)

    batches = [each["RequestItems"]["t"] for each in client.requests("batch_write_item")]
    assert [len(batch) for batch in batches] == [25, 25, 1]
    written = [Exchange.read(each["PutRequest"]["Item"]["document"]["S"]) for batch in batches for each in batch]
    assert written == many


def test_what_was_not_taken_is_sent_again_four_times_at_most(waited: list[float]) -> None:
    left = [{"PutRequest": {"Item": {"pk": {"S": "x"}}}}]
    client: Any = ScriptedDynamoDB(*[{"UnprocessedItems": {"t": left}}] * 4)

    with pytest.raises(TimeoutError, match=r"^DynamoDB left 1 items of t unwritten in 4 tries$"):
        DynamoDBExchanges(client, "t").append([PLAIN, PLAIN], days=1)
    assert [len(each["RequestItems"]["t"]) for each in client.requests("batch_write_item")] == [2, 1, 1, 1]
    assert len(waited) == 3
    client = ScriptedDynamoDB(*[{"UnprocessedItems": {"t": left}}] * 3, {"UnprocessedItems": {}})
    DynamoDBExchanges(client, "t").append([PLAIN, PLAIN], days=1)
    assert client.requests("batch_write_item")[3] == {"RequestItems": {"t": left}}


def test_a_day_is_read_backwards_with_one_more_than_was_asked_for() -> None:
    first, second = stored(f"{at(TODAY, 5)}#a"), stored(f"{at(TODAY, 1)}#b")
    log = Log(first, second)

    page = log.store.page(ExchangeQuery(1, "p1", at_from=TODAY))
    assert page == ExchangePage([replace(PLAIN, at=at(TODAY, 5))], f"{at(TODAY, 5)}#a")
    assert log.client.asked == [
        (
            "query",
            {
                "TableName": "t",
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
                "ExpressionAttributeValues": {
                    ":pk": {"S": f"EXCHANGES#p1#{TODAY}"},
                    ":low": {"S": TODAY},
                    ":high": {"S": f"{TODAY}~"},
                },
                "ScanIndexForward": False,
                "Limit": 2,
            },
        )
    ]
    assert moments(log.store.page(ExchangeQuery(1, "p1", at_from=TODAY, after=page.next))) == [at(TODAY, 1)]


@pytest.mark.parametrize("picky", [{"http_status": 2}, {"ocpi_status": 1000}, {"direction": "in"}])
def test_who_takes_only_some_looks_at_a_thousand(picky: Any) -> None:
    log = Log(stored(f"{at(TODAY)}#a"))
    log.store.page(ExchangeQuery(3, "p1", at_from=TODAY, **picky))

    assert log.client.requests("query")[0]["Limit"] == 1000


def test_days_are_read_from_today_back_until_the_page_is_full() -> None:
    log = Log(*(stored(f"{at(day)}#a") for day in (TODAY, YESTERDAY, BEFORE, "2026-06-12")))

    page = log.store.page(ExchangeQuery(3, "p1"))
    assert (moments(page), page.next) == ([at(TODAY), at(YESTERDAY), at(BEFORE)], f"{at(BEFORE)}#a")
    assert log.days() == [f"EXCHANGES#p1#{day}" for day in (TODAY, YESTERDAY, BEFORE)]


def test_a_page_that_goes_on_begins_at_the_day_where_the_last_one_ended() -> None:
    log = Log(*(stored(f"{at(YESTERDAY, second)}#a") for second in (1, 2, 3)))

    page = log.store.page(ExchangeQuery(9, "p1", at_from=BEFORE, after=f"{at(YESTERDAY, 3)}#a"))
    assert moments(page) == [at(YESTERDAY, 2), at(YESTERDAY, 1)]
    assert log.days() == [f"EXCHANGES#p1#{day}" for day in (YESTERDAY, BEFORE)]
    highs = [each["ExpressionAttributeValues"][":high"]["S"] for each in log.client.requests("query")]
    assert highs == [f"{at(YESTERDAY, 3)}#a", f"{BEFORE}~"]


def test_a_position_between_two_days_asks_for_nothing_of_the_later_one() -> None:
    log = Log()
    log.store.page(ExchangeQuery(9, "p1", at_from=BEFORE, after=YESTERDAY))

    assert log.days() == [f"EXCHANGES#p1#{BEFORE}"]


def test_exchanges_are_from_one_instant_inclusive_to_another_exclusive() -> None:
    log = Log(*(stored(f"{at(YESTERDAY, second)}#a") for second in (1, 2, 3, 4)))

    low, high = at(YESTERDAY, 2), f"{at(YESTERDAY, 4)}#a"
    assert moments(log.store.page(ExchangeQuery(9, "p1", at_from=low, at_to=high))) == [
        at(YESTERDAY, 3),
        at(YESTERDAY, 2),
    ]
    (query,) = log.client.requests("query")
    assert query["ExpressionAttributeValues"][":low"] == {"S": low}
    earlier = ExchangeQuery(9, "p1", at_from=low, at_to=high, after=f"{at(YESTERDAY, 3)}#a")
    assert moments(log.store.page(earlier)) == [at(YESTERDAY, 2)]
    assert moments(log.store.page(replace(earlier, at_to=f"{at(YESTERDAY, 3)}#a", after=high))) == [at(YESTERDAY, 2)]


@pytest.mark.parametrize("subject", [None, "locations/A"])
@pytest.mark.parametrize(("low", "high"), [(TODAY, TODAY), (TODAY, YESTERDAY)])
def test_no_time_at_all_is_not_asked_for(low: str, high: str, subject: str | None) -> None:
    log = Log()

    assert log.store.page(ExchangeQuery(9, "p1", subject, at_from=low, at_to=high)) == ExchangePage([], None)
    assert log.client.asked == []


def test_a_page_makes_a_hundred_requests_at_most_and_says_where_to_go_on() -> None:
    log = Log()

    page = log.store.page(ExchangeQuery(9, "p1"))
    assert (page.exchanges, page.next) == ([], "2026-03-08")
    assert len(log.days()) == 100
    assert log.days()[-1] == "EXCHANGES#p1#2026-03-08"


def test_a_log_is_read_back_to_the_oldest_that_is_kept_and_no_further() -> None:
    log = Log(stored(f"{at(OLDEST)}#a"), stored("2025-05-10T10:00:00.000000Z#a"))
    query, found = ExchangeQuery(9, "p1", at_from="2024-01-01"), []
    for _ in range(5):
        page = log.store.page(query)
        found += moments(page)
        if page.next is None:
            break
        query = replace(query, after=page.next)

    assert found == [at(OLDEST)]
    assert len(log.days()) == 401
    assert log.client.requests("query")[-1]["ExpressionAttributeValues"][":low"] == {"S": OLDEST}


def test_a_page_that_ends_with_the_last_of_all_says_that_nothing_follows() -> None:
    log = Log(stored(f"{at(TODAY, 1)}#a"), stored(f"{at(TODAY, 2)}#a"))

    assert log.store.page(ExchangeQuery(2, "p1", at_from=TODAY)).next is None
    assert log.store.page(ExchangeQuery(2, "p1", at_from=YESTERDAY)).next == f"{at(TODAY, 1)}#a"


def test_the_log_of_all_is_of_every_partner_and_of_nobody() -> None:
    log = Log(
        stored(f"{at(TODAY, 1)}#a", "p1"),
        stored(f"{at(TODAY, 2)}#a", "-"),
        stored(f"{at(TODAY, 3)}#a", "p2"),
        partners=("p1", "p2"),
    )

    page = log.store.page(ExchangeQuery(9, at_from=TODAY))
    assert [each.partner_id for each in page.exchanges] == ["p2", "-", "p1"]
    assert sorted(log.days()) == [f"EXCHANGES#{each}#{TODAY}" for each in ("-", "p1", "p2")]
    assert log.client.asked[0] == (
        "query",
        {
            "TableName": "t",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "PARTNERS"}},
            "ProjectionExpression": "sk",
        },
    )


def test_two_partners_may_have_one_sort_key() -> None:
    log = Log(stored(f"{at(TODAY)}#a", "p1"), stored(f"{at(TODAY)}#a", "-"))

    assert len(log.store.page(ExchangeQuery(9, at_from=TODAY)).exchanges) == 2


def test_the_requests_of_a_page_are_those_of_all_partners() -> None:
    log = Log(partners=tuple(f"p{number}" for number in range(33)))

    assert log.store.page(ExchangeQuery(9)).next == BEFORE
    assert len(log.days()) == 34 * 3


def test_below_where_one_partner_was_cut_off_nothing_is_taken_of_another() -> None:
    busy = [stored(f"{at(TODAY, second)}#a", "p1") for second in (2, 4, 6, 8)]
    quiet = [stored(f"{at(TODAY, second)}#b", "-") for second in (1, 5, 6)]
    log = Log(*busy, *quiet)

    page = log.store.page(ExchangeQuery(3, at_from=TODAY))
    assert (moments(page), page.next) == ([at(TODAY, 8), at(TODAY, 6), at(TODAY, 6)], f"{at(TODAY, 6)}#a")
    following = log.store.page(ExchangeQuery(3, at_from=TODAY, after=page.next))
    assert moments(following) == [at(TODAY, 5), at(TODAY, 4), at(TODAY, 2)]


def test_a_page_that_is_picky_stops_where_a_partner_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_exchanges, "PICKY_READ", 2)
    entries = [stored(f"{at(TODAY, second)}#a", http_status=500 if second == 1 else 200) for second in (1, 2, 3)]
    log = Log(*entries, stored(f"{at(TODAY, 2)}#0", "-", http_status=500))

    page = log.store.page(ExchangeQuery(9, at_from=YESTERDAY, http_status=5))
    assert (page.exchanges, page.next) == ([], f"{at(TODAY, 2)}#a")
    assert len(log.days()) == 2
    rest = log.store.page(ExchangeQuery(9, at_from=YESTERDAY, http_status=5, after=page.next))
    assert [(each.partner_id, each.at) for each in rest.exchanges] == [("-", at(TODAY, 2)), ("p1", at(TODAY, 1))]


def test_what_is_kept_no_longer_is_left_out_though_it_is_still_there() -> None:
    log = Log(*(stored(f"{at(TODAY, second)}#a", left=left) for second, left in ((1, -1), (2, 0), (3, 1))))

    assert moments(log.store.page(ExchangeQuery(9, "p1", at_from=TODAY))) == [at(TODAY, 3)]


def test_the_log_of_a_subject_is_one_query_of_its_index_and_read_from_the_table() -> None:
    log = Log(*(stored(f"{at(day, second)}#a") for day in (TODAY, YESTERDAY) for second in (1, 2)))

    page = log.store.page(ExchangeQuery(9, "p1", subject="locations/A", at_from=f"{YESTERDAY}T10:00:02"))
    assert (moments(page), page.next) == ([at(TODAY, 2), at(TODAY, 1), at(YESTERDAY, 2)], None)
    query, read = (request for _, request in log.client.asked)
    assert query == {
        "TableName": "t",
        "IndexName": "by_lookup",
        "KeyConditionExpression": "lookup = :lookup AND pk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":lookup": {"S": "exchange/locations/A"},
            ":low": {"S": f"EXCHANGES#p1#{YESTERDAY}"},
            ":high": {"S": "EXCHANGES#p1#~"},
        },
        "ScanIndexForward": False,
    }
    assert read["RequestItems"]["t"]["ConsistentRead"] is False
    assert len(read["RequestItems"]["t"]["Keys"]) == 3


def test_the_log_of_a_subject_is_from_one_instant_inclusive_to_another_exclusive() -> None:
    log = Log(*(stored(f"{at(TODAY, second)}#a") for second in (1, 2, 3, 4)))

    query = ExchangeQuery(9, "p1", subject="x", at_from=f"{at(TODAY, 2)}#a", at_to=f"{at(TODAY, 4)}#a")
    assert moments(log.store.page(query)) == [at(TODAY, 3), at(TODAY, 2)]


def test_the_newest_of_a_day_are_taken_in_whatever_order_the_index_has_them() -> None:
    log = Log(*(stored(f"{at(TODAY, second)}#a") for second in (1, 2, 3)))
    log.entries.reverse()

    page = log.store.page(ExchangeQuery(1, "p1", subject="x"))
    assert (moments(page), page.next) == ([at(TODAY, 3)], f"{at(TODAY, 3)}#a")


def test_the_log_of_a_subject_ends_before_the_position_of_the_last_page() -> None:
    log = Log(*(stored(f"{at(TODAY, second)}#a") for second in (1, 2, 3, 4)))

    page = log.store.page(ExchangeQuery(2, "p1", subject="x"))
    assert (moments(page), page.next) == ([at(TODAY, 4), at(TODAY, 3)], f"{at(TODAY, 3)}#a")
    assert len(log.client.requests("batch_get_item")[0]["RequestItems"]["t"]["Keys"]) == 3
    rest = log.store.page(ExchangeQuery(2, "p1", subject="x", after=page.next))
    assert (moments(rest), rest.next) == ([at(TODAY, 2), at(TODAY, 1)], None)
    assert log.client.requests("query")[1]["ExpressionAttributeValues"][":high"] == {"S": f"EXCHANGES#p1#{TODAY}"}


def about(*, at_once: int, limit: int, days: dict[str, int]) -> tuple[ExchangePage, list[Request]]:
    """A page about one subject of which each day has so many, and the queries that it took."""
    log = Log(*(stored(f"{at(day, second)}#a") for day, number in days.items() for second in range(number)))
    log.at_once = at_once  # type: ignore[misc] # of this log alone
    return log.store.page(ExchangeQuery(limit, "p1", subject="x")), log.client.requests("query")


def test_a_day_of_a_subject_that_was_cut_off_is_not_taken_but_those_before_it_are() -> None:
    page, queries = about(at_once=4, limit=2, days={TODAY: 3, YESTERDAY: 3})

    assert (moments(page), page.next) == ([at(TODAY, 2), at(TODAY, 1)], f"{at(TODAY, 1)}#a")
    assert len(queries) == 1


def test_a_subject_is_read_on_until_whole_days_are_enough() -> None:
    page, queries = about(at_once=2, limit=2, days={TODAY: 2, YESTERDAY: 3, BEFORE: 2})

    assert (moments(page), page.next) == ([at(TODAY, 1), at(TODAY, 0)], f"{at(TODAY, 0)}#a")
    starts = [each.get("ExclusiveStartKey", {}).get("sk", {}).get("S") for each in queries]
    assert starts == [None, f"{at(TODAY, 0)}#a", f"{at(YESTERDAY, 1)}#a"]


def test_a_subject_of_as_many_as_were_asked_for_ends_with_them() -> None:
    page, _ = about(at_once=9, limit=3, days={TODAY: 1, YESTERDAY: 2})

    assert (moments(page), page.next) == ([at(TODAY, 0), at(YESTERDAY, 1), at(YESTERDAY, 0)], None)


def test_a_subject_whose_days_were_just_enough_goes_on_below_them() -> None:
    """Whole days have three, as many as are looked at: what the cut-off day has comes with the next page."""
    page, queries = about(at_once=4, limit=2, days={TODAY: 3, YESTERDAY: 1, BEFORE: 1})

    assert len(queries) == 1
    assert page.next == f"{at(TODAY, 1)}#a"


def test_a_picky_page_about_a_subject_goes_on_at_the_first_whole_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_exchanges, "PICKY_READ", 2)
    log = Log(*(stored(f"{at(day)}#a") for day in (TODAY, YESTERDAY, BEFORE)))
    log.at_once = 3  # type: ignore[misc] # of this log alone
    page = log.store.page(ExchangeQuery(9, "p1", subject="x", http_status=2))

    assert (moments(page), page.next) == ([at(TODAY), at(YESTERDAY)], YESTERDAY)


def test_a_picky_page_about_a_subject_has_all_that_it_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_exchanges, "PICKY_READ", 2)
    log = Log(*(stored(f"{at(TODAY, second)}#a") for second in (1, 2, 3)))
    page = log.store.page(ExchangeQuery(9, "p1", subject="x", http_status=2))

    assert (moments(page), page.next) == ([at(TODAY, 3), at(TODAY, 2)], f"{at(TODAY, 2)}#a")


def test_a_subject_of_all_partners_goes_on_where_the_busiest_was_cut_off() -> None:
    busy = [stored(f"{at(TODAY, second)}#a", "p1") for second in (3, 5, 7)]
    log = Log(*busy, stored(f"{at(TODAY, 4)}#b", "-"), stored(f"{at(TODAY, 1)}#b", "-"))

    # Two are wanted and three are looked at of each; the index holds those of one partner apart by their partition.
    page = log.store.page(ExchangeQuery(1, subject="x"))
    assert (moments(page), page.next) == ([at(TODAY, 7)], f"{at(TODAY, 7)}#a")


def test_entries_that_a_batch_leaves_for_ever_are_an_error_and_not_absent(waited: list[float]) -> None:
    key = {"pk": {"S": f"EXCHANGES#p1#{TODAY}"}, "sk": {"S": f"{at(TODAY)}#a"}}
    left = {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [key]}}}
    client: Any = ScriptedDynamoDB({"Items": [key]}, *[left] * 10)

    with pytest.raises(TimeoutError):
        DynamoDBExchanges(client, "t").page(ExchangeQuery(9, "p1", subject="x"))
    assert len(waited) == 9


def test_eight_partners_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = noted_pools(monkeypatch, "ocpi.store.dynamodb_exchanges")
    Log().store.page(ExchangeQuery(9, "p1", at_from=TODAY))

    assert asked == [8]
