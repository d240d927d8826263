"""Partners, the tokens that they use on us, and which party is whose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartnerStatus, PartyTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partners, Store
    from tests.support.stores import Backend

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def invited(partner_id: str = "p1", **fields: Any) -> Partner:
    return Partner(
        **{
            "id": partner_id,
            "role": "EMSP",
            "name": "The Näme",
            "status": PartnerStatus.INVITED,
            "invited_at": "2026-01-01T00:00:00.000000Z",
        }
        | fields
    )


def new(partner: Partner, *grants: Grant, claim: bool = False) -> PartnerChange:
    return PartnerChange(partner, None, put_grants=grants, claim_party=claim)


def registered(partner_id: str = "p1", **fields: Any) -> Partner:
    party = {"country_code": "NL", "party_id": "TNM", "status": PartnerStatus.REGISTERED}
    return invited(partner_id, **(party | fields))


def test_a_partner_is_kept_with_every_field(store: Store) -> None:
    partner = Partner(
        id="p1",
        role="CPO",
        name="Ladesäulen €",
        status=PartnerStatus.REGISTERED,
        invited_at="2026-01-01T00:00:00.000001Z",
        version="2.1.1",
        country_code="NL",
        party_id="TNM",
        business_details={"name": "X", "logo": {"url": "https://x", "width": 12, "deep": [1, None, True]}},
        versions_url="https://example.com/versions",
        endpoints=({"identifier": "locations", "url": "https://example.com/l"}, {"identifier": "cdrs", "url": "u"}),
        settings={"push": {"locations": False}, "page_size": 10},
        token="sealed",
        grants=(A, B),
        expires_at="2026-01-08T00:00:00.000000Z",
        registered_at="2026-01-02T00:00:00.000000Z",
        last_seen_at="2026-01-03T00:00:00.000000Z",
        last_synced_at="2026-01-04T00:00:00.000000Z",
        behind_since="2026-01-05T00:00:00.000000Z",
        learned={"token_encoding": "base64", "trailing_slash": "add"},
    )
    saved = store.partners.save(new(partner))

    assert saved == replace(partner, revision=1)
    assert store.partners.get("p1") == saved
    assert store.partners.list() == [saved]


def test_an_unknown_partner_is_not_there(store: Store) -> None:
    assert store.partners.get("p1") is None
    assert store.partners.list() == []
    assert store.partners.by_party("EMSP", "NL", "TNM") is None
    assert store.partners.grant(A) is None


def test_each_save_counts_the_revision(store: Store) -> None:
    saved = store.partners.save(new(invited()))
    again = store.partners.save(PartnerChange(replace(saved, name="Other"), 1))

    assert again == replace(invited(), name="Other", revision=2)
    assert store.partners.get("p1") == again


@pytest.mark.parametrize("expected", [None, 1, 3])
def test_saving_over_another_revision_is_a_conflict_and_changes_nothing(store: Store, expected: int | None) -> None:
    store.partners.save(new(invited(), Grant(A, "p1", "invitation")))
    current = store.partners.save(PartnerChange(invited(name="Second"), 1))
    change = PartnerChange(
        registered(), expected, put_grants=(Grant(B, "p1", "registered"),), drop_grants=(A,), claim_party=True
    )

    with pytest.raises(Conflict):
        store.partners.save(change)
    assert store.partners.get("p1") == current
    assert store.partners.grant(A)
    assert store.partners.grant(B) is None
    assert store.partners.by_party("EMSP", "NL", "TNM") is None


def test_saving_a_partner_that_is_gone_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict):
        store.partners.save(PartnerChange(invited(), 1))
    assert store.partners.get("p1") is None


def test_a_party_is_found_whatever_the_letter_case(store: Store) -> None:
    saved = store.partners.save(new(registered(country_code="nl", party_id="Tnm"), claim=True))

    assert store.partners.by_party("EMSP", "NL", "TNM") == saved
    assert store.partners.by_party("EMSP", "nL", "tnM") == saved
    assert store.partners.by_party("CPO", "NL", "TNM") is None
    assert store.partners.by_party("EMSP", "DE", "TNM") is None


def test_a_party_that_was_not_claimed_is_nobodys(store: Store) -> None:
    store.partners.save(new(registered()))

    assert store.partners.by_party("EMSP", "NL", "TNM") is None


def test_a_claim_needs_a_party(store: Store) -> None:
    with pytest.raises(ValueError, match="p1"):
        store.partners.save(new(invited(), claim=True))
    assert store.partners.get("p1") is None


@pytest.mark.req("TF-08")
def test_a_party_belongs_to_one_partner_of_a_role(store: Store) -> None:
    store.partners.save(new(registered("p1"), claim=True))
    store.partners.save(new(invited("p2"), Grant(A, "p2", "invitation")))
    change = PartnerChange(
        registered("p2", party_id="tnm"), 1, (Grant(B, "p2", "registered"),), drop_grants=(A,), claim_party=True
    )

    with pytest.raises(PartyTaken):
        store.partners.save(change)
    assert store.partners.get("p2") == invited("p2", revision=1)
    assert store.partners.grant(A)
    assert store.partners.grant(B) is None
    other_role = store.partners.save(new(registered("p3", role="CPO"), claim=True))
    assert store.partners.by_party("CPO", "NL", "TNM") == other_role


def test_conflict_wins_over_a_taken_party(store: Store) -> None:
    store.partners.save(new(registered("p1"), claim=True))
    store.partners.save(new(invited("p2")))

    with pytest.raises(Conflict):
        store.partners.save(new(registered("p2"), claim=True))


def test_claiming_ones_own_party_again_is_harmless(store: Store) -> None:
    store.partners.save(new(registered(), claim=True))
    again = store.partners.save(PartnerChange(registered(name="Again"), 1, claim_party=True))

    assert store.partners.by_party("EMSP", "NL", "TNM") == again


def test_a_claim_stays_when_other_things_change(store: Store) -> None:
    store.partners.save(new(registered(), claim=True))
    renamed = store.partners.save(PartnerChange(registered(name="Renamed"), 1))

    assert store.partners.by_party("EMSP", "NL", "TNM") == renamed


def test_a_released_party_is_free_for_another(store: Store) -> None:
    store.partners.save(new(registered("p1"), claim=True))
    store.partners.save(PartnerChange(registered("p1", status=PartnerStatus.UNREGISTERED), 1, release_party=True))

    assert store.partners.by_party("EMSP", "NL", "TNM") is None
    taken = store.partners.save(new(registered("p2"), claim=True))
    assert store.partners.by_party("EMSP", "NL", "TNM") == taken


def test_releasing_a_party_that_another_holds_takes_nothing_from_it(store: Store) -> None:
    holder = store.partners.save(new(registered("p1"), claim=True))
    store.partners.save(new(registered("p2")))

    store.partners.save(PartnerChange(registered("p2"), 1, release_party=True))
    assert store.partners.by_party("EMSP", "NL", "TNM") == holder


def test_a_partner_that_becomes_another_party_leaves_its_old_one(store: Store) -> None:
    store.partners.save(new(registered(), claim=True))
    moved = store.partners.save(PartnerChange(registered(party_id="NEW"), 1, claim_party=True))

    assert store.partners.by_party("EMSP", "NL", "NEW") == moved
    assert store.partners.by_party("EMSP", "NL", "TNM") is None


@pytest.mark.req("TF-08")
def test_grants_are_kept_replaced_and_dropped(store: Store) -> None:
    first = Grant(A, "p1", "invitation", expires_at="2026-01-08T00:00:00.000000Z")
    store.partners.save(new(invited(), first))
    assert store.partners.grant(A) == first

    second = Grant(B, "p1", "registered", replaces=C)
    store.partners.save(PartnerChange(invited(), 1, put_grants=(second,), drop_grants=(A, "never there")))
    assert store.partners.grant(A) is None
    assert store.partners.grant(B) == second

    third = Grant(B, "p1", "handshake", expires_at="2020-01-01T00:00:00Z")
    store.partners.save(PartnerChange(invited(), 2, put_grants=(third,), drop_grants=(B,)))
    assert store.partners.grant(B) == third


def test_the_first_use_of_a_renewed_token_ends_the_old_one(store: Store) -> None:
    renewed = Grant(B, "p1", "registered", replaces=A)
    store.partners.save(new(invited(), Grant(A, "p1", "registered"), renewed))

    for _ in range(2):
        store.partners.settle(renewed)
        assert store.partners.grant(A) is None
        assert store.partners.grant(B) == renewed


@pytest.mark.req("CR-14")
def test_the_first_use_of_the_newest_token_ends_all_older_ones(store: Store) -> None:
    newest = Grant(C, "p1", "registered", replaces=A, ends=(B, "d" * 64))
    older = tuple(Grant(each, "p1", "registered", replaces=A) for each in (B, "d" * 64))
    store.partners.save(new(invited(), Grant(A, "p1", "registered"), *older, newest))
    assert store.partners.grant(C) == newest

    store.partners.settle(newest)
    assert [store.partners.grant(each) for each in (A, B, "d" * 64)] == [None] * 3
    assert store.partners.grant(C) == newest


@pytest.mark.req("CR-14", "CR-37")
@pytest.mark.parametrize("fading", [True, False])
def test_a_change_asked_for_with_a_token_that_is_gone_by_then_is_a_conflict_and_changes_nothing(
    store: Store, fading: bool
) -> None:
    renewed = Grant(B, "p1", "registered", replaces=A)
    before = store.partners.save(new(invited(), Grant(A, "p1", "registered"), renewed))
    new_grant = Grant(C, "p1", "registered", replaces=A)
    old = Grant(A, "p1", "registered", expires_at="2999-01-01T00:00:00.000000Z")
    grants = (new_grant, old) if fading else (new_grant,)
    change = PartnerChange(
        registered(grants=(C, A)), 1, grants, drop_grants=() if fading else (A,), claim_party=True, shown=A
    )
    store.partners.settle(renewed)

    with pytest.raises(Conflict):
        store.partners.save(change)
    assert store.partners.get("p1") == before
    assert (store.partners.grant(A), store.partners.grant(C)) == (None, None)
    assert store.partners.by_party("EMSP", "NL", "TNM") is None

    store.partners.save(replace(change, shown=B, drop_grants=(A, B), put_grants=(new_grant,)))
    assert store.partners.grant(C) == new_grant


def test_a_change_says_what_becomes_of_the_token_that_was_shown_for_it() -> None:
    with pytest.raises(ValueError, match="says nothing"):
        PartnerChange(invited(), 1, put_grants=(Grant(B, "p1", "registered"),), drop_grants=(C,), shown=A)


def test_settling_a_grant_that_replaces_nothing_drops_nothing(store: Store) -> None:
    store.partners.save(new(invited(), Grant(A, "p1", "registered")))

    store.partners.settle(Grant(A, "p1", "registered"))
    assert store.partners.grant(A)


def test_a_removed_partner_leaves_no_grant_and_no_claim(store: Store) -> None:
    store.partners.save(new(invited(), Grant(A, "p1", "invitation"), Grant(C, "p1", "handshake")))
    change = PartnerChange(
        registered(grants=(B,)), 1, (Grant(B, "p1", "registered"),), drop_grants=(A,), claim_party=True
    )
    saved = store.partners.save(change)
    other = store.partners.save(new(registered("p2", party_id="OTH"), Grant(A, "p2", "registered"), claim=True))

    store.partners.remove(saved)
    assert store.partners.list() == [other]
    assert store.partners.get("p1") is None
    assert store.partners.grant(B) is None
    assert store.partners.grant(C) is None
    assert store.partners.grant(A)
    assert store.partners.by_party("EMSP", "NL", "TNM") is None
    assert store.partners.by_party("EMSP", "NL", "OTH") == other


def test_removing_another_revision_is_a_conflict_and_changes_nothing(store: Store) -> None:
    first = store.partners.save(new(registered(), Grant(A, "p1", "registered"), claim=True))
    second = store.partners.save(PartnerChange(registered(name="Second"), 1))

    with pytest.raises(Conflict):
        store.partners.remove(first)
    assert store.partners.by_party("EMSP", "NL", "TNM") == second
    assert store.partners.grant(A)
    store.partners.remove(second)
    with pytest.raises(Conflict):
        store.partners.remove(second)


def test_partners_are_listed_oldest_invitation_first(store: Store) -> None:
    for partner_id, day in (("a", 3), ("b", 1), ("c", 2), ("d", 1)):
        store.partners.save(new(invited(partner_id, invited_at=f"2026-01-0{day}T00:00:00.000000Z")))

    assert [partner.id for partner in store.partners.list()] == ["b", "d", "c", "a"]


AT = "2026-05-01T00:00:00.000000Z"
LATER = "2026-05-02T00:00:00.000000Z"
NOTES: dict[str, tuple[Callable[[Partners], None], dict[str, Any]]] = {
    "seen": (lambda partners: partners.seen("p1", AT), {"last_seen_at": AT}),
    "synced": (lambda partners: partners.synced("p1", AT), {"last_synced_at": AT}),
    "behind": (lambda partners: partners.mark_behind("p1", AT), {"behind_since": AT}),
    "not behind": (lambda partners: partners.mark_behind("p1", None), {"behind_since": None}),
    "learned": (
        lambda partners: partners.learn("p1", {"trailing_slash": "ädd"}),
        {"learned": {"trailing_slash": "ädd"}},
    ),
    "unlearned": (lambda partners: partners.learn("p1", {}), {"learned": {}}),
}


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("before", [{}, {"behind_since": LATER, "learned": {"token_encoding": "base64"}}])
def test_a_note_on_a_partner_does_not_touch_the_revision(store: Store, note: str, before: dict[str, Any]) -> None:
    saved = store.partners.save(new(invited(**before)))
    take, noted = NOTES[note]
    take(store.partners)

    assert store.partners.get("p1") == replace(saved, **noted)
    assert store.partners.list() == [replace(saved, **noted)]


@pytest.mark.parametrize("note", NOTES)
def test_a_save_does_not_turn_back_what_was_noted_since_the_partner_was_read(store: Store, note: str) -> None:
    saved = store.partners.save(new(invited(behind_since=LATER, learned={"token_encoding": "base64"})))
    take, noted = NOTES[note]
    take(store.partners)
    store.partners.save(PartnerChange(replace(saved, name="New"), 1))

    assert store.partners.get("p1") == replace(saved, **noted, name="New", revision=2)


@pytest.mark.parametrize("note", NOTES)
def test_a_note_on_an_unknown_partner_makes_none(store: Store, note: str) -> None:
    take, _ = NOTES[note]
    take(store.partners)

    assert store.partners.get("p1") is None
    assert store.partners.list() == []


def test_an_earlier_instant_does_not_replace_a_later_one(store: Store) -> None:
    saved = store.partners.save(new(invited()))
    for at in (LATER, AT):
        store.partners.seen("p1", at)
        store.partners.synced("p1", at)

    assert store.partners.get("p1") == replace(saved, last_seen_at=LATER, last_synced_at=LATER)


def test_what_was_learned_replaces_what_was_known(store: Store) -> None:
    saved = store.partners.save(new(invited(learned={"token_encoding": "base64"})))
    store.partners.learn("p1", {"trailing_slash": "add"})

    assert store.partners.get("p1") == replace(saved, learned={"trailing_slash": "add"})


def test_of_concurrent_saves_exactly_one_wins(backend: Backend) -> None:
    store = backend.open()
    store.partners.save(new(invited(), Grant(A, "p1", "invitation")))

    def register(number: int) -> int | None:
        token_hash = str(number) * 64
        change = PartnerChange(
            registered(name=str(number)), 1, (Grant(token_hash, "p1", "registered"),), (A,), claim_party=True
        )
        try:
            backend.open().partners.save(change)
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(4) as pool:
        winners = [number for number in pool.map(register, range(4)) if number is not None]
    partner = store.partners.get("p1")
    assert partner
    assert [partner.name] == [str(number) for number in winners]
    assert [n for n in range(4) if store.partners.grant(str(n) * 64)] == winners
    assert store.partners.grant(A) is None


def test_of_concurrent_claims_to_a_party_exactly_one_wins(backend: Backend) -> None:
    def claim(number: int) -> str | None:
        try:
            return backend.open().partners.save(new(registered(f"p{number}"), claim=True)).id
        except PartyTaken:
            return None

    with ThreadPoolExecutor(4) as pool:
        winners = [partner_id for partner_id in pool.map(claim, range(4)) if partner_id]
    store = backend.open()
    holder = store.partners.by_party("EMSP", "NL", "TNM")
    assert holder
    assert winners == [holder.id]
    assert store.partners.list() == [holder]
