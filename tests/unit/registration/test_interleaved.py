"""Two things at once on one registration: no token is lost that either side may be using."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed
from ocpi.store.port import PartnerStatus
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
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


def test_a_renewal_that_the_partner_repeats_ends_no_token_that_it_may_have_got(world: World) -> None:
    token_c = world.post(world.invite())
    first, second = world.put(token_c), world.put(token_c)
    assert [world.partner.opens(token) for token in (first, second)] == ["registered", "registered"]
    assert world.partner.opens(token_c) is None


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
