"""We leave a partner, which answers as written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.registration.receiver import departure
from ocpi.store.port import Grant, PartnerChange, PartnerStatus
from tests.unit.registration.scripted import (
    Scripted,
    answering,
    endpoints,
    plain,
)

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.registration.world import World


@pytest.mark.req("CR-46")
def test_leaving_asks_the_partner_and_forgets_every_token(world: World, partner: Scripted) -> None:
    before = world.register()
    partner.asked.clear()
    left = world.initiator().leave(before, force=False)
    assert partner.requests == ["DELETE /2.1.1/credentials token-c"]
    assert partner.asked[0]["body"] is None
    assert left == world.now(before)
    assert (left.status, left.token, left.grants, left.endpoints) == (PartnerStatus.UNREGISTERED, None, (), ())
    assert world.partners.grant(before.grants[0]) is None
    assert world.partners.by_party("EMSP", "DE", "ABC") is None


@pytest.mark.req("CR-46")
def test_a_partner_that_does_not_play_along_is_left_by_force_only(world: World, partner: Scripted) -> None:
    before = world.register()
    answering(partner, DELETE=plain(b"", 500))
    with pytest.raises(PartnerFailed):
        world.initiator().leave(before, force=False)
    assert world.now(before) == before
    assert world.initiator().leave(before, force=True).status is PartnerStatus.UNREGISTERED


def test_a_partner_without_a_credentials_endpoint_can_be_left_by_force_only(world: World, partner: Scripted) -> None:
    registered = world.register()
    bare = world.partners.save(
        PartnerChange(replace(registered, endpoints=tuple(endpoints("tokens"))), expected=registered.revision)
    )
    partner.asked.clear()
    with pytest.raises(PartnerFailed, match=r"^the partner has no credentials endpoint$") as failed:
        world.initiator().leave(bare, force=False)
    assert (failed.value.step, int(failed.value.status_code), failed.value.http_status) == ("credentials", 3003, None)
    assert world.initiator().leave(bare, force=True).status is PartnerStatus.UNREGISTERED
    assert partner.asked == []


@pytest.mark.parametrize("change", ["removed", "invited"])
def test_leaving_what_became_something_else_meanwhile_is_refused(world: World, partner: Scripted, change: str) -> None:
    before = world.register()
    request = partner.request

    def meanwhile(method: str, url: str, **options: Any) -> Answer:
        left = world.partners.save(departure(before))
        if change == "removed":
            world.partners.remove(left)
        else:
            invited = replace(left, status=PartnerStatus.INVITED, grants=("h",))
            grant = Grant("h", left.id, "invitation")
            world.partners.save(PartnerChange(invited, expected=left.revision, put_grants=(grant,)))
        return request(method, url, **options)

    partner.request = meanwhile  # type: ignore[method-assign] # something happens meanwhile
    with pytest.raises(StateConflict, match=r"^the registration has changed in the meantime$"):
        world.initiator().leave(before, force=False)
