"""What only DynamoDB does: answers get lost, batches come back unfinished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.port import (
    Conflict,
    Grant,
    Partner,
    PartnerChange,
    PartnerStatus,
    PartyTaken,
    Record,
    Write,
)
from tests.support.stores import answers, draft, failing, key, lost_answers

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.port import Store
    from tests.support.stores import Backend

pytestmark = [
    pytest.mark.parametrize("backend", ["moto", "ministack"], indirect=True),
    pytest.mark.usefixtures("short_pauses"),
]

PARTNER = Partner("p1", "EMSP", "Name", PartnerStatus.INVITED, "2026-01-01T00:00:00.000000Z")
REGISTERED = replace(PARTNER, status=PartnerStatus.REGISTERED, country_code="NL", party_id="TNM")


@pytest.fixture
def client(backend: Backend) -> DynamoDBClient:
    assert backend.client
    return backend.client


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_a_create_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "PutItem"):
        put = store.objects.put(key("LOC1"), draft("1"), expected=None)

    assert put == store.objects.get(key("LOC1"))
    assert put.revision == 1


def test_a_replacement_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    first = store.objects.put(key("Loc1"), draft("1"), expected=None)
    with lost_answers(client, "UpdateItem", times=2):
        put = store.objects.put(key("LOC1"), draft("2"), expected=1)

    assert put == store.objects.get(key("LOC1"))
    assert (put.revision, put.created, put.key.id) == (2, first.created, "Loc1")


def test_bulk_writes_whose_answers_are_lost_are_no_conflicts(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "PutItem", times=3):
        results = store.objects.put_many([Write(key(f"L{n}"), draft(str(n)), None) for n in range(12)])

    assert all(isinstance(result, Record) for result in results)


def test_a_conflict_stays_one_when_its_answer_is_lost(store: Store, client: DynamoDBClient) -> None:
    first = store.objects.put(key("LOC1"), draft("1"), expected=None)

    with lost_answers(client, "PutItem"), pytest.raises(Conflict):
        store.objects.put(key("LOC1"), draft("2"), expected=None)
    with lost_answers(client, "UpdateItem"), pytest.raises(Conflict):
        store.objects.put(key("LOC1"), draft("2"), expected=7)
    with lost_answers(client, "DeleteItem"), pytest.raises(Conflict):
        store.objects.delete(key("LOC1"), expected=7)
    assert store.objects.get(key("LOC1")) == first


def test_a_deletion_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    store.objects.put(key("T1"), draft("1"), expected=None)

    with lost_answers(client, "DeleteItem"):
        store.objects.delete(key("T1"), expected=1)
    assert store.objects.get(key("T1")) is None


def test_a_write_that_never_gets_an_answer_is_no_conflict_either(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "PutItem", times=4), pytest.raises(ReadTimeoutError):
        store.objects.put(key("LOC1"), draft("1"), expected=None)


def test_a_saved_partner_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "TransactWriteItems"):
        store.partners.save(PartnerChange(REGISTERED, None, (Grant("a", "p1", "registered"),), claim_party=True))
    with lost_answers(client, "TransactWriteItems"):
        saved = store.partners.save(PartnerChange(replace(REGISTERED, name="New"), 1, drop_grants=("a",)))

    assert saved.revision == 2
    assert store.partners.get("p1") == saved
    assert store.partners.grant("a") is None


def test_refused_saves_stay_refused_when_the_answer_is_lost(store: Store, client: DynamoDBClient) -> None:
    store.partners.save(PartnerChange(REGISTERED, None, claim_party=True))

    with lost_answers(client, "TransactWriteItems"), pytest.raises(Conflict):
        store.partners.save(PartnerChange(REGISTERED, None))
    with lost_answers(client, "TransactWriteItems"), pytest.raises(PartyTaken):
        store.partners.save(PartnerChange(replace(REGISTERED, id="p2"), None, claim_party=True))
    assert store.partners.get("p2") is None


def test_a_removal_whose_answer_is_lost_is_no_conflict(store: Store, client: DynamoDBClient) -> None:
    saved = store.partners.save(PartnerChange(REGISTERED, None, claim_party=True))

    with lost_answers(client, "TransactWriteItems"):
        store.partners.remove(saved)
    assert store.partners.list() == []


def test_a_signing_key_whose_answer_is_lost_is_the_one_that_counts(store: Store, client: DynamoDBClient) -> None:
    with lost_answers(client, "PutItem"):
        first = store.signing_key()

    assert store.signing_key() == first


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_meets_another_is_tried_again(store: Store, client: DynamoDBClient, code: str) -> None:
    with cancelled(client, code, times=3):
        saved = store.partners.save(PartnerChange(PARTNER, None))
    assert store.partners.get("p1") == saved

    with cancelled(client, code, times=10), pytest.raises(client.exceptions.TransactionCanceledException):
        store.partners.save(PartnerChange(PARTNER, 1))
    with cancelled(client, "ValidationError", times=1), pytest.raises(client.exceptions.TransactionCanceledException):
        store.partners.save(PartnerChange(PARTNER, 1))
    assert store.partners.get("p1") == saved


def test_being_seen_while_the_partner_is_saved_is_given_up(store: Store, client: DynamoDBClient) -> None:
    saved = store.partners.save(PartnerChange(PARTNER, None))
    refusal = client.exceptions.TransactionConflictException({"Error": {"Code": "TransactionConflict"}}, "UpdateItem")

    with failing(client, "UpdateItem", refusal, times=1):
        store.partners.seen("p1", "2026-05-01T00:00:00.000000Z")
    assert store.partners.get("p1") == saved


def test_keys_that_a_batch_leaves_are_asked_for_again(store: Store, client: DynamoDBClient) -> None:
    store.objects.put_many([Write(key(f"L{n}"), draft(str(n)), None) for n in range(5)])
    left = iter([3, 1])

    def leave_some(parsed: dict[str, Any], **_: Any) -> None:
        ((table, items),) = parsed["Responses"].items()
        kept = len(items) - next(left, 0)
        keys = [{"pk": item["pk"], "sk": {"S": "OBJECT"}} for item in items[kept:]]
        parsed["Responses"][table] = items[:kept]
        parsed["UnprocessedKeys"] = {table: {"Keys": keys, "ConsistentRead": True}} if keys else {}

    with answers(client, "BatchGetItem", leave_some):
        found = store.objects.get_many([key(f"L{n}") for n in range(5)])
    assert [record and record.document for record in found] == ["0", "1", "2", "3", "4"]
    assert next(left, None) is None


def test_keys_that_are_left_for_ever_are_an_error_and_not_absent(store: Store, client: DynamoDBClient) -> None:
    store.objects.put(key("L0"), draft("0"), expected=None)

    def leave_all(parsed: dict[str, Any], **_: Any) -> None:
        ((table, items),) = parsed["Responses"].items()
        keys = [{"pk": item["pk"], "sk": {"S": "OBJECT"}} for item in items]
        parsed |= {"Responses": {}, "UnprocessedKeys": {table: {"Keys": keys}}}

    with answers(client, "BatchGetItem", leave_all), pytest.raises(TimeoutError):
        store.objects.get_many([key("L0")])


def test_a_grant_that_expires_carries_the_instant_for_the_tables_ttl(store: Store, client: DynamoDBClient) -> None:
    grants = (Grant("a", "p1", "invitation", "2026-01-08T00:00:00.000000Z"), Grant("b", "p1", "registered"))
    store.partners.save(PartnerChange(PARTNER, None, grants))
    assert isinstance(store, DynamoDBStore)

    items = [
        client.get_item(TableName=store._table, Key={"pk": {"S": f"GRANT#{h}"}, "sk": {"S": "GRANT"}})["Item"]
        for h in "ab"
    ]
    assert items[0]["expires"] == {"N": "1767830400"}
    assert "expires" not in items[1]


def test_a_table_that_is_not_there_is_an_error_of_ping(client: DynamoDBClient) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        DynamoDBStore("another", client).ping()


def cancelled(client: DynamoDBClient, code: str, *, times: int) -> Any:
    """Let DynamoDB cancel the next transactions for a reason."""
    answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": code}]}
    error = client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
    return failing(client, "TransactWriteItems", error, times=times)
