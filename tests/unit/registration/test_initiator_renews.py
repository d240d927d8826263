"""We renew credentials with a partner, request by request; it answers as written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.registration.initiator import HANDSHAKE_BUDGET_SECONDS
from ocpi.store.port import Grant, PartnerChange, PartnerStatus
from ocpi.transport.authentication import token_hash
from tests.unit.registration.scripted import (
    Scripted,
    answering,
    credentials,
    details,
    endpoints,
    ocpi,
    plain,
    unreachable,
)

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.registration.world import World


def within_a_second(text: str | None, instant: datetime) -> bool:
    return text is not None and abs(datetime.fromisoformat(text) - instant) < timedelta(seconds=2)


@pytest.mark.req("CR-44")
def test_a_renewal_offers_a_token_and_keeps_the_one_that_comes_back(
    world: World, partner: Scripted, budgets: list[float]
) -> None:
    before = world.register()
    partner.asked.clear()
    seen: list[Any] = []
    request = partner.request

    def looking(method: str, url: str, **options: Any) -> Answer:
        if method == "PUT":
            now = world.now(before)
            seen.extend((now, world.partners.grant(now.grants[-1])))
        return request(method, url, **options)

    partner.request = looking  # type: ignore[method-assign] # looks while it runs
    answering(
        partner,
        GET_details=details("credentials", "cdrs"),
        PUT=ocpi(credentials(token="token-d", business_details={"name": "New"})),
    )
    after = world.initiator().renew(before)
    assert partner.requests == ["GET /versions token-c", "GET /2.1.1 token-c", "PUT /2.1.1/credentials token-c"]
    assert {each["about"].partner.id for each in partner.asked} == {before.id}
    assert budgets[-1] == HANDSHAKE_BUDGET_SECONDS
    offer, grant = seen
    assert offer.grants[:-1] == before.grants
    assert (grant.kind, grant.partner_id, grant.replaces) == ("registered", before.id, None)
    assert within_a_second(grant.expires_at, datetime.now(UTC) + timedelta(hours=1))
    assert token_hash(json.loads(partner.asked[2]["body"])["token"]) == grant.hash
    assert (world.ours(after), after.business_details) == ("token-d", {"name": "New"})
    assert after.endpoints == tuple(endpoints("credentials", "cdrs"))
    assert after.grants == (grant.hash, *before.grants)
    assert world.partners.grant(grant.hash) == Grant(grant.hash, before.id, "registered", replaces=before.grants[0])


@pytest.mark.parametrize("status", [each for each in PartnerStatus if each is not PartnerStatus.REGISTERED])
def test_only_what_is_registered_can_be_renewed(world: World, partner: Scripted, status: PartnerStatus) -> None:
    registered = world.register()
    partner.asked.clear()
    with pytest.raises(StateConflict, match=f"^the partner is {status}, not REGISTERED$"):
        world.initiator().renew(replace(registered, status=status))
    assert partner.asked == []


@pytest.mark.req("CR-44")
@pytest.mark.parametrize(
    ("answer", "may_be_taken"),
    [
        *((unreachable(kind), True) for kind in ("timeout", "too_large", "broken")),
        *((unreachable(kind), False) for kind in ("refused_address", "dns", "connect", "tls")),
        (ocpi(status_code=2000), False),
        (ocpi(status_code=3001), False),
        (plain(b"", 300), False),
        (plain(b"", 401), False),
        (plain(b"", 499), False),
        (plain(b"", 500), True),
        (plain(b"", 503), True),
        (ocpi(status_code=3001, http_status=500), True),
        (ocpi({"token": "x"}, http_status=299, status_code=1999), True),
        (plain({}), True),
    ],
)
def test_an_offer_is_taken_back_unless_the_partner_may_have_acted_on_it(
    world: World, partner: Scripted, answer: Any, may_be_taken: bool
) -> None:
    before = world.register()
    answering(partner, PUT=answer)
    with pytest.raises(PartnerFailed):
        world.initiator().renew(before)
    now = world.now(before)
    offered = token_hash(json.loads(partner.asked[-1]["body"])["token"])
    assert now.grants == ((*before.grants, offered) if may_be_taken else before.grants)
    assert (world.partners.grant(offered) is not None) is may_be_taken
    assert world.ours(now) == "token-c"
    assert partner.asked[-1]["method"] == "PUT", "no renewal is taken back by unregistering"


def test_a_renewal_whose_registration_ends_meanwhile_is_refused(world: World, partner: Scripted) -> None:
    before = world.register()
    request = partner.request

    def leaving(method: str, url: str, **options: Any) -> Answer:
        answer = request(method, url, **options)
        if method == "PUT":
            world.initiator().leave(world.now(before), force=True)
        return answer

    partner.request = leaving  # type: ignore[method-assign] # something happens meanwhile
    with pytest.raises(StateConflict, match=r"^the registration has changed in the meantime$"):
        world.initiator().renew(before)
    assert world.now(before).status is PartnerStatus.UNREGISTERED


def test_a_renewal_that_another_overtook_is_said_to_be_under_way(world: World, partner: Scripted) -> None:
    before = world.register()
    world.rename(before)
    world.initiator().renew(world.now(before))
    with pytest.raises(StateConflict, match=r"^another renewal is under way$"):
        world.initiator().renew(before)


def test_a_partners_habit_is_how_its_token_is_shown(world: World, partner: Scripted) -> None:
    registered = world.register()
    settled = world.partners.save(
        PartnerChange(replace(registered, settings={"token_encoding": "base64"}), expected=registered.revision)
    )
    world.initiator().renew(settled)
    assert {each["encoding"] for each in partner.asked[3:]} == {"base64"}
