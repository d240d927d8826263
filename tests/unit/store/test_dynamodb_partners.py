"""Partners in DynamoDB: the transactions of a registration with their conditions, and notes that are written beside."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store import dynamodb_partners
from ocpi.store.dynamodb_partners import DynamoDBPartners
from ocpi.store.partner_document import partner_document
from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartnerStatus, PartyTaken
from tests.support.fake_dynamodb import TransactionCanceledException, TransactionConflictException
from tests.support.scripted_dynamodb import (
    Request,
    ScriptedDynamoDB,
    cancelled,
    in_conflict,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

INVITED = "2026-01-01T00:00:00.000000Z"
AT = "2026-05-01T00:00:00.000000Z"
PARTNER = Partner("p1", "EMSP", "Näme", PartnerStatus.REGISTERED, INVITED, country_code="nl", party_id="Tnm")
KEY = {"pk": {"S": "PARTNERS"}, "sk": {"S": "p1"}}
CLAIM = {"pk": {"S": "PARTY#EMSP#NL-TNM"}, "sk": {"S": "PARTY"}}
STORED: Request = KEY | {
    "document": {"S": partner_document(PARTNER)},
    "invited_at": {"S": INVITED},
    "revision": {"N": "4"},
    "write_id": {"S": "w"},
}


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    monkeypatch.setattr(dynamodb_partners, "uuid4", lambda: "w")
    return found


def partners(*answers: Any) -> tuple[DynamoDBPartners, ScriptedDynamoDB]:
    client: Any = ScriptedDynamoDB(*answers)
    return DynamoDBPartners(client, "t"), client


def read(key: Request) -> tuple[str, Request]:
    return "get_item", {"TableName": "t", "Key": key, "ConsistentRead": True}


CHANNEL: Request = {"pk": {"S": "CHANNEL#p1"}, "sk": {"S": "CHANNEL"}}


def grant_key(token_hash: str) -> Request:
    return {"pk": {"S": f"GRANT#{token_hash}"}, "sk": {"S": "GRANT"}}


def operations(client: ScriptedDynamoDB) -> list[Request]:
    """Those of the only transaction."""
    (request,) = client.requests("transact_write_items")
    assert request["ClientRequestToken"] == "w"
    found: list[Request] = request["TransactItems"]
    return found


def updated(client: ScriptedDynamoDB) -> Request:
    """What the partner's own operation sets and removes, by name of the attribute."""
    update = operations(client)[0]["Update"]
    assert (update["TableName"], update["Key"]) == ("t", KEY)
    assert update["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    sets, _, removed = update["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
    values = update["ExpressionAttributeValues"]
    assigned = dict(each.split(" = ") for each in sets.split(", "))
    assert {*assigned.values(), ":expected"} == {*values, ":expected"}
    return {name: values[place] for name, place in assigned.items()} | dict.fromkeys(filter(None, removed.split(", ")))


def test_a_partner_is_read_strongly_consistent_with_its_notes() -> None:
    notes = {"last_seen_at": AT, "last_synced_at": "b", "behind_since": "c", "learned": json.dumps({"x": "y"})}
    store, client = partners({"Item": STORED | {name: {"S": note} for name, note in notes.items()}}, {})

    assert store.get("p1") == replace(
        PARTNER, revision=4, last_seen_at=AT, last_synced_at="b", behind_since="c", learned={"x": "y"}
    )
    assert store.get("p1") is None
    assert client.asked == [read(KEY), read(KEY)]


def test_all_partners_are_listed_oldest_invitation_first_then_by_id() -> None:
    def item(name: str, at: str) -> Request:
        partner = replace(PARTNER, id=name, invited_at=at)
        return STORED | {"sk": {"S": name}, "document": {"S": partner_document(partner)}}

    store, client = partners(
        {"Items": [item("a", "3"), item("c", "1")], "LastEvaluatedKey": KEY}, {"Items": [item("b", "1")]}
    )
    assert [partner.id for partner in store.list()] == ["b", "c", "a"]
    request = {
        "TableName": "t",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "PARTNERS"}},
        "ConsistentRead": True,
    }
    assert client.asked == [("query", request), ("query", request | {"ExclusiveStartKey": KEY})]


