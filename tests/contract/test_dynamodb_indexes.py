"""What only DynamoDB's indexes do: they lag behind the table, and end an answer in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_items import object_key
from ocpi.store.port import Page, PageQuery, Write
from tests.support.stores import LOCATIONS, answers, draft, key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.port import Store
    from tests.support.stores import Backend

pytestmark = pytest.mark.parametrize("backend", ["moto", "ministack"], indirect=True)


@pytest.fixture
def client(backend: Backend) -> DynamoDBClient:
    assert backend.client
    return backend.client


def test_an_object_that_vanished_after_the_index_was_read_is_left_out(store: Store, client: DynamoDBClient) -> None:
    for name in "abcd":
        store.objects.put(key(name), draft(name), expected=None)

    def delete_meanwhile(**_: Any) -> None:
        if store.objects.get(key("b")):
            store.objects.delete(key("b"), expected=1)

    with answers(client, "Query", delete_meanwhile):
        page = store.objects.page(PageQuery(LOCATIONS, limit=2))
    assert page.documents == ["a", "c"]
    assert store.objects.page(PageQuery(LOCATIONS, limit=2, after=page.next)) == Page(["d"], 3, None)


def test_an_object_that_the_index_shows_twice_is_returned_once(store: Store, client: DynamoDBClient) -> None:
    for second, name in enumerate("abc"):
        store.objects.put(key(name), draft(name, f"2026-01-01T00:00:0{second}Z"), expected=None)
    store.objects.put(key("a"), draft("a again", "2026-01-01T00:00:09Z"), expected=1)

    with answers(client, "Query", old_entry_of_a):
        page = store.objects.page(PageQuery(LOCATIONS, limit=10, order="last_updated"))
    assert page.documents == ["a again", "b", "c"]


def test_an_object_that_no_longer_matches_the_filter_is_left_out(store: Store, client: DynamoDBClient) -> None:
    for second, name in enumerate("abc"):
        store.objects.put(key(name), draft(name, f"2026-01-01T00:00:0{second}Z"), expected=None)
    store.objects.put(key("a"), draft("a again", "2026-01-01T00:00:09Z"), expected=1)
    query = PageQuery(LOCATIONS, limit=10, order="last_updated", updated_to="2026-01-01T00:00:09Z")

    with answers(client, "Query", old_entry_of_a):
        page = store.objects.page(query)
    assert page.documents == ["b", "c"]


@pytest.mark.parametrize("order", ["created", "last_updated"])
@pytest.mark.parametrize("left_for", [None, "*", "DE-8AA"])
def test_what_an_audience_has_lost_is_hidden_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient, left_for: str | None, order: Literal["created", "last_updated"]
) -> None:
    for second, name in enumerate("abc"):
        store.objects.put(key(name), draft(name, f"2026-01-01T00:00:0{second}Z", "NL-TNM"), expected=None)
    store.objects.put(key("a"), draft("a", "2026-01-01T00:00:00Z", left_for), expected=1)

    with answers(client, "Query", old_entry_of_a):
        page = store.objects.page(PageQuery(LOCATIONS, limit=10, order=order, audience="NL-TNM"))
    assert page.documents == ["b", "c"]


def test_what_is_no_longer_for_everybody_is_hidden_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient
) -> None:
    for second, name in enumerate("abc"):
        store.objects.put(key(name), draft(name, f"2026-01-01T00:00:0{second}Z", "*"), expected=None)
    store.objects.put(key("a"), draft("a", "2026-01-01T00:00:00Z", "NL-TNM"), expected=1)

    with answers(client, "Query", old_entry_of_a):
        page = store.objects.page(PageQuery(LOCATIONS, limit=10, order="last_updated", audience="*"))
    assert page.documents == ["b", "c"]


@pytest.mark.parametrize("lookup", [None, "another"])
def test_what_has_lost_its_lookup_is_not_found_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient, lookup: str | None
) -> None:
    store.objects.put(key("a"), draft("a", lookup=lookup), expected=None)
    store.objects.put(key("b"), draft("b", lookup="x"), expected=None)

    with answers(client, "Query", old_entry_of_a):
        assert [record.document for record in store.objects.find("x")] == ["b"]


@pytest.mark.parametrize("due", [None, "2026-01-01T00:00:09Z"])
def test_what_is_no_longer_due_is_not_handed_out_though_the_index_still_shows_it(
    store: Store, client: DynamoDBClient, due: str | None
) -> None:
    store.objects.put(key("a"), draft("a", due=due), expected=None)
    for name in "bc":
        store.objects.put(key(name), draft(name, due="2026-01-01T00:00:01Z"), expected=None)

    with answers(client, "Query", old_entry_of_a):
        handed_out = store.objects.due("2026-01-01T00:00:08Z", 1)
    assert [record.document for record in handed_out] == ["b"]


def test_what_is_due_at_its_old_and_its_new_time_is_handed_out_once(store: Store, client: DynamoDBClient) -> None:
    for second, name in enumerate("cba"):
        store.objects.put(key(name), draft(name, due=f"2026-01-01T00:00:0{second}Z"), expected=None)

    def delete_c_meanwhile(**_: Any) -> None:
        if store.objects.get(key("c")):
            store.objects.delete(key("c"), expected=1)

    with answers(client, "Query", old_entry_of_a):
        handed_out = store.objects.due("2026-01-01T00:00:08Z", 9)
        assert [record.document for record in handed_out] == ["c", "b", "a"]
        with answers(client, "Query", delete_c_meanwhile):  # so that there is room when it is met again
            handed_out = store.objects.due("2026-01-01T00:00:08Z", 3)
    assert [record.document for record in handed_out] == ["b", "a"]


def test_an_object_has_the_keys_of_those_indexes_only_that_it_is_to_be_found_in(
    store: Store, client: DynamoDBClient
) -> None:
    assert isinstance(store, DynamoDBStore)
    indexed = {"view", "addressed_key", "party_key", "lookup", "due_list", "due_key"}
    whole = draft("1", audience="NL-TNM", lookup="x", due="2026-01-01T00:00:00Z")
    everybodys, nobodys = draft("1", audience="*"), draft("1", audience=None)
    steps = [(whole, indexed), (nobodys, set()), (whole, indexed), (everybodys, {"view", "addressed_key"})]
    for expected, (wanted, keys) in zip((None, 1, 2, 3), steps, strict=True):
        store.objects.put(key("a"), wanted, expected=expected)
        item = client.get_item(TableName=store._table, Key=object_key(key("a")))["Item"]
        assert item.keys() & indexed == keys


def test_the_first_party_of_an_object_sets_its_addressed_key_which_for_everybody_is_that_of_its_creation(
    store: Store, client: DynamoDBClient
) -> None:
    keys = []
    for revision, audience in enumerate(["NL-TNM", "NL-TNM", "DE-8AA", "*", "DE-8AA", "NL-TNM", None]):
        put = store.objects.put(key("A"), draft(str(revision), audience=audience), expected=revision or None)
        assert isinstance(store, DynamoDBStore)
        item = client.get_item(TableName=store._table, Key=object_key(key("A")))["Item"]
        keys.append(item.get("addressed_key"))
        if revision in (0, 4):
            first = {"S": f"{put.received}#a"}
            assert keys[-1] == first
            assert (first == item["created_key"]) == (revision == 0)
    assert keys == [keys[0]] * 3 + [item["created_key"]] + [keys[4]] * 2 + [None]
    assert keys[4] != keys[0]


@pytest.mark.parametrize("audience", [None, "*", "NL-TNM"])
def test_counting_and_skipping_go_on_where_an_answer_ends(
    store: Store, client: DynamoDBClient, audience: str | None
) -> None:
    """DynamoDB ends an answer at 1 MB of index entries; here at two entries, of which a filter may leave none."""
    for n in range(9):
        instant = f"2026-01-01T00:00:0{n}Z"
        whole = draft(str(n), instant, audience or "NL-TNM", lookup="x", due=instant)
        others = [draft("for another", instant, "DE-8AA")] * 3 if audience else []
        drafts = {key(f"L{n}"): whole, **{key(f"L{n}{i}"): other for i, other in enumerate(others)}}
        store.objects.put_many([Write(one, written, None) for one, written in drafts.items()])

    def two_at_most(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = min(2, params.get("Limit", 2))

    client.meta.events.register("provide-client-params.dynamodb.Query", two_at_most)
    try:
        page = store.objects.page(PageQuery(LOCATIONS, limit=4, offset=3, order="last_updated", audience=audience))
        beyond = store.objects.page(PageQuery(LOCATIONS, limit=4, offset=9, audience=audience))
        found = store.objects.find("x")
        due = store.objects.due("2026-01-01T00:00:07Z", 5)
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", two_at_most)
    assert (page.documents, page.total) == (["3", "4", "5", "6"], 9)
    assert page.next
    assert beyond == Page([], 9, None)
    assert {record.document for record in found} == set("012345678")
    assert [record.document for record in due] == ["0", "1", "2", "3", "4"]


def old_entry_of_a(parsed: dict[str, Any], **_: Any) -> None:
    """An index as it was before ``a`` was updated, while its new entry, if it has one, is there already."""
    if "Items" in parsed:
        pk = {"S": f"OBJECT#{LOCATIONS}#a"}
        keys = {name: {"S": "2026-01-01T00:00:00Z#a"} for name in ("updated_key", "addressed_key")}
        old = {"pk": pk, "sk": {"S": "OBJECT"}, **keys}
        parsed["Items"] = [old, *parsed["Items"]]
