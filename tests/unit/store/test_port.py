"""What the port's own values refuse, add and say, with no database behind it."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from ocpi.store.channel_document import channel_document, channel_from
from ocpi.store.deliveries import HELD, Channel, Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.exchanges import MOST_DAYS, NOBODY, Exchange, ExchangeQuery, end_of_life
from ocpi.store.partner_document import older_from, older_note, partner_document, partner_from, partner_notes
from ocpi.store.port import (
    EVERYBODY,
    MAX_DOCUMENT_BYTES,
    MAX_LOOKUP_BYTES,
    MAX_PAGE_BYTES,
    OWN,
    Collection,
    Draft,
    Grant,
    Key,
    PageQuery,
    Partner,
    PartnerChange,
    PartnerStatus,
    Record,
    TooLarge,
    Write,
    check_length,
)

AT = "2026-01-01T00:00:00.000000Z"
LOCATIONS = Collection(OWN, "locations")
PARTNER = Partner("p1", "EMSP", "One", PartnerStatus.INVITED, AT)
EXCHANGE = Exchange(AT, "p1", "in", "GET", "/ocpi", 200, 1000, 7, "c-1")


def test_words_and_limits_that_files_tables_and_partners_know() -> None:
    # Files and tables are full of these: another value would be another store.
    assert (OWN, EVERYBODY, NOBODY, HELD) == ("own", "*", "-", "9999-12-31T00:00:00.000000Z")
    assert [str(state) for state in DeliveryState] == ["pending", "delivered", "failed"]
    statuses = ["INVITED", "REGISTERING", "REGISTERED", "SUSPENDED", "UNREGISTERED"]
    assert [str(status) for status in PartnerStatus] == statuses
    assert (MAX_PAGE_BYTES, MAX_DOCUMENT_BYTES, MAX_LOOKUP_BYTES, MOST_DAYS) == (4_500_000, 4_500_000, 2048, 400)


def defaults(value: type) -> dict[str, Any]:
    known = {each.name: each.default for each in fields(value) if each.default is not MISSING}
    made = {each.name: each.default_factory() for each in fields(value) if each.default_factory is not MISSING}
    return known | made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Draft, {"findings": (), "journal": ""}),
        (Record, {"findings": (), "journal": ""}),
        (Write, {}),
        (PageQuery, {"offset": 0, "order": "created", "max_bytes": MAX_PAGE_BYTES, "counted": True}),
        (Partner, {"endpoints": (), "settings": {}, "grants": (), "learned": {}, "revision": 0}),
        (Grant, {"ends": ()}),
        (PartnerChange, {"put_grants": (), "drop_grants": (), "claim_party": False, "release_party": False}),
        (Delivery, {"attempts": 0, "unsure": False, "revision": 0}),
        (DeliveryPage, {}),
        (Channel, {"called": 0, "failures": 0, "revision": 0}),
        (Exchange, {}),
        (ExchangeQuery, {}),
    ],
)
def test_what_is_not_given_is_nothing(value: type, expected: dict[str, Any]) -> None:
    assert {name: default for name, default in defaults(value).items() if default is not None} == expected


def test_what_was_learned_of_one_partner_is_not_of_the_next() -> None:
    another = replace(PARTNER, id="p2")
    assert Partner("p3", "CPO", "x", PartnerStatus.INVITED, AT).settings is not PARTNER.settings
    assert (another.settings, another.learned) == ({}, {})


def test_a_collection_is_read_as_it_is_written() -> None:
    for text, owner, module in (("own/cdrs", "own", "cdrs"), ("NL-A/B/cdrs", "NL-A/B", "cdrs")):
        assert Collection.parse(text) == Collection(owner, module)
        assert str(Collection(owner, module)) == text


def test_ids_are_compared_without_letter_case() -> None:
    assert Key(LOCATIONS, "RFID/ÄbC").folded_id == "rfid/äbc"
    assert DeliveryKey("p1", "tokens", "RFID/ÄbC").folded_id == "rfid/äbc"


def test_a_document_may_be_as_long_as_an_answer_and_not_a_byte_longer() -> None:
    check_length("é" * (MAX_DOCUMENT_BYTES // 2))
    with pytest.raises(TooLarge) as refused:
        check_length("é" * (MAX_DOCUMENT_BYTES // 2) + "x")
    assert str(refused.value) == "it has 4500001 bytes, 4500000 are possible"
    compressed = TooLarge(5, 4, compressed=True)
    assert str(compressed) == "it has 5 bytes after compression, 4 are possible"


def test_a_lookup_is_as_long_as_the_key_of_an_index() -> None:
    for lookup in ("x", "é" * (MAX_LOOKUP_BYTES // 2), None):
        assert Draft("2.1.1", "{}", AT, lookup=lookup).lookup == lookup


def test_a_lookup_of_another_length_is_refused() -> None:
    for lookup in ("", "é" * (MAX_LOOKUP_BYTES // 2) + "x"):
        with pytest.raises(ValueError, match=r"^a lookup has 1 to 2048 bytes$"):
            Draft("2.1.1", "{}", AT, lookup=lookup)


def test_a_record_names_its_write_and_can_be_drafted_anew() -> None:
    record = Record(Key(LOCATIONS, "L1"), "2.1.1", "{}", AT, "*", 3, AT, "later", "x", AT, ("One.",), "j")
    same = Draft("2.1.1", "{}", AT, "*", "x", AT, ("One.",), "j")

    assert record.write == f"3-{AT}"
    assert record.draft() == same
    assert record.draft(document="[]", due=None) == replace(same, document="[]", due=None)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"updated_from": AT}, "a filter on last_updated needs order='last_updated'"),
        ({"updated_to": AT}, "a filter on last_updated needs order='last_updated'"),
        ({"order": "last_updated", "created_from": AT}, "a filter on the order of arrival needs order='created'"),
        ({"limit": 0}, "limit must be at least 1 and offset at least 0"),
        ({"offset": -1}, "limit must be at least 1 and offset at least 0"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        PageQuery(**{"collection": LOCATIONS, "limit": 1, **wrong})


@pytest.mark.parametrize(
    "right",
    [
        {"limit": 1, "offset": 0},
        {"created_from": AT},
        {"order": "last_updated", "updated_from": AT, "updated_to": AT},
    ],
)
def test_a_query_that_can_be_meant_is_taken(right: dict[str, Any]) -> None:
    assert PageQuery(**{"collection": LOCATIONS, "limit": 1, **right}).limit == 1


@pytest.mark.parametrize(
    ("country_code", "party_id", "party"),
    [("NL", "TNM", "NL-TNM"), ("NL", None, None), (None, "TNM", None), ("", "TNM", None), (None, None, None)],
)
def test_a_partner_is_a_party_when_it_has_said_all_of_it(
    country_code: str | None, party_id: str | None, party: str | None
) -> None:
    assert replace(PARTNER, country_code=country_code, party_id=party_id).party == party


@pytest.mark.parametrize(
    ("replaces", "ends", "note"), [(None, (), None), ("a", (), "a"), ("a", ("b", "c"), "a b c"), (None, ("b",), "b")]
)
def test_what_a_grant_ends_is_what_it_replaces_and_what_came_before(
    replaces: str | None, ends: tuple[str, ...], note: str | None
) -> None:
    grant = Grant("h", "p1", "registered", replaces=replaces, ends=ends)

    assert " ".join(grant.older) == (note or "")
    assert older_note(grant) == note
    read = Grant("h", "p1", "registered", **older_from(note))
    assert read.older == grant.older


def test_a_change_must_say_what_becomes_of_the_token_that_was_shown() -> None:
    new = Grant("a", "p1", "registered")
    assert PartnerChange(PARTNER, 1, drop_grants=("a",), shown="a").shown == "a"
    assert PartnerChange(PARTNER, 1, put_grants=(new,), shown="a").shown == "a"
    assert PartnerChange(PARTNER, 1, put_grants=(new,), drop_grants=("b",), shown="a").shown == "a"
    with pytest.raises(ValueError, match=r"^the change says nothing of the token that was shown$"):
        PartnerChange(PARTNER, 1, drop_grants=("b",), shown="a")


def test_a_partner_is_read_as_it_is_written_down() -> None:
    noted = replace(
        PARTNER, settings={"a": [1]}, endpoints=({"identifier": "x"},), grants=("h",), learned={"way": "ä"}, revision=4
    )
    notes = partner_notes(replace(noted, last_seen_at=AT))

    assert notes == {"last_seen_at": AT, "learned": '{"way":"ä"}'}
    document = partner_document(noted)
    read = partner_from(document, revision=4, notes=notes)
    assert read == replace(noted, last_seen_at=AT)
    assert read.status is PartnerStatus.INVITED
    assert partner_from(document, revision=4, notes={}) == replace(noted, learned={})


def test_what_a_document_of_an_earlier_release_says_of_notes_counts_for_nothing() -> None:
    old = json.dumps(json.loads(partner_document(PARTNER)) | {"last_synced_at": "old", "learned": {"a": "b"}})

    assert partner_from(old, revision=0, notes={"behind_since": AT}) == replace(PARTNER, behind_since=AT)


def test_a_channel_is_read_as_it_is_written_down() -> None:
    channel = Channel("p1", "2026", 2, 3, "a", "b", "c", "d", "e", "f", "söme", 9)

    assert "partner_id" not in channel_document(channel)
    assert channel_from("p1", channel_document(channel), revision=9) == channel
    assert channel_document(Channel("p1")) == '{"called":0,"failures":0}'


@pytest.mark.parametrize(("state", "due"), [("pending", None), ("delivered", AT), ("failed", AT)])
def test_a_delivery_that_is_due_without_being_pending_says_so(state: str, due: str | None) -> None:
    with pytest.raises(ValueError, match=f"^a {state} delivery with due {due}$"):
        Delivery(DeliveryKey("p1", "cdrs", "C1"), DeliveryState(state), AT, due=due)


# --- exchanges


@pytest.mark.parametrize("fields_of_it", [{}, {"http_status": None, "ocpi_status": None, "problem": "ä"}])
def test_an_exchange_is_read_as_it_is_written_down(fields_of_it: dict[str, Any]) -> None:
    exchange = replace(EXCHANGE, **fields_of_it)

    assert Exchange.read(exchange.written()) == exchange
    assert "null" not in exchange.written()


@pytest.mark.parametrize(
    ("asked", "given", "taken"),
    [
        ({}, {}, True),
        ({"http_status": 200}, {}, True),
        ({"http_status": 2}, {}, True),
        ({"http_status": 2}, {"http_status": 299}, True),
        ({"http_status": 2}, {"http_status": 300}, False),
        ({"http_status": 201}, {}, False),
        ({"http_status": 100}, {"http_status": 100}, True),
        ({"http_status": 100}, {"http_status": 101}, False),
        ({"http_status": 1}, {"http_status": 101}, True),
        ({"http_status": 0}, {"http_status": None}, True),
        ({"http_status": 0}, {}, False),
        ({"http_status": 2}, {"http_status": None}, False),
        ({"ocpi_status": 1000}, {}, True),
        ({"ocpi_status": 2000}, {}, False),
        ({"ocpi_status": 1000}, {"ocpi_status": None}, False),
        ({"direction": "in"}, {}, True),
        ({"direction": "out"}, {}, False),
        ({"direction": "out", "http_status": 200, "ocpi_status": 1000}, {}, False),
        ({"direction": "in", "http_status": 200, "ocpi_status": 1000}, {}, True),
    ],
)
def test_an_exchange_is_taken_by_its_statuses_and_direction(
    asked: dict[str, Any], given: dict[str, Any], taken: bool
) -> None:
    assert ExchangeQuery(1, **asked).takes(replace(EXCHANGE, **given)) is taken
    assert ExchangeQuery(1, **asked).is_picky == bool(asked)


def test_who_asks_by_partner_object_and_time_is_not_picky() -> None:
    assert not ExchangeQuery(1, "p1", "s", at_from=AT, at_to=AT, after="x").is_picky


@pytest.mark.parametrize("at", [AT, "2026-01-01T02:00:00+02:00"])
def test_an_exchange_is_kept_for_days_from_its_beginning(at: str) -> None:
    assert end_of_life(at, 3).isoformat() == "2026-01-04T00:00:00+00:00"
