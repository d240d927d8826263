"""Partners, the tokens that they use on us, and the parties that they hold: each must agree with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.delivery.recipients import CONNECTED
from ocpi.doctor.entry import Flaw
from ocpi.doctor.names import INSTANT
from ocpi.times import now_precise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.doctor.entry import Claim
    from ocpi.doctor.world import World
    from ocpi.store.port import Grant, Partner

KINDS = ("invitation", "handshake", "registered")


def partner_flaws(partner: Partner, world: World) -> Iterator[Flaw]:
    """What is wrong with a partner."""
    for token_hash in partner.grants:
        if len(world.listed.get(token_hash, ())) > 1:
            yield Flaw(
                "names a token that another partner names too",
                "renew the credentials of both (POST /operator/partners/<id>/credentials)",
            )
        grant = world.grants.get(token_hash)
        if grant is not None and grant.partner_id != partner.id:
            yield Flaw(
                "names a token that belongs to another partner",
                "renew its credentials (POST /operator/partners/<id>/credentials)",
            )
    if partner.status not in CONNECTED:
        return
    if partner.party is None or partner.token is None:
        yield Flaw("is registered without a party or without our token for it", "have it register anew")
        return
    if not any(_opens(world.grants.get(token_hash), partner) for token_hash in partner.grants):
        yield Flaw(
            "has no token that opens anything",
            "renew its credentials (POST /operator/partners/<id>/credentials), or invite it anew",
        )
    holder = world.claims.get((partner.role, partner.party.upper()))
    if holder is None:
        yield Flaw("does not hold its own party", "give it back", lambda: world.shelf.claim(partner))
    elif holder != partner.id:
        yield Flaw(
            "has a party that another partner holds", "have one of the two leave (DELETE /operator/partners/<id>)"
        )


def grant_flaws(grant: Grant, world: World, delete: Callable[[], bool]) -> Iterator[Flaw]:
    """What is wrong with a token; one that no partner names opens nothing."""
    if grant.kind not in KINDS or (grant.expires_at is not None and not INSTANT.fullmatch(grant.expires_at)):
        yield Flaw("is of an unknown kind, or ends at no instant", "renew the credentials of its partner")
    if grant.partner_id in world.unreadable:
        return
    partner = world.partners.get(grant.partner_id)
    if partner is None:
        yield Flaw("belongs to a partner that is not there", "delete it: it opens nothing", delete)
    elif grant.hash not in partner.grants:
        yield Flaw("is not one that its partner names", "delete it: it opens nothing", delete)


def claim_flaws(claim: Claim, world: World, delete: Callable[[], bool]) -> Iterator[Flaw]:
    """What is wrong with the holding of a party; a wrong one keeps whose party it is from registering."""
    if claim.partner_id in world.unreadable:
        return
    partner = world.partners.get(claim.partner_id)
    if partner is None:
        yield Flaw("is held by a partner that is not there", "give it free", delete)
    elif partner.role != claim.role or (partner.party or "").upper() != claim.party:
        yield Flaw("is held by a partner of another party", "give it free", delete)


def _opens(grant: Grant | None, partner: Partner) -> bool:
    return (
        grant is not None
        and grant.partner_id == partner.id
        and grant.kind == "registered"
        and (grant.expires_at or "~") > now_precise()
    )