def test_a_party_is_found_by_its_claim_in_any_case() -> None:
    store, client = partners({"Item": CLAIM | {"partner_id": {"S": "p1"}}}, {"Item": STORED}, {})

    assert store.by_party("EMSP", "nl", "tNm") == replace(PARTNER, revision=4)
    assert store.by_party("EMSP", "NL", "TNM") is None
    assert client.asked == [read(CLAIM), read(KEY), read(CLAIM)]


GRANTS = [
    (Grant("h", "p1", "registered"), {"kind": {"S": "registered"}}),
    (
        Grant("h", "p1", "invitation", "2026-01-08T00:00:00.900000Z"),
        {
            "kind": {"S": "invitation"},
            "expires_at": {"S": "2026-01-08T00:00:00.900000Z"},
            "expires": {"N": "1767830400"},
        },
    ),
    (Grant("h", "p1", "handshake", replaces="a"), {"kind": {"S": "handshake"}, "replaces": {"S": "a"}}),
    (Grant("h", "p1", "registered", replaces="a", ends=("b", "c")), {"replaces": {"S": "a b c"}}),
]


@pytest.mark.parametrize(("grant", "attributes"), GRANTS)
def test_a_grant_is_written_down_with_what_it_has_and_read_again(grant: Grant, attributes: Request) -> None:
    store, client = partners({})
    store.save(PartnerChange(PARTNER, None, (grant,)))

    item = {**grant_key("h"), "partner_id": {"S": "p1"}, "kind": {"S": grant.kind}, **attributes}
    assert operations(client)[1:] == [{"Put": {"TableName": "t", "Item": item}}]
    store, client = partners({"Item": item}, {})
    assert store.grant("h") == grant
    assert store.grant("h") is None
    assert client.asked == [read(grant_key("h"))] * 2


def test_a_new_partner_is_made_where_there_is_none_with_all_that_is_known_of_it() -> None:
    store, client = partners({})
    new = replace(PARTNER, last_seen_at=AT, learned={"x": "y"})

    assert store.save(PartnerChange(new, None)) == replace(new, revision=1)
    assert [operation for operation, _ in client.asked] == ["transact_write_items"]
    assert updated(client) == {
        "document": {"S": partner_document(PARTNER)},
        "invited_at": {"S": INVITED},
        "revision": {"N": "1"},
        "write_id": {"S": "w"},
        "last_seen_at": {"S": AT},
        "learned": {"S": '{"x":"y"}'},
        "claim": None,
        "held_grants": None,
    }
    update = operations(client)[0]["Update"]
    assert update["ConditionExpression"] == "attribute_not_exists(pk)"
    assert ":expected" not in update["ExpressionAttributeValues"]


def test_a_partner_is_saved_at_the_revision_that_was_read_and_keeps_its_notes() -> None:
    store, client = partners({"Item": STORED}, {})

    saved = store.save(PartnerChange(replace(PARTNER, last_seen_at=AT, revision=1), 4))
    assert saved.revision == 5
    assert client.asked[0] == read(KEY)
    assert updated(client) == {
        "document": {"S": partner_document(PARTNER)},
        "invited_at": {"S": INVITED},
        "revision": {"N": "5"},
        "write_id": {"S": "w"},
        "claim": None,
        "held_grants": None,
    }
    update = operations(client)[0]["Update"]
    assert update["ConditionExpression"] == "revision = :expected"
    assert update["ExpressionAttributeValues"][":expected"] == {"N": "4"}


@pytest.mark.parametrize("answer", [{}, {"Item": STORED | {"revision": {"N": "5"}}}])
def test_a_partner_that_is_not_at_that_revision_is_a_conflict_before_anything_is_written(answer: Request) -> None:
    store, client = partners(answer)

    with pytest.raises(Conflict, match=r"^p1$"):
        store.save(PartnerChange(PARTNER, 4))
    assert client.asked == [read(KEY)]


def test_grants_that_are_held_are_noted_at_the_partner() -> None:
    store, client = partners({"Item": STORED | {"held_grants": {"SS": ["c", "a", "b"]}}}, {})
    grants = (Grant("e", "p1", "registered"), Grant("b", "p1", "handshake"))
    store.save(PartnerChange(PARTNER, 4, grants, drop_grants=("a", "b", "a", "x")))

    assert updated(client)["held_grants"] == {"SS": ["b", "c", "e"]}
    changed = [(kind, each.get("Key") or each["Item"]) for op in operations(client)[1:] for kind, each in op.items()]
    assert [(kind, key["pk"]["S"]) for kind, key in changed] == [
        ("Delete", "GRANT#a"),
        ("Delete", "GRANT#x"),
        ("Put", "GRANT#e"),
        ("Put", "GRANT#b"),
    ]
    assert operations(client)[1] == {"Delete": {"TableName": "t", "Key": grant_key("a")}}


