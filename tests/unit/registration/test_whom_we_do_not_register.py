"""Who cannot be a partner, in each of the four flows: ourselves, and who says that it is where we may not call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.faults import Fault, Invalid
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient
from ocpi.registration.our_credentials import is_our_party
from ocpi.registration.receiver import OURS
from ocpi.store.port import PartnerStatus
from ocpi.transport.authentication import authenticate
from tests.unit.registration import world as worlds
from tests.unit.registration.scripted import VERSIONS, Scripted, answering, credentials, ocpi

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from tests.unit.registration.world import World

INNER = "http://169.254.169.254/"
OURSELVES = {"country_code": "nl", "party_id": "exa"}


def caller(world: World, token: str) -> Caller:
    return authenticate(world.partners, f"Token {token}", our_role="CPO")


def registered(world: World) -> str:
    """A partner that registered with us; returns its token."""
    return world.receiver().register(caller(world, world.invite()), credentials(token="token-b"), "2.1.1")


def unchanged(world: World, before: list[Any]) -> None:
    """But for when the partner was seen last."""
    assert [replace(now, last_seen_at=None) for now in world.known] == [
        replace(known, last_seen_at=None) for known in before
    ]


@pytest.mark.req("CR-40")
@pytest.mark.parametrize(
    "url", [INNER, "https://10.0.0.1/versions", "https://versions.lan/", "http://partner.example/"]
)
def test_a_partner_that_posts_or_puts_a_url_that_may_not_be_called_is_refused(
    world: World, partner: Scripted, url: str
) -> None:
    token_c = registered(world)
    token_a = world.invite("second")
    before = world.known

    def resolve(*_: Any) -> Any:
        pytest.fail("resolved")

    world.client = PartnerClient(AddressGuard(False, resolve))
    receiver = world.receiver()
    for flow, token, party_id in ((receiver.renew, token_c, "ABC"), (receiver.register, token_a, "XYZ")):
        with pytest.raises(PartnerFailed) as failed:
            flow(caller(world, token), credentials(url=url, party_id=party_id), "2.1.1")
        assert (int(failed.value.status_code), failed.value.step) == (3001, "versions")
    unchanged(world, before)
    assert {caller(world, token_a).grant.kind, caller(world, token_c).grant.kind} == {"invitation", "registered"}


@pytest.mark.req("CR-45")
def test_a_partner_that_answers_our_post_with_a_url_that_may_not_be_called_is_taken_back(
    world: World, partner: Scripted
) -> None:
    partner.forbidden = (INNER,)
    answering(partner, POST=ocpi(credentials(url=INNER)))
    with pytest.raises(PartnerFailed, match="/url: is an address that we may not call") as failed:
        world.register()
    assert (int(failed.value.status_code), failed.value.step, failed.value.http_status) == (3001, "credentials", 200)
    assert partner.requests[-1] == "DELETE /2.1.1/credentials token-c"
    assert world.partners.list() == []


def test_a_partner_that_answers_our_put_with_a_url_that_may_not_be_called_keeps_the_old_one(
    world: World, partner: Scripted
) -> None:
    found = world.register()
    partner.forbidden = (INNER,)
    answering(partner, PUT=ocpi(credentials(url=INNER, token="token-d")))
    with pytest.raises(PartnerFailed, match="/url: is an address that we may not call"):
        world.initiator().renew(found)
    now = world.now(found)
    assert (now.status, now.versions_url, world.ours(now)) == (PartnerStatus.REGISTERED, VERSIONS, "token-c")
    assert not any(asked.startswith("DELETE") for asked in partner.requests)


def test_who_posts_as_ourselves_is_refused_before_anybody_is_called(world: World, partner: Scripted) -> None:
    token_a = world.invite()
    before = world.known
    with pytest.raises(Invalid) as refused:
        world.receiver().register(caller(world, token_a), credentials(**OURSELVES), "2.1.1")
    assert refused.value.faults == [Fault("/party_id", OURS)]
    assert OURS == "this is our own party, in a role that we play ourselves"
    assert partner.asked == []
    unchanged(world, before)
    assert caller(world, token_a).grant.kind == "invitation"


def test_who_puts_as_ourselves_is_refused_before_anybody_is_called(world: World, partner: Scripted) -> None:
    token_c = registered(world)
    before = world.known
    partner.asked.clear()
    with pytest.raises(Invalid) as refused:
        world.receiver().renew(caller(world, token_c), credentials(**OURSELVES), "2.1.1")
    assert refused.value.faults == [Fault("/party_id", OURS)]
    assert partner.asked == []
    unchanged(world, before)


def test_who_answers_our_post_as_ourselves_is_taken_back(world: World, partner: Scripted) -> None:
    answering(partner, POST=ocpi(credentials(**OURSELVES)))
    with pytest.raises(StateConflict, match=f"^{OURS}$"):
        world.register()
    assert partner.requests[-1] == "DELETE /2.1.1/credentials token-c"
    assert world.partners.list() == []


def test_who_answers_our_put_as_ourselves_stays_the_party_that_it_was(world: World, partner: Scripted) -> None:
    found = world.register()
    answering(partner, PUT=ocpi(credentials(**OURSELVES)))
    assert world.initiator().renew(found).party == "DE-ABC"
    assert world.partners.by_party("EMSP", "NL", "EXA") is None


@pytest.mark.parametrize(
    ("roles", "role", "changes", "ours"),
    [
        (("CPO", "EMSP"), "EMSP", {}, True),
        (("CPO", "EMSP"), "CPO", {}, True),
        (("CPO",), "CPO", {}, True),
        (("CPO",), "EMSP", {}, False),
        (("EMSP",), "CPO", {}, False),
        (("CPO", "EMSP"), "EMSP", {"country_code": "DE"}, False),
        (("CPO", "EMSP"), "EMSP", {"party_id": "EXB"}, False),
    ],
)
def test_another_system_of_our_company_may_play_the_role_that_we_do_not(
    roles: Any, role: Any, changes: dict[str, str], ours: bool
) -> None:
    settings = replace(worlds.SETTINGS, roles=roles)
    assert is_our_party(settings, role, credentials(**{**OURSELVES, **changes})) is ours
