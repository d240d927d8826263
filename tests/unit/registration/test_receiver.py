"""The handshake as receiver, with a partner that answers as written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import MethodNotAllowed, PartnerFailed, Unauthorized
from ocpi.exchanges.outbound import About
from ocpi.faults import Fault, Invalid
from ocpi.outbound.partner_session import PartnerSession
from ocpi.registration.receiver import CALLBACK_SECONDS, TAKEN
from ocpi.registration.tokens import OVERLAP_SECONDS
from ocpi.store.port import Conflict, Grant, PartnerChange, PartnerStatus
from ocpi.transport.authentication import authenticate, token_hash
from tests.unit.registration.scripted import (
    DETAILS,
    VERSIONS,
    Scripted,
    credentials,
    details,
    endpoints,
    ocpi,
    plain,
    willing,
)

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.transport.authentication import Caller
    from tests.unit.registration.world import World


@pytest.fixture
def partner(world: World) -> Scripted:
    world.client = willing()  # type: ignore[assignment] # in its place
    return world.client  # type: ignore[return-value] # as above


def caller(world: World, token: str) -> Caller:
    return authenticate(world.partners, f"Token {token}", our_role="CPO")


def registered(world: World, token_a: str | None = None, **changes: Any) -> str:
    """Register; returns token C."""
    shown = caller(world, token_a or world.invite())
    return world.receiver().register(shown, credentials(token="token-b", **changes), "2.1.1")


def grant_of(world: World, token: str) -> Grant | None:
    return world.partners.grant(token_hash(token))


@pytest.mark.req("CR-37")
def test_a_registration_keeps_what_the_partner_gives_and_ends_token_a(
    world: World, partner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[float] = []
    within = PartnerSession.within.__func__  # type: ignore[attr-defined] # a class method

    def noting(cls: Any, /, *args: Any, seconds: float, **options: Any) -> Any:
        budgets.append(seconds)
        return within(cls, *args, seconds=seconds, **options)

    monkeypatch.setattr(PartnerSession, "within", classmethod(noting))
    token_a = world.invite()
    (invited,) = world.known
    world.partners.save(PartnerChange(replace(invited, expires_at="2099-01-01T00:00:00Z"), expected=invited.revision))
    token_c = registered(world, token_a, country_code="de")
    assert partner.requests == ["GET /versions token-b", "GET /2.1.1 token-b"]
    assert [each["about"].partner.id for each in partner.asked] == ["invited", "invited"]
    assert [each["about"].module for each in partner.asked] == ["versions", "version_details"]
    assert budgets == [CALLBACK_SECONDS] == [10.0]
    (now,) = world.known
    assert (now.id, now.status, now.version, now.party) == ("invited", PartnerStatus.REGISTERED, "2.1.1", "DE-ABC")
    assert (now.versions_url, now.business_details, now.expires_at) == (VERSIONS, {"name": "Partner"}, None)
    assert now.endpoints == tuple(endpoints("credentials", "tokens"))
    assert now.registered_at is not None
    assert abs(datetime.fromisoformat(now.registered_at) - datetime.now(UTC)) < timedelta(seconds=2)
    assert world.ours(now) == "token-b"
    assert now.grants == (token_hash(token_c),)
    assert grant_of(world, token_c) == Grant(token_hash(token_c), "invited", "registered")
    assert grant_of(world, token_a) is None
    assert world.partners.by_party("EMSP", "DE", "ABC") == now


def test_the_partner_of_a_callback_is_the_one_that_called(world: World, partner: Scripted) -> None:
    shown = caller(world, world.invite())
    world.receiver().register(shown, credentials(), "2.1.1")
    assert partner.asked[0]["about"] == About(shown.partner, "versions")


def test_a_partners_habit_is_how_its_token_is_shown(world: World, partner: Scripted) -> None:
    token_a = world.invite()
    (invited,) = world.known
    world.partners.save(
        PartnerChange(replace(invited, settings={"token_encoding": "base64"}), expected=invited.revision)
    )
    registered(world, token_a)
    assert {each["encoding"] for each in partner.asked} == {"base64"}


@pytest.mark.req("CR-40")
@pytest.mark.parametrize(
    ("changes", "code", "step"),
    [
        ({"GET_versions": plain(b"", 401)}, 3001, "versions"),
        ({"GET_versions": ocpi([])}, 3002, "versions"),
        ({"GET_details": details("credentials")}, 3003, "version_details"),
    ],
)
def test_a_callback_that_fails_changes_nothing(world: World, changes: Any, code: int, step: str) -> None:
    world.client = willing(**changes)  # type: ignore[assignment] # in its place
    token_a = world.invite()
    (before,) = world.known
    with pytest.raises(PartnerFailed) as failed:
        registered(world, token_a)
    assert (int(failed.value.status_code), failed.value.step) == (code, step)
    (now,) = world.known
    assert now == replace(before, last_seen_at=now.last_seen_at)
    assert caller(world, token_a).grant.kind == "invitation"


@pytest.mark.req("CR-37")
def test_a_party_that_is_registered_already_is_refused_before_anybody_is_called(
    world: World, partner: Scripted
) -> None:
    registered(world)
    partner.asked.clear()
    token_a = world.invite("second")
    with pytest.raises(Invalid) as refused:
        registered(world, token_a)
    assert refused.value.faults == [Fault("/party_id", TAKEN)]
    assert TAKEN == "this party is registered already, with other credentials"
    assert partner.asked == []
    assert caller(world, token_a).grant.kind == "invitation"


def test_who_takes_the_party_in_the_meantime_has_it(world: World, partner: Scripted) -> None:
    token_a, other = world.invite(), world.invite("other")
    request = partner.request

    def meanwhile(method: str, url: str, **options: Any) -> Answer:
        if url == DETAILS:
            partner.request = request  # type: ignore[method-assign] # once
            registered(world, other)
        return request(method, url, **options)

    partner.request = meanwhile  # type: ignore[method-assign] # something happens meanwhile
    with pytest.raises(Invalid) as refused:
        registered(world, token_a)
    assert refused.value.faults == [Fault("/party_id", TAKEN)]
    assert refused.value.__cause__ is None
    assert caller(world, token_a).grant.kind == "invitation"


def test_a_party_of_our_other_role_is_another_registration(world: World, partner: Scripted) -> None:
    first = world.initiator().register("CPO", "The CPO of the same party", VERSIONS, "token-a")
    registered(world)
    assert {(each.role, each.party) for each in world.known} == {("CPO", "DE-ABC"), ("EMSP", "DE-ABC")}
    assert first.party == "DE-ABC"


def test_who_is_registered_must_renew_and_who_is_not_must_register(world: World, partner: Scripted) -> None:
    token_a = world.invite()
    for refused_call in (world.receiver().renew, lambda shown, *_: world.receiver().leave(shown)):
        with pytest.raises(MethodNotAllowed, match=r"^this party is not registered$") as before:
            refused_call(caller(world, token_a), credentials(), "2.1.1")
        assert before.value.allow == ("GET", "POST")
    token_c = registered(world, token_a)
    partner.asked.clear()
    with pytest.raises(MethodNotAllowed, match=r"^this party is registered already; use PUT to update$") as after:
        registered(world, token_c)
    assert after.value.allow == ("DELETE", "GET", "PUT")
    assert partner.asked == []


@pytest.mark.req("CR-38")
def test_a_renewal_keeps_what_is_new_and_lets_the_old_token_fade(world: World, partner: Scripted) -> None:
    token_c = registered(world)
    (before,) = world.known
    world.client = willing(GET_details=details("credentials", "cdrs"))  # type: ignore[assignment] # in its place
    given = credentials(token="token-d", country_code="de", business_details={"name": "New"})
    token_d = world.receiver().renew(caller(world, token_c), given, "2.1.1")
    (now,) = world.known
    assert (now.status, now.business_details, world.ours(now)) == (
        PartnerStatus.REGISTERED,
        {"name": "New"},
        "token-d",
    )
    assert now.endpoints == tuple(endpoints("credentials", "cdrs"))
    assert now.registered_at == before.registered_at
    old, new = token_hash(token_c), token_hash(token_d)
    assert now.grants == (new, old)
    assert grant_of(world, token_d) == Grant(new, "invited", "registered", replaces=old)
    fading = grant_of(world, token_c)
    assert fading is not None
    assert fading.expires_at is not None
    lasts = datetime.fromisoformat(fading.expires_at) - datetime.now(UTC)
    assert timedelta(seconds=OVERLAP_SECONDS - 5) < lasts <= timedelta(seconds=3600)


@pytest.mark.parametrize("changes", [{"party_id": "XYZ"}, {"country_code": "NL"}])
def test_a_registration_stays_of_one_party(world: World, partner: Scripted, changes: dict[str, str]) -> None:
    token_c = registered(world)
    partner.asked.clear()
    with pytest.raises(Invalid) as refused:
        world.receiver().renew(caller(world, token_c), credentials(**changes), "2.1.1")
    assert refused.value.faults == [
        Fault("/party_id", "a registration is of one party; unregister and register the other")
    ]
    assert partner.asked == []


@pytest.mark.req("CR-20")
def test_leaving_forgets_every_token_and_gives_the_party_back(world: World, partner: Scripted) -> None:
    token_c = registered(world)
    partner.asked.clear()
    world.receiver().leave(caller(world, token_c))
    (left,) = world.known
    assert (left.status, left.token, left.grants, left.endpoints) == (PartnerStatus.UNREGISTERED, None, (), ())
    assert left.versions_url == VERSIONS
    assert grant_of(world, token_c) is None
    assert world.partners.by_party("EMSP", "DE", "ABC") is None
    assert partner.asked == []


def test_a_token_that_was_replaced_since_it_was_shown_changes_nothing(world: World, partner: Scripted) -> None:
    token_c = registered(world)
    shown = caller(world, token_c)
    token_d = world.receiver().renew(shown, credentials(), "2.1.1")
    assert caller(world, token_d).grant.kind == "registered"
    (before,) = world.known
    with pytest.raises(Unauthorized, match=r"^this token has been replaced in the meantime$"):
        world.receiver().leave(shown)
    assert world.known == [before]


def test_a_partner_that_is_gone_is_not_authorized(
    world: World, partner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = caller(world, registered(world))

    def conflict(_: PartnerChange) -> Any:
        raise Conflict

    monkeypatch.setattr(world.partners, "save", conflict)
    monkeypatch.setattr(world.partners, "get", lambda _: None)
    with pytest.raises(Unauthorized):
        world.receiver().leave(shown)


def test_a_change_says_by_which_token_it_was_asked_for(
    world: World, partner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_c = registered(world)
    save, changes = world.partners.save, list[PartnerChange]()

    def noting(change: PartnerChange) -> Any:
        changes.append(change)
        return save(change)

    monkeypatch.setattr(world.partners, "save", noting)
    world.receiver().leave(caller(world, token_c))
    assert [each.shown for each in changes] == [token_hash(token_c)]