def test_a_partner_without_any_grant_left_holds_none() -> None:
    store, client = partners({"Item": STORED | {"held_grants": {"SS": ["a"]}, "claim": CLAIM["pk"]}}, {})
    store.save(PartnerChange(PARTNER, 4, drop_grants=("a",)))

    assert updated(client)["held_grants"] is None
    assert operations(client)[0]["Update"]["UpdateExpression"].endswith(" REMOVE held_grants")


def test_a_partner_that_has_everything_loses_nothing() -> None:
    store, client = partners({"Item": STORED | {"held_grants": {"SS": ["a"]}, "claim": CLAIM["pk"]}}, {})
    store.save(PartnerChange(PARTNER, 4))

    assert updated(client)["claim"] == CLAIM["pk"]
    assert "REMOVE" not in operations(client)[0]["Update"]["UpdateExpression"]
    assert len(operations(client)) == 1


@pytest.mark.parametrize("is_dropped", [True, False])
def test_the_token_that_was_shown_must_still_be_there(*, is_dropped: bool) -> None:
    store, client = partners({"Item": STORED}, {})
    drop, put = (("a",), ("b",)) if is_dropped else (("b",), ("a",))
    grants = tuple(Grant(each, "p1", "registered") for each in put)
    store.save(PartnerChange(PARTNER, 4, grants, drop, shown="a"))

    conditions = {
        (each.get("Key") or each["Item"])["pk"]["S"]: each.get("ConditionExpression")
        for operation in operations(client)[1:]
        for each in operation.values()
    }
    assert conditions == {"GRANT#a": "attribute_exists(pk)", "GRANT#b": None}


def claimed(client: ScriptedDynamoDB) -> list[Request]:
    return operations(client)[1:]


def test_a_party_is_claimed_if_nobody_else_holds_it() -> None:
    store, client = partners({"Item": STORED}, {})
    store.save(PartnerChange(PARTNER, 4, claim_party=True))

    assert updated(client)["claim"] == CLAIM["pk"]
    put = {
        "TableName": "t",
        "Item": CLAIM | {"partner_id": {"S": "p1"}},
        "ConditionExpression": "attribute_not_exists(pk) OR partner_id = :partner_id",
        "ExpressionAttributeValues": {":partner_id": {"S": "p1"}},
    }
    assert claimed(client) == [{"Put": put}]


def test_a_partner_that_becomes_another_party_gives_the_old_one_back() -> None:
    store, client = partners({"Item": STORED | {"claim": {"S": "PARTY#EMSP#DE-8AA"}}}, {})
    store.save(PartnerChange(PARTNER, 4, claim_party=True))

    put, delete = claimed(client)
    assert put["Put"]["Item"]["pk"] == CLAIM["pk"]
    assert delete == {"Delete": {"TableName": "t", "Key": {"pk": {"S": "PARTY#EMSP#DE-8AA"}, "sk": {"S": "PARTY"}}}}


def test_a_party_that_is_claimed_again_is_not_given_back() -> None:
    store, client = partners({"Item": STORED | {"claim": CLAIM["pk"]}}, {})
    store.save(PartnerChange(PARTNER, 4, claim_party=True))

    assert [list(each) for each in claimed(client)] == [["Put"]]


def test_a_party_is_given_back() -> None:
    store, client = partners({"Item": STORED | {"claim": CLAIM["pk"]}}, {})
    store.save(PartnerChange(PARTNER, 4, release_party=True))

    assert updated(client)["claim"] is None
    assert claimed(client) == [{"Delete": {"TableName": "t", "Key": CLAIM}}]


def test_a_partner_without_a_party_has_none_to_claim() -> None:
    store, client = partners()

    with pytest.raises(ValueError, match=r"^partner p1 has no party to claim$"):
        store.save(PartnerChange(replace(PARTNER, party_id=None), None, claim_party=True))
    assert client.asked == []


