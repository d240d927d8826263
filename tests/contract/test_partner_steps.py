"""What a step of a registration touches, and that it touches nothing beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartnerStatus, PartyTaken

if TYPE_CHECKING:
    from ocpi.store.port import Store

EARLY, AT, LATER = (f"2026-05-0{day}T00:00:00.000000Z" for day in (1, 2, 3))
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
P1 = Partner("p1", "EMSP", "One", PartnerStatus.REGISTERED, AT, country_code="NL", party_id="TNM")
P2 = replace(P1, id="p2", name="Two", party_id="TWO")


def save(store: Store, partner: Partner, *grants: Grant, claim: bool = False) -> Partner:
    return store.partners.save(PartnerChange(partner, None, grants, claim_party=claim))


def test_the_party_of_a_removed_partner_is_free_for_another(store: Store) -> None:
    store.partners.remove(save(store, P1, claim=True))

    heir = save(store, replace(P2, party_id="TNM"), claim=True)
    assert store.partners.by_party("EMSP", "NL", "TNM") == heir


def test_a_dropped_token_takes_no_other_with_it(store: Store) -> None:
    kept, others = Grant(B, "p1", "registered"), Grant(C, "p2", "registered")
    save(store, P1, Grant(A, "p1", "invitation"), kept)
    save(store, P2, others)
    store.partners.save(PartnerChange(P1, 1, drop_grants=(A,)))

    assert [store.partners.grant(each) for each in (A, B, C)] == [None, kept, others]


def test_a_token_that_ends_others_leaves_those_of_other_partners(store: Store) -> None:
    newest, others = Grant(B, "p1", "registered", replaces=A), Grant(C, "p2", "registered")
    save(store, P1, Grant(A, "p1", "registered"), newest)
    save(store, P2, others)
    store.partners.settle(newest)

    assert [store.partners.grant(each) for each in (A, B, C)] == [None, newest, others]


def test_a_grant_is_replaced_by_another_of_its_hash(store: Store) -> None:
    save(store, P1, Grant(A, "p1", "registered", expires_at=AT, replaces=B, ends=(C,)))
    bare = Grant(A, "p1", "handshake")
    store.partners.save(PartnerChange(P1, 1, put_grants=(bare,)))

    assert store.partners.grant(A) == bare


def test_notes_are_of_one_partner(store: Store) -> None:
    save(store, P1)
    other = save(store, replace(P2, behind_since=EARLY, learned={"way": "a"}, last_seen_at=EARLY))
    store.partners.seen("p1", AT)
    store.partners.synced("p1", LATER)
    store.partners.mark_behind("p1", AT)
    store.partners.learn("p1", {"way": "b"})

    assert store.partners.get("p2") == other
    noted = replace(P1, last_seen_at=AT, last_synced_at=LATER, behind_since=AT, learned={"way": "b"}, revision=1)
    assert store.partners.get("p1") == noted


def test_the_state_of_a_partner_comes_back_as_one(store: Store) -> None:
    save(store, P1)
    kept = store.partners.get("p1")

    assert kept is not None
    assert kept.status is PartnerStatus.REGISTERED
    assert (type(kept.endpoints), type(kept.grants)) == (tuple, tuple)


def test_a_claim_without_a_party_says_whose_it_is(store: Store) -> None:
    nameless = replace(P1, party_id=None)
    with pytest.raises(ValueError, match=r"^partner p1 has no party to claim$"):
        save(store, nameless, claim=True)


def test_a_refusal_names_the_partner_or_the_party(store: Store) -> None:
    save(store, P1, claim=True)
    for change in (PartnerChange(P1, None), PartnerChange(P1, 7), PartnerChange(P1, 1, (), (A,), shown=A)):
        with pytest.raises(Conflict, match=r"^p1$"):
            store.partners.save(change)
    with pytest.raises(Conflict, match=r"^p1$"):
        store.partners.remove(replace(P1, revision=7))
    with pytest.raises(PartyTaken, match=r"^NL-TNM$"):
        save(store, replace(P2, party_id="TNM"), claim=True)
