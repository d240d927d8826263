"""Whenever the process dies in a handshake, what was valid before is valid still, and repeating succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.errors import PartnerFailed
from ocpi.store.port import PartnerStatus
from ocpi.transport.authentication import token_hash
from tests.unit.registration.killer import every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.registration.killer import When
    from tests.unit.registration.world import World

pytestmark = pytest.mark.parametrize("when", ["before", "after"])


@pytest.mark.req("CR-28")
def test_receiving_a_registration_happens_as_a_whole_or_not_at_all(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = new_world()
        token_a = world.invite()
        with killer:
            world.post(token_a, killer)
        (partner,) = world.known
        if partner.status is PartnerStatus.INVITED:
            assert world.partner.opens(token_a) == "invitation"
            assert (partner.token, partner.party, partner.endpoints) == (None, None, ())
            world.post(token_a)
        elif killer.died:
            # The answer with token C was lost, so the operator begins anew; the party is not held against it.
            assert world.partners.grant(token_hash(token_a)) is None
            assert (partner.party, len(partner.grants)) == ("DE-ABC", 1)
            assert world.ours(partner) in world.partner.ours
            world.initiator().leave(partner, force=True)
            world.post(world.invite("invited again"))
        assert world.both_can_call(world.known[-1])


@pytest.mark.req("CR-14", "CR-38")
def test_receiving_a_renewal_leaves_the_old_token_open_until_the_new_one_is_used(
    when: When, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        token_c = world.post(world.invite())
        (partner,) = world.known
        with killer:
            world.put(token_c, killer)
        assert world.partner.opens(token_c) == "registered"
        assert world.ours(partner) in world.partner.ours
        token_d = world.put(token_c)
        assert world.both_can_call(partner)
        assert world.partner.opens(token_d) == "registered"
        assert world.partner.opens(token_c) is None


@pytest.mark.req("CR-20")
def test_being_left_happens_as_a_whole_or_not_at_all(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = new_world()
        token_c = world.post(world.invite())
        with killer:
            world.delete(token_c, killer)
        (partner,) = world.known
        if partner.status is PartnerStatus.REGISTERED:
            assert world.both_can_call(partner)
            world.delete(token_c)
        (partner,) = world.known
        assert (partner.status, partner.token, partner.grants) == (PartnerStatus.UNREGISTERED, None, ())
        assert world.partner.opens(token_c) is None


@pytest.mark.req("CR-45")
def test_a_registration_that_we_began_leaves_nothing_behind_unless_it_is_complete(
    when: When, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        with killer:
            world.register(killer)
        if killer.died and not world.known:
            assert world.partner.opens(world.partner.on_us) in (None, "handshake")
            if world.partner.invitation is None:
                # For the partner its token A is used up: in 2.1.1 nothing but another invitation helps.
                with pytest.raises(PartnerFailed):
                    world.register()
                world.partner.invitation = "token-a"
            world.register()
        (partner,) = world.known
        assert partner.status is PartnerStatus.REGISTERED
        assert world.both_can_call(partner)


@pytest.mark.req("CR-44")
def test_a_renewal_that_we_began_leaves_every_token_open_that_the_partner_may_hold(
    when: When, new_world: Callable[[], World]
) -> None:
    for killer in every_step(when):
        world = new_world()
        partner, before = world.register(), world.partner.on_us
        with killer:
            world.initiator(killer).renew(partner)
        if killer.died:
            assert world.partner.opens(before) == "registered"
            assert world.both_can_call(partner)
            world.initiator().renew(world.now(partner))
        assert world.partner.on_us != before
        assert world.both_can_call(partner)
        assert world.partner.opens(before) is None


@pytest.mark.req("CR-46")
def test_leaving_is_as_a_whole_or_not_at_all_and_can_be_repeated(when: When, new_world: Callable[[], World]) -> None:
    for killer in every_step(when):
        world = new_world()
        partner = world.register()
        token_b = world.partner.on_us
        with killer:
            world.initiator(killer).leave(partner, force=False)
        if world.now(partner).status is PartnerStatus.REGISTERED:
            assert world.partner.opens(token_b) == "registered"
            # By force, since the partner may have let us go already.
            world.initiator().leave(world.now(partner), force=True)
        left = world.now(partner)
        assert (left.status, left.token, left.grants) == (PartnerStatus.UNREGISTERED, None, ())
        assert world.partner.opens(token_b) is None
