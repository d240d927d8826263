"""What a renewal finds changed, ended or overtaken when the partner has answered, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.registration import tokens
from ocpi.registration.receiver import TAKEN, departure
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.transport.authentication import authenticate
from tests.unit.registration.scripted import BASE, DETAILS, VERSIONS, Scripted, answering, credentials, ocpi, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from tests.unit.registration.world import World


def when_it_answers(partner: Scripted, happens: Callable[[], object]) -> None:
    """Something happens once the partner has carried out a PUT."""
    request = partner.request

    def answer(method: str, url: str, **options: Any) -> Answer:
        said = request(method, url, **options)
        if method == "PUT":
            happens()
        return said

    partner.request = answer  # type: ignore[method-assign] # as said


def with_grant(world: World, partner: Partner, hashed: str, expires_at: str) -> Partner:
    grant = Grant(hashed, partner.id, "registered", expires_at=expires_at)
    changed = replace(partner, grants=(*partner.grants, hashed))
    return world.partners.save(PartnerChange(changed, expected=partner.revision, put_grants=(grant,)))


def test_a_token_that_ended_while_we_renewed_is_forgotten(
    world: World, partner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_grant(world, world.register(), "h", "2999-01-01T00:00:00.000000Z")
    when_it_answers(partner, lambda: monkeypatch.setattr(tokens, "now_precise", lambda: "3000"))
    after = world.initiator().renew(before)
    assert "h" not in after.grants
    assert world.partners.grant("h") is None
    assert after.version == "2.1.1"


def test_a_token_that_has_ended_is_forgotten_though_the_renewal_fails(world: World, partner: Scripted) -> None:
    before = with_grant(world, world.register(), "h", "2000-01-01T00:00:00.000000Z")
    answering(partner, PUT=plain(b"", 500))
    with pytest.raises(PartnerFailed):
        world.initiator().renew(before)
    assert "h" not in world.now(before).grants
    assert world.partners.grant("h") is None


def test_a_token_that_has_ended_is_forgotten_when_the_partner_renews(world: World, partner: Scripted) -> None:
    token_c = world.receiver().register(
        authenticate(world.partners, f"Token {world.invite()}", our_role="CPO"), credentials(), "2.1.1"
    )
    with_grant(world, world.known[0], "h", "2000-01-01T00:00:00.000000Z")
    world.receiver().renew(
        authenticate(world.partners, f"Token {token_c}", our_role="CPO"), credentials(token="token-d"), "2.1.1"
    )
    assert "h" not in world.known[0].grants
    assert world.partners.grant("h") is None


def test_a_renewal_says_nothing_of_a_registration_that_came_after_it_began(world: World, partner: Scripted) -> None:
    before = world.register()

    def register_anew() -> None:
        left = world.partners.save(departure(world.now(before)))
        anew = replace(left, status=PartnerStatus.REGISTERED, token="sealed", grants=("h",))
        grant = Grant("h", left.id, "registered")
        world.partners.save(PartnerChange(anew, expected=left.revision, put_grants=(grant,)))

    when_it_answers(partner, register_anew)
    with pytest.raises(StateConflict, match=r"^the registration has changed in the meantime$"):
        world.initiator().renew(before)
    assert (world.now(before).token, world.now(before).grants) == ("sealed", ("h",))


def test_versions_may_come_in_an_object(world: World, partner: Scripted) -> None:
    """Reading A-49."""
    answering(partner, GET_versions=ocpi({"versions": [{"version": "2.1.1", "url": DETAILS}]}))
    assert world.register().status is PartnerStatus.REGISTERED


@pytest.mark.parametrize("known", [VERSIONS, f"{VERSIONS}/", f"{BASE}/NL-EX"])
def test_registering_twice_is_a_conflict_however_its_url_ends(world: World, partner: Scripted, known: str) -> None:
    answering(partner, POST=ocpi(credentials(url=known)))
    world.register()
    for given in (known.rstrip("/"), f"{known.rstrip('/')}/"):
        partner.answers[f"GET {given}"] = plain(b"", 401)
        with pytest.raises(StateConflict, match=TAKEN):
            world.register(versions_url=given)


def test_a_handshake_and_its_undoing_have_their_time(world: World, partner: Scripted, budgets: list[float]) -> None:
    """API Gateway waits for 29 seconds."""
    answering(partner, POST=ocpi({"token": "token-c"}))
    with pytest.raises(PartnerFailed):
        world.register()
    assert budgets == [25.0, 2.5]


def test_token_b_opens_for_five_minutes_while_the_handshake_runs(world: World, partner: Scripted) -> None:
    seen: list[datetime] = []
    request = partner.request

    def looking(method: str, url: str, **options: Any) -> Answer:
        for each in world.partners.list():
            grant = world.partners.grant(each.grants[0])
            assert grant is not None
            seen.append(datetime.fromisoformat(str(grant.expires_at)))
        return request(method, url, **options)

    partner.request = looking  # type: ignore[method-assign] # looks while it runs
    began = datetime.now(UTC)
    world.register()
    (ends,) = seen
    assert began <= ends - timedelta(minutes=5) <= datetime.now(UTC)


def test_each_fault_of_credentials_is_told_apart(world: World, partner: Scripted) -> None:
    answering(partner, POST=ocpi(credentials(party_id="ABCD", country_code=5)))
    with pytest.raises(PartnerFailed) as failed:
        world.register()
    faults = str(failed.value).partition("not valid: ")[2].split("; ")
    assert {fault.partition(":")[0] for fault in faults} == {"/country_code", "/party_id"}


def test_what_a_faded_token_replaced_still_ends_with_its_first_use(world: World, partner: Scripted) -> None:
    """The partner lost two answers: it renews by the second token before it has used it."""
    first = world.register()
    second = world.initiator().renew(first)
    third = world.initiator().renew(second)
    assert set(third.grants[1:]) == set(second.grants)
    faded = world.partners.grant(second.grants[0])
    assert faded is not None
    assert faded.replaces == first.grants[0]
    assert faded.expires_at is not None