CHANGE = PartnerChange(
    PARTNER, None, (Grant("a", "p1", "registered"),), drop_grants=("b",), claim_party=True, shown="b"
)
"""Its operations: the partner, grants b and a, the claim."""
FAILED = "ConditionalCheckFailed"
ANOTHERS = {"Code": FAILED, "Item": STORED | {"write_id": {"S": "x"}}}
OURS = {"Code": FAILED, "Item": STORED}


@pytest.mark.parametrize(
    ("reasons", "error", "message"),
    [
        ((ANOTHERS, "None", "None", "None"), Conflict, "^p1$"),
        (("None", FAILED, "None", "None"), Conflict, "^p1$"),
        (("None", "None", FAILED, "None"), Conflict, "^p1$"),
        (("None", "None", "None", FAILED), PartyTaken, "^nl-Tnm$"),
        ((ANOTHERS, "None", "None", FAILED), Conflict, "^p1$"),
        ((FAILED, "None", "None", "TransactionConflict"), Conflict, "^p1$"),
        (("None", OURS, "None", "None"), Conflict, "^p1$"),
    ],
)
def test_what_was_refused_says_why(reasons: tuple[Any, ...], error: type[Exception], message: str) -> None:
    store, client = partners(cancelled(*reasons))

    with pytest.raises(error, match=message):
        store.save(CHANGE)
    assert len(client.asked) == 1


@pytest.mark.parametrize("reasons", [(OURS, "None", "None", "None"), (OURS, FAILED, "None", "None")])
def test_a_refusal_because_of_our_own_first_try_is_none(reasons: tuple[Any, ...]) -> None:
    store, _ = partners(cancelled(*reasons))

    assert store.save(CHANGE).revision == 1


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_what_another_moment_takes_away_is_tried_again(waited: list[float], code: str) -> None:
    store, client = partners(cancelled("None", code, "None", "None"), cancelled(code), {})

    assert store.save(CHANGE).revision == 1
    first, second, third = client.requests("transact_write_items")
    assert first == second == third
    assert len(waited) == 2


def test_what_no_moment_takes_away_is_raised_after_ten_tries(waited: list[float]) -> None:
    store, client = partners(*[cancelled("TransactionConflict")] * 10)

    with pytest.raises(TransactionCanceledException):
        store.save(CHANGE)
    assert (client.left, len(waited)) == ([], 9)


def test_what_is_wrong_with_the_request_is_raised_at_once(waited: list[float]) -> None:
    store, client = partners(cancelled("None", "ValidationError"))

    with pytest.raises(TransactionCanceledException):
        store.save(CHANGE)
    assert (len(client.asked), waited) == (1, [])


