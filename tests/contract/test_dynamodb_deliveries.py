"""What only DynamoDB does to deliveries: answers get lost, batches come back unfinished, indexes lag behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.deliveries import Channel, Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_delivery_items import delivery_key
from ocpi.store.port import Conflict, Partner, PartnerChange, PartnerStatus
from tests.support.known_partners import know
from tests.support.stores import answers, failing, lost_answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.port import Partners, Store
    from tests.support.stores import Backend

pytestmark = [
    pytest.mark.parametrize("backend", ["moto", "ministack"], indirect=True),
    pytest.mark.usefixtures("short_pauses"),
]

NOW = "2026-01-01T00:00:00.000000Z"
LATER = "2026-01-01T00:00:09.000000Z"
PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


@pytest.fixture
def client(backend: Backend) -> DynamoDBClient:
    assert backend.client
    return backend.client


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def pending(object_id: str, due: str = NOW) -> Delivery:
    return Delivery(DeliveryKey("p1", "locations", object_id), PENDING, NOW, due=due)


def put(store: Store, *deliveries: Delivery) -> list[Delivery]:
    written = [result for result in store.deliveries.put_many(deliveries) if isinstance(result, Delivery)]
    assert len(written) == len(deliveries)
    return written


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.key.object_id for delivery in deliveries]


def test_a_delivery_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "PutItem"):
        (first,) = put(store, pending("A"))
    with lost_answers(client, "PutItem", times=2):
        (second,) = put(store, replace(first, state=DELIVERED, due=None))

    assert second.revision == 2
    assert store.deliveries.get_many([first.key]) == [second]
    with lost_answers(client, "DeleteItem"):
        assert store.deliveries.delete_many([second]) == [None]


def test_a_conflict_about_a_delivery_stays_one_when_its_answer_is_lost(store: Store, client: DynamoDBClient) -> None:
    (first,) = put(store, pending("A"))
    for stale in (replace(first, revision=0), replace(first, revision=7)):
        with lost_answers(client, "PutItem"):
            (result,) = store.deliveries.put_many([stale])
        assert isinstance(result, Conflict)
    with lost_answers(client, "DeleteItem"):
        (kept,) = store.deliveries.delete_many([replace(first, revision=7)])
    assert isinstance(kept, Conflict)
    assert store.deliveries.get_many([first.key]) == [first]


def test_a_channel_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    know(store, "p1")
    with lost_answers(client, "TransactWriteItems"):
        first = store.channels.put(Channel("p1", leased_until=NOW))
    with lost_answers(client, "PutItem"):
        second = store.channels.put(replace(first, called=1))

    assert store.channels.get("p1") == second
    with lost_answers(client, "PutItem"), pytest.raises(Conflict):
        store.channels.put(first)
    with lost_answers(client, "TransactWriteItems"), pytest.raises(Conflict):
        store.channels.put(Channel("p1"))


def test_what_a_batch_leaves_is_forgotten_all_the_same(store: Store, client: DynamoDBClient) -> None:
    put(store, *(pending(f"L{n:02}") for n in range(60)))
    left = iter([10, 3, 0, 1])

    def leave_some(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        ((table, requests),) = params["RequestItems"].items()
        kept = len(requests) - min(next(left, 0), len(requests) - 1)
        params["RequestItems"] = {table: requests[:kept]}
        context["unprocessed"] = {table: requests[kept:]} if kept < len(requests) else {}

    def say_so(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        parsed["UnprocessedItems"] = context["unprocessed"]

    client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", leave_some)
    try:
        with answers(client, "BatchWriteItem", say_so):
            store.deliveries.forget("p1")
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.BatchWriteItem", leave_some)
    assert next(left, None) is None
    assert store.deliveries.page("p1", None, 9) == DeliveryPage([], None, None)


def test_what_is_forgotten_is_deleted_as_it_is_read(
    store: Store, client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpi.store.dynamodb_deliveries.FORGOTTEN_AT_ONCE", 20)
    put(store, *(pending(f"L{n:02}") for n in range(60)))
    tries = iter(range(9))

    def fail_at_the_third(**_: Any) -> None:
        if next(tries) == 2:
            raise OSError("the function is at its end")

    client.meta.events.register("before-call.dynamodb.BatchWriteItem", fail_at_the_third)
    try:
        with pytest.raises(OSError, match="at its end"):
            store.deliveries.forget("p1")
    finally:
        client.meta.events.unregister("before-call.dynamodb.BatchWriteItem", fail_at_the_third)
    assert store.deliveries.page("p1", None, 1, counted=True).total == 20


@pytest.mark.parametrize("state", [None, *DeliveryState])
def test_a_page_that_is_not_counted_costs_the_same_however_long_the_list_is(
    store: Store, client: DynamoDBClient, state: DeliveryState | None
) -> None:
    put(store, *(pending(f"P{n}") for n in range(3)))
    queries: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        queries.append(params.get("Select", "ALL"))

    client.meta.events.register("provide-client-params.dynamodb.Query", note)
    try:
        store.deliveries.page("p1", state, 2)
        assert queries == ["ALL"]
        store.deliveries.page("p1", state, 2, counted=True)
        assert queries[1:] == ["ALL", "COUNT"]
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", note)


def test_what_can_never_be_forgotten_is_an_error(store: Store, client: DynamoDBClient) -> None:
    (first,) = put(store, pending("A"))
    key = delivery_key(first.key)

    def leave_all(parsed: dict[str, Any], **_: Any) -> None:
        assert isinstance(store, DynamoDBStore)
        parsed["UnprocessedItems"] = {store._table: [{"DeleteRequest": {"Key": key}}]}

    with answers(client, "BatchWriteItem", leave_all), pytest.raises(TimeoutError):
        store.deliveries.forget("p1")


@pytest.mark.parametrize(
    "now", [{"due": LATER}, {"state": DELIVERED, "due": None}, {"state": FAILED, "due": None}], ids=str
)
def test_what_is_not_due_any_more_is_not_handed_out_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient, now: dict[str, Any]
) -> None:
    a, _, _ = put(store, pending("a"), pending("b"), pending("c"))
    put(store, replace(a, **now))

    with answers(client, "Query", old_entry_of_a):
        assert ids(store.deliveries.due("p1", "2026-01-01T00:00:05.000000Z", 1)) == ["b"]


def test_what_is_shown_twice_is_handed_out_and_listed_once(store: Store, client: DynamoDBClient) -> None:
    a, _ = put(store, pending("a"), pending("b"))
    put(store, replace(a, due=LATER))

    with answers(client, "Query", old_entry_of_a):
        assert ids(store.deliveries.due("p1", LATER, 9)) == ["b", "a"]
        assert ids(store.deliveries.page("p1", PENDING, 9).deliveries) == ["a", "b"]


def test_what_left_a_state_is_not_listed_in_it_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient
) -> None:
    a, _ = put(store, pending("a"), pending("b"))
    put(store, replace(a, state=DELIVERED, due=None))

    with answers(client, "Query", old_entry_of_a):
        page = store.deliveries.page("p1", PENDING, 1)
    assert (ids(page.deliveries), page.next) == (["b"], None)


def test_only_what_is_pending_or_failed_is_in_the_index(store: Store, client: DynamoDBClient) -> None:
    assert isinstance(store, DynamoDBStore)
    (delivery,) = put(store, pending("A#B"))
    failed = replace(delivery, state=FAILED, due=None, since=LATER)
    lists = [
        (delivery, "p1|pending", f"{NOW}#locations#a#b"),
        (failed, "p1|failed", f"{LATER}#locations#a#b"),
        (replace(failed, state=DELIVERED), None, None),
    ]
    for revision, (state, due_list, due_key) in enumerate(lists, start=1):
        put(store, replace(state, revision=revision))
        item = client.get_item(TableName=store._table, Key=delivery_key(delivery.key))["Item"]
        assert item.get("due_list") == (due_list and {"S": due_list})
        assert item.get("due_key") == (due_key and {"S": due_key})


def test_deliveries_go_on_where_an_answer_ends(store: Store, client: DynamoDBClient) -> None:
    """DynamoDB ends an answer at 1 MB; here at two entries, of which a filter may leave none."""
    put(store, *(pending(f"P{n}") for n in range(7)))
    put(store, *(Delivery(DeliveryKey("p1", "tariffs", f"D{n}"), DELIVERED, NOW) for n in range(5)))

    def two_at_most(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = min(2, params.get("Limit", 2))

    client.meta.events.register("provide-client-params.dynamodb.Query", two_at_most)
    try:
        assert ids(store.deliveries.due("p1", NOW, 5)) == ["P0", "P1", "P2", "P3", "P4"]
        page = store.deliveries.page("p1", PENDING, 5, counted=True)
        assert (ids(page.deliveries), page.total) == (["P0", "P1", "P2", "P3", "P4"], 7)
        assert ids(store.deliveries.page("p1", PENDING, 5, page.next).deliveries) == ["P5", "P6"]
        page = store.deliveries.page("p1", DELIVERED, 3, counted=True)
        assert (ids(page.deliveries), page.total) == (["D0", "D1", "D2"], 5)
        assert ids(store.deliveries.page("p1", DELIVERED, 3, page.next).deliveries) == ["D3", "D4"]
        assert store.deliveries.page("p1", None, 3, counted=True).total == 12
        store.deliveries.forget("p1")
        assert store.deliveries.count("p1", DELIVERED) == 0
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", two_at_most)


NOTES: dict[str, tuple[Callable[[Partners], None], dict[str, Any]]] = {
    "synced": (lambda partners: partners.synced("p1", NOW), {"last_synced_at": NOW}),
    "behind": (lambda partners: partners.mark_behind("p1", NOW), {"behind_since": NOW}),
    "not behind": (lambda partners: partners.mark_behind("p1", None), {"behind_since": None}),
    "learned": (lambda partners: partners.learn("p1", {"a": "b"}), {"learned": {"a": "b"}}),
}


@pytest.mark.parametrize("note", NOTES)
def test_a_note_waits_while_the_partner_is_saved(store: Store, client: DynamoDBClient, note: str) -> None:
    partner = Partner("p1", "EMSP", "Name", PartnerStatus.INVITED, NOW, behind_since=LATER)
    saved = store.partners.save(PartnerChange(partner, None))
    refusal = client.exceptions.TransactionConflictException({"Error": {"Code": "TransactionConflict"}}, "UpdateItem")
    take, noted = NOTES[note]

    with failing(client, "UpdateItem", refusal, times=3):
        take(store.partners)
    assert store.partners.get("p1") == replace(saved, **noted)
    with failing(client, "UpdateItem", refusal, times=10), pytest.raises(type(refusal)):
        take(store.partners)


def old_entry_of_a(parsed: dict[str, Any], **_: Any) -> None:
    """The index as it was when ``a`` was pending and due, while its new entry, if it has one, is there already."""
    if "Items" in parsed:
        old = {**delivery_key(DeliveryKey("p1", "locations", "a")), "due_key": {"S": f"{NOW}#locations#a"}}
        parsed["Items"] = [old, *parsed["Items"]]
