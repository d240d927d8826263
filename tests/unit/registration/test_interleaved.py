"""Two things at once on one registration: no token is lost that either side may be using."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.store.port import PartnerChange, PartnerStatus
from ocpi.transport.authentication import authenticate, token_hash
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.store.port import Grant, Partner
    from ocpi.transport.authentication import Caller
    from tests.unit.registration.world import World


def test_what_the_operator_changes_during_a_registration_does_not_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_a = world.invite()
    (partner,) = world.known
    seal = world.vault.seal

    def renamed_meanwhile(plain: str, *, about: str) -> str:
        world.rename(partner)
        return seal(plain, about=about)

    monkeypatch.setattr(world.vault, "seal", renamed_meanwhile)
    world.post(token_a)
    assert world.now(partner).name == "Another name"
    assert world.both_can_call(partner)


def test_what_the_operator_changes_during_a_renewal_is_kept(world: World) -> None:
    partner = world.register()
    world.partner.before_answer = lambda _: world.rename(partner)
    world.initiator().renew(partner)
    assert world.now(partner).name == "Another name"
    assert world.both_can_call(partner)


@pytest.mark.req("CR-14", "CR-44")
def test_renewals_from_both_sides_at_once_leave_both_sides_able_to_call(world: World) -> None:
    partner = world.register()
    before = str(world.partner.on_us)
    received: list[str] = []

    def renew_too(_: str) -> None:
        offered, opens = world.partner.on_us, set(world.partner.ours)
        received.append(world.put(before))
        world.partner.on_us, world.partner.ours = offered, world.partner.ours | opens

    world.partner.before_answer = renew_too
    world.initiator().renew(partner)
    assert world.both_can_call(partner)
    assert world.partner.opens(received[0]) == "registered"
    assert len(endless(world, partner)) == 2


@pytest.mark.req("CR-44")
def test_two_renewals_at_once_leave_both_sides_able_to_call(world: World) -> None:
    partner = world.register()

    def renew_again(_: str) -> None:
        world.partner.before_answer = lambda _: None
        world.initiator().renew(world.now(partner))

    world.partner.before_answer = renew_again
    world.initiator().renew(partner)
    assert world.both_can_call(partner)
    assert len(endless(world, partner)) == 2
    world.initiator().renew(world.now(partner))
    assert world.both_can_call(partner)
    assert len(endless(world, partner)) == 1


def test_what_the_operator_changes_as_a_renewal_begins_does_not_end_it(world: World) -> None:
    partner = world.register()
    world.rename(partner)
    assert world.initiator().renew(partner).name == "Another name"


def test_a_renewal_that_another_one_has_overtaken_is_refused(world: World) -> None:
    partner = world.register()
    world.initiator().renew(partner)
    with pytest.raises(StateConflict):
        world.initiator().renew(partner)
    assert world.both_can_call(partner)


def endless(world: World, partner: Partner) -> list[str]:
    """The tokens that the partner may use on us for ever, as far as we know now."""
    grants = [world.partners.grant(hashed) for hashed in world.now(partner).grants]
    return [grant.hash for grant in grants if grant is not None and grant.expires_at is None]


@pytest.mark.req("CR-14")
def test_a_renewal_that_the_partner_repeats_ends_no_token_that_it_may_have_got(world: World) -> None:
    token_c = world.post(world.invite())
    first, second = world.put(token_c), world.put(token_c)
    assert world.partner.opens(first) == "registered"
    assert world.partner.opens(token_c) is None
    assert [world.partner.opens(token) for token in (first, second)] == ["registered", "registered"]
    assert [world.partner.opens(token) for token in (first, second)] == [None, "registered"]


@pytest.mark.req("CR-14")
@pytest.mark.parametrize("renewals", [2, 3, 6])
def test_the_first_use_of_the_last_of_many_renewals_ends_every_older_token(world: World, renewals: int) -> None:
    token_c = world.post(world.invite())
    *older, last = (world.put(token_c) for _ in range(renewals))
    assert world.partner.opens(last) == "registered"
    assert [world.partner.opens(token) for token in (token_c, *older)] == [None] * renewals
    assert world.partner.opens(last) == "registered"


@pytest.mark.req("CR-14")
def test_a_partner_that_renews_with_an_earlier_token_than_the_last_ends_both_with_the_next(world: World) -> None:
    token_c = world.post(world.invite())
    first, second = world.put(token_c), world.put(token_c)
    third = world.put(first)
    assert world.partner.opens(token_c) is None
    assert world.partner.opens(third) == "registered"
    assert [world.partner.opens(token) for token in (first, second)] == [None, None]


@pytest.mark.req("CR-14", "CR-44")
def test_a_token_that_we_are_offering_is_not_ended_by_a_renewal_of_the_partner(world: World) -> None:
    partner = world.register()
    before = str(world.partner.on_us)

    def renew_and_use_it(_: str) -> None:
        offered, opens = world.partner.on_us, set(world.partner.ours)
        assert world.partner.opens(world.put(before)) == "registered"
        world.partner.on_us, world.partner.ours = offered, world.partner.ours | opens

    world.partner.before_answer = renew_and_use_it
    world.initiator().renew(partner)
    assert world.both_can_call(partner)


@pytest.mark.req("CR-14", "CR-44")
def test_an_offer_taken_while_the_partner_renews_is_not_ended_by_that_renewal(world: World) -> None:
    partner = world.register()
    before = str(world.partner.on_us)
    callers: list[Caller] = []

    def begin_too(_: str) -> None:
        callers.append(authenticate(world.partners, f"Token {before}", our_role="CPO"))

    world.partner.before_answer = begin_too
    world.initiator().renew(partner)
    offered = str(world.partner.on_us)
    issued = world.partner.new_token()
    world.partner.ours.add(issued)
    received = world.receiver().renew(callers[0], world.partner.credentials(issued), "2.1.1")
    assert world.partner.opens(received) == "registered"
    assert world.partner.opens(offered) == "registered"
    assert set(endless(world, partner)) == {token_hash(received), token_hash(offered)}


@pytest.mark.req("CR-14")
@pytest.mark.parametrize("initiator", [True, False])
def test_a_replaced_token_ends_after_an_hour_even_if_the_new_one_is_never_used(world: World, initiator: bool) -> None:
    partner = world.register()
    before = str(world.partner.on_us)
    if initiator:
        world.initiator().renew(partner)
    else:
        world.put(before)
    grant = world.partners.grant(token_hash(before))
    assert grant is not None
    assert grant.expires_at is not None
    lasts = datetime.fromisoformat(grant.expires_at) - datetime.now(UTC)
    assert timedelta(minutes=59) < lasts <= timedelta(hours=1)


def test_the_first_use_of_a_new_token_is_noted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.put(world.post(world.invite()))
    settled: list[str] = []
    settle = world.partners.settle

    def noting(grant: Grant) -> None:
        settled.append(grant.hash)
        settle(grant)

    monkeypatch.setattr(world.partners, "settle", noting)
    for _ in range(3):
        assert world.partner.opens(token) == "registered"
    assert settled == [token_hash(token)]


def test_tokens_do_not_pile_up_over_many_renewals(world: World) -> None:
    token = world.post(world.invite())
    for _ in range(10):
        token = world.put(token)
    (partner,) = world.known
    assert len(partner.grants) == 2


@pytest.mark.req("CR-46")
def test_leaving_at_the_same_moment_as_the_partner_succeeds(world: World) -> None:
    partner = world.register()
    token_b = str(world.partner.on_us)
    world.partner.before_answer = lambda _: world.delete(token_b)
    assert world.initiator().leave(partner, force=False).status is PartnerStatus.UNREGISTERED


def test_leaving_by_force_needs_no_token_of_the_partner(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    partner = world.register()

    def damaged(sealed: str, *, about: str) -> str:
        raise SealBroken("the sealed text is damaged")

    monkeypatch.setattr(world.vault, "open", damaged)
    with pytest.raises(SealBroken):
        world.initiator().leave(partner, force=False)
    assert world.initiator().leave(partner, force=True).status is PartnerStatus.UNREGISTERED


def test_a_registration_that_cannot_be_kept_is_taken_back_at_the_partner(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(plain: str, *, about: str) -> str:
        raise ConnectionError("the vault cannot be reached")

    monkeypatch.setattr(world.vault, "seal", unusable)
    with pytest.raises(ConnectionError):
        world.register()
    assert world.partner.used[-1] == "DELETE /2.1.1/credentials token-001"
    assert (world.partners.list(), world.partner.ours) == ([], set())


def test_a_registration_whose_last_database_answer_was_lost_is_not_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = world.partners.save

    def losing(change: Any) -> Any:
        saved = save(change)
        if saved.status is PartnerStatus.REGISTERED:
            raise ConnectionError("the answer was lost")
        return saved

    monkeypatch.setattr(world.partners, "save", losing)
    with pytest.raises(ConnectionError):
        world.register()
    (partner,) = world.known
    assert partner.status is PartnerStatus.REGISTERED
    assert world.both_can_call(partner)


@pytest.mark.req("CR-44")
@pytest.mark.parametrize(
    ("changes", "still_open"),
    [
        ({"status_code": 3001, "data": ...}, None),
        ({"data": {"token": "d"}}, "registered"),
        ({"data": ...}, "registered"),
    ],
    ids=["refused", "credentials_that_are_not_valid", "no_credentials"],
)
def test_the_token_of_a_failed_renewal_opens_only_if_the_partner_may_have_taken_it(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], still_open: str | None
) -> None:
    partner, before = world.register(), world.partner.on_us
    request = world.partner.request

    def answering(method: str, url: str, **options: Any) -> Any:
        answer = request(method, url, **options)
        return changed(answer, changes) if method == "PUT" else answer

    monkeypatch.setattr(world.partner, "request", answering)
    with pytest.raises(PartnerFailed) as failed:
        world.initiator().renew(partner)
    assert failed.value.step == "credentials"
    assert world.partner.opens(world.partner.on_us) == still_open
    assert world.partner.opens(before) == "registered"


def changed(answer: Answer, changes: dict[str, Any]) -> Answer:
    envelope = {**json.loads(answer.body), **changes}
    return replace(answer, body=json.dumps({k: v for k, v in envelope.items() if v is not ...}).encode())


def test_a_handshake_that_died_is_forgotten_by_a_later_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(plain: str, *, about: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.vault, "seal", killed)
    with pytest.raises(KeyboardInterrupt):
        world.register()
    monkeypatch.undo()
    (died,) = world.partners.list()
    assert died.status is PartnerStatus.REGISTERING

    world.partners.save(PartnerChange(replace(died, invited_at="2020-01-01T00:00:00Z"), expected=died.revision))
    world.partner.invitation = "token-a"
    registered = world.register()
    assert [partner.id for partner in world.partners.list()] == [registered.id]