def test_a_partner_is_removed_with_all_its_grants_and_its_claim() -> None:
    stored = STORED | {"held_grants": {"SS": ["c", "a"]}, "claim": CLAIM["pk"]}
    store, client = partners({"Item": stored}, {})
    store.remove(replace(PARTNER, grants=("b", "a"), revision=4))

    assert client.asked[0] == read(KEY)
    own, *others = operations(client)
    assert own == {
        "Delete": {
            "TableName": "t",
            "Key": KEY,
            "ConditionExpression": "revision = :expected",
            "ExpressionAttributeValues": {":expected": {"N": "4"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    assert others == [{"Delete": {"TableName": "t", "Key": key}} for key in (CHANNEL, *map(grant_key, "abc"), CLAIM)]


def test_a_partner_that_holds_nothing_is_removed_with_its_channel_alone() -> None:
    store, client = partners({"Item": STORED}, {})
    store.remove(replace(PARTNER, revision=4))

    assert [each["Delete"]["Key"] for each in operations(client)] == [KEY, CHANNEL]


@pytest.mark.parametrize("answer", [{}, {"Item": STORED | {"revision": {"N": "5"}}}])
def test_a_partner_that_changed_is_not_removed(answer: Request) -> None:
    store, client = partners(answer)

    with pytest.raises(Conflict, match=r"^p1$"):
        store.remove(replace(PARTNER, revision=4))
    assert len(client.asked) == 1


def test_a_partner_that_changes_as_it_is_removed_is_a_conflict_but_one_that_we_removed_is_none() -> None:
    store, _ = partners({"Item": STORED}, cancelled(ANOTHERS), {"Item": STORED}, cancelled(FAILED, retries=1))

    with pytest.raises(Conflict, match=r"^p1$"):
        store.remove(replace(PARTNER, revision=4))
    store.remove(replace(PARTNER, revision=4))


def noted(name: str, at: str) -> Request:
    return {
        "TableName": "t",
        "Key": KEY,
        "ConditionExpression": "attribute_exists(pk) AND (attribute_not_exists(#name) OR #name < :value)",
        "UpdateExpression": "SET #name = :value",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":value": {"S": at}},
    }


def beside(name: str, note: str | None) -> Request:
    request = noted(name, note or "") | {"ConditionExpression": "attribute_exists(pk)"}
    if note is None:
        request["UpdateExpression"] = "REMOVE #name"
        del request["ExpressionAttributeValues"]
    return request


NOTES: dict[str, tuple[Callable[[DynamoDBPartners], None], Request]] = {
    "seen": (lambda store: store.seen("p1", AT), noted("last_seen_at", AT)),
    "synced": (lambda store: store.synced("p1", AT), noted("last_synced_at", AT)),
    "behind": (lambda store: store.mark_behind("p1", AT), beside("behind_since", AT)),
    "reached": (lambda store: store.mark_behind("p1", None), beside("behind_since", None)),
    "learned": (lambda store: store.learn("p1", {"a": "b"}), beside("learned", '{"a":"b"}')),
    "forgotten": (lambda store: store.learn("p1", {}), beside("learned", None)),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_note_is_one_request_beside_document_and_revision(name: str) -> None:
    note, request = NOTES[name]
    store, client = partners({}, refused())
    note(store)
    note(store)  # refused: there is no such partner, or it has a later instant

    assert client.asked == [("update_item", request)] * 2


@pytest.mark.parametrize("name", [name for name in NOTES if name != "seen"])
def test_a_note_waits_while_the_partner_is_saved_and_not_for_ever(waited: list[float], name: str) -> None:
    note, request = NOTES[name]
    store, client = partners(in_conflict(), in_conflict(), {}, *[in_conflict()] * 10)
    note(store)

    assert client.asked == [("update_item", request)] * 3
    assert len(waited) == 2
    with pytest.raises(TransactionConflictException):
        note(store)
    assert (client.left, len(waited)) == ([], 11)


def test_being_seen_waits_for_nothing(waited: list[float]) -> None:
    store, client = partners(in_conflict())
    store.seen("p1", AT)

    assert (len(client.asked), waited) == (1, [])


def test_the_first_use_of_a_token_ends_all_that_are_older_in_one_transaction() -> None:
    store, client = partners({})
    store.settle(Grant("h", "p1", "registered", replaces="a", ends=("b", "c")))

    assert operations(client) == [{"Delete": {"TableName": "t", "Key": grant_key(each)}} for each in "abc"]


def test_a_token_that_replaces_none_ends_none() -> None:
    store, client = partners()
    store.settle(Grant("h", "p1", "registered"))

    assert client.asked == []


@pytest.mark.parametrize("error", [None, cancelled("ValidationError")])
def test_more_tokens_than_a_transaction_has_room_for_are_cleared_away_after_it(error: Exception | None) -> None:
    hashes = tuple(f"h{number:03}" for number in range(170))
    store, client = partners({"Item": STORED}, {}, error or {}, {}, {})
    store.save(PartnerChange(PARTNER, 4, drop_grants=hashes, shown="h169"))

    first, *others = [each["TransactItems"] for each in client.requests("transact_write_items")]
    assert first[1]["Delete"] == {
        "TableName": "t",
        "Key": grant_key("h169"),
        "ConditionExpression": "attribute_exists(pk)",
    }
    assert [len(first), *map(len, others)] == ([51, 50] if error else [51, 50, 50, 20])
    if not error:
        dropped = [each["Delete"]["Key"] for each in (*first[1:], *others[0], *others[1], *others[2])]
        assert dropped == [grant_key(each) for each in ("h169", *hashes[:-1])]


def test_a_partner_with_more_tokens_than_a_transaction_has_room_for_is_removed_with_all() -> None:
    hashes = [f"h{number:03}" for number in range(51)]
    store, client = partners({"Item": STORED | {"held_grants": {"SS": hashes}}}, {}, {})
    store.remove(replace(PARTNER, revision=4))

    first, second = [each["TransactItems"] for each in client.requests("transact_write_items")]
    dropped = [each["Delete"]["Key"] for each in (*first[2:], *second)]
    assert (len(first), dropped) == (52, [grant_key(each) for each in hashes])
