"""Whose a token is, and with it a session, a CDR or a command: no partner can say so of another's, or of our own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.named_tokens import names_anothers_token
from ocpi.objects.audience import find_audience, token_lookup
from ocpi.objects.own import OwnWrites, own_key
from ocpi.objects.received import received_collection, taking, write
from ocpi.objects.tokens import token_key
from ocpi.store.port import OWN, Partner, PartnerChange, PartnerStatus
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import ModuleRules, module_rules
from ocpi.v2_1_1.taking_rules import require_rules
from tests.support.party import fixture
from tests.support.stores import Backend, moto_backend, sqlite_backend
from tests.unit.v2_1_1.examples import example

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Record, Store

AUTH_ID, OWN_PARTY = "DE-ONE-C1", "NL-EXA"
BASES = {"sessions": "session_max", "cdrs": "cdr_max"}
both = pytest.mark.parametrize("module", ["sessions", "cdrs"])


@pytest.fixture(params=["sqlite", "moto"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with sqlite_backend(tmp_path) if request.param == "sqlite" else moto_backend() as opened:
        yield opened


def registered(store: Store, party_id: str, **changes: Any) -> Partner:
    partner = Partner(f"p-{party_id}", "EMSP", party_id, PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z")
    named = replace(partner, version="2.1.1", country_code="DE", party_id=party_id, **changes)
    return store.partners.save(PartnerChange(named, expected=None))


@pytest.fixture
def first(store: Store) -> Partner:
    return registered(store, "ONE")


@pytest.fixture
def second(store: Store) -> Partner:
    return registered(store, "TWO")


def token(**changes: Any) -> dict[str, Any]:
    return fixture("token_max", **{"uid": "U-1", "type": "RFID", "auth_id": AUTH_ID, **changes})


def gives(store: Store, partner: Partner, **changes: Any) -> Record:
    """A partner PUTs a token."""
    given = token(**changes)
    key = token_key(received_collection(partner, "tokens"), given["type"], given["uid"])
    record = update(store.objects, key, taking(require_rules("tokens"), key, given)).after
    assert record is not None
    return record


def patches(store: Store, partner: Partner, uid: str, **changes: Any) -> None:
    """A partner PATCHes a token."""
    key = token_key(received_collection(partner, "tokens"), "RFID", uid)
    write(store.objects, key, "2.1.1", lambda stored: {**(stored or {}), **changes}, lookup=token_lookup)


def rules_of(module: str) -> ModuleRules:
    found = module_rules(module)
    assert found is not None
    return found


def puts(store: Store, module: str, audience: str | None = None, **changes: Any) -> Record:
    """The operator PUTs an object of ours."""
    rules = rules_of(module)
    value = token(**changes) if module == "tokens" else {**example(BASES[module]), "auth_id": AUTH_ID, **changes}
    key = own_key(rules, rules.object_id(value))
    writes = OwnWrites(rules, store.objects, pending_minutes=30, audience=audience)
    record = update(store.objects, key, writes.put(key, rules.check_own(value))).after
    assert record is not None
    return record


def command(**changes: Any) -> dict[str, Any]:
    return fixture("cmd_start_session", token=token(**changes))


@both
@pytest.mark.parametrize("ours_comes", ["before", "after"])
def test_what_names_a_token_of_our_own_is_no_partners(
    store: Store, first: Partner, module: str, ours_comes: str
) -> None:
    if ours_comes == "before":
        puts(store, "tokens", valid=False)
    gives(store, first, uid="ANY", auth_id=AUTH_ID.lower())
    if ours_comes == "after":
        puts(store, "tokens", valid=False)
    record = puts(store, module)
    assert find_audience(store.objects, AUTH_ID) == OWN
    assert (record.audience, record.due) == (None, None)
    assert puts(store, module) == record


@pytest.mark.parametrize("ours_comes", ["before", "after"])
def test_a_card_that_a_partner_gives_too_is_the_partners(store: Store, first: Partner, ours_comes: str) -> None:
    if ours_comes == "before":
        puts(store, "tokens")
    gives(store, first, uid="u-1", auth_id=AUTH_ID.lower())
    if ours_comes == "after":
        puts(store, "tokens")
    assert puts(store, "sessions").audience == first.party


@both
def test_what_our_own_customers_did_stays_theirs_though_the_contract_goes(
    store: Store, first: Partner, module: str
) -> None:
    puts(store, "tokens")
    record = puts(store, module)
    puts(store, "tokens", auth_id="ANOTHER")
    gives(store, first, uid="ANY")
    assert puts(store, module) == record
    # What the operator itself says still counts.
    assert puts(store, module, audience=first.party).audience == first.party


@both
def test_what_a_partner_has_been_given_stays_its_own(store: Store, first: Partner, module: str) -> None:
    gives(store, first)
    record = puts(store, module)
    puts(store, "tokens")
    assert (record.audience, puts(store, module)) == (first.party, record)


@pytest.mark.parametrize("how", ["PUT", "PATCH"])
def test_an_old_token_that_takes_anothers_contract_is_given_as_of_then(
    store: Store, first: Partner, second: Partner, how: str
) -> None:
    gives(store, second, uid="OLD", auth_id="MINE")
    gives(store, first)
    if how == "PUT":
        gives(store, second, uid="OLD", auth_id=AUTH_ID)
    else:
        patches(store, second, "OLD", auth_id=AUTH_ID)
    assert find_audience(store.objects, AUTH_ID) == first.party
    patches(store, first, "U-1", valid=False)
    gives(store, first, valid=False, auth_id=AUTH_ID.lower())
    patches(store, second, "OLD", visual_number="NEW")
    assert find_audience(store.objects, AUTH_ID) == first.party


@pytest.mark.parametrize("changes", [{}, {"uid": "u-1"}, {"auth_id": AUTH_ID.lower()}, {"uid": "X"}, {"auth_id": "X"}])
@pytest.mark.parametrize("whose", ["ours", "another's", "of one that left"])
def test_a_command_with_a_token_that_is_anothers_names_it(
    store: Store, second: Partner, whose: str, changes: dict[str, Any]
) -> None:
    own_party = "DE-ONE" if whose == "ours" else OWN_PARTY
    if whose == "ours":
        puts(store, "tokens")
    else:
        status = PartnerStatus.REGISTERED if whose == "another's" else PartnerStatus.UNREGISTERED
        gives(store, registered(store, "ONE", status=status))
    assert names_anothers_token(store, second, own_party, command(**changes))


@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_whose_a_contract_is_that_names_no_party_is_not_known(store: Store, second: Partner, whose: str) -> None:
    if whose == "ours":
        puts(store, "tokens", auth_id="NL-EXM-C1")
    else:
        gives(store, registered(store, "ONE"), auth_id="NL-EXM-C1")
    assert not names_anothers_token(store, second, OWN_PARTY, command(auth_id="NL-EXM-C1"))


def test_a_command_with_a_token_that_is_its_own_or_nobodys_names_no_others(store: Store, first: Partner) -> None:
    assert not names_anothers_token(store, first, OWN_PARTY, command())
    gives(store, first)
    for changes in ({}, {"uid": "u-1"}, {"auth_id": AUTH_ID.lower()}, {"type": "OTHER"}):
        assert not names_anothers_token(store, first, OWN_PARTY, command(**changes))
    assert not names_anothers_token(store, first, OWN_PARTY, fixture("cmd_stop_session"))


def test_a_token_that_several_give_is_the_firsts_and_a_card_of_several_everyones(
    store: Store, first: Partner, second: Partner
) -> None:
    for partner, auth_id in ((first, AUTH_ID), (second, "MINE")):
        gives(store, partner, auth_id=auth_id)
    assert not names_anothers_token(store, second, OWN_PARTY, command(auth_id="MINE"))
    assert names_anothers_token(store, second, OWN_PARTY, command())
    gives(store, second, uid="STOLEN")
    assert names_anothers_token(store, second, OWN_PARTY, command(uid="STOLEN"))
    assert not names_anothers_token(store, first, OWN_PARTY, command())


def test_a_token_of_another_type_is_another_token(store: Store, first: Partner, second: Partner) -> None:
    gives(store, first)
    assert not names_anothers_token(store, second, OWN_PARTY, command(type="OTHER", auth_id="X"))
