"""Tokens that partners use on us."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ocpi.store.port import Grant, Partner, Partners
from ocpi.times import now_precise
from ocpi.transport.authentication import token_hash

INVITATION_SECONDS = 7 * 24 * 3600
OVERLAP_SECONDS = 3600
"""How long a token that was replaced still opens, if the new one is not used before."""
HANDSHAKE_SECONDS = 300
"""How long a token that we offer in a handshake opens before the handshake has ended."""
MOST_ENDED = 8
"""How many successors that were never used the first use of a later one ends; more just have their hour. Each is looked
for at each use of that one, and one transaction of DynamoDB takes them all.
"""
MOST_UNUSED = 16
"""Unused successors that open beside the newest one, and offers that open beside it. A partner that renews in a loop
would otherwise have thousands within their hour, more than an item of DynamoDB has room for. It holds the one by which
it asks, or one of the last that it was answered; sixteen answers are not on their way at once.
"""


def new_token() -> str:
    """256 random bits behind a prefix by which secret scanners and people recognize it; 48 characters."""
    return f"ocpi_{secrets.token_urlsafe(32)}"


def in_seconds(seconds: int) -> str:
    """The instant so many seconds from now, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def registered(partner_id: str, token: str, *, replaces: str | None = None, expires_at: str | None = None) -> Grant:
    """The grant of a registered partner's token."""
    return Grant(token_hash(token), partner_id, "registered", expires_at=expires_at, replaces=replaces)


def fading(partner_id: str, hashed: str, replaced: Grant | None = None) -> Grant:
    """The grant of a token that has been replaced: the partner may not have got the new one yet. Its first use still
    ends what it replaced itself when it was ``replaced``.
    """
    grant = replaced or Grant(hashed, partner_id, "registered")
    return replace(grant, kind="registered", expires_at=in_seconds(OVERLAP_SECONDS))


@dataclass(frozen=True, slots=True)
class Succession:
    """What becomes of a partner's grants when it gets a new token; fits a :class:`~ocpi.store.port.PartnerChange`."""

    grants: tuple[str, ...]
    put: tuple[Grant, ...]
    drop: tuple[str, ...]


def succession(partners: Partners, partner: Partner, token: str, *, replaces: str, began: Partner) -> Succession:
    """``token`` comes first and ends the one that it ``replaces`` (a hash) at its first use, or after an hour.

    So it does with earlier successors: whoever asked again may have lost the answer that held one, or not, so each
    opens until a later one is used, whose first use shows that the partner has that. What an earlier one replaces
    ends with the first use of that one as well. Of more than :data:`MOST_UNUSED` the oldest end now.

    Not so with those that came since the renewal ``began``: they are of another renewal at the same time, from this
    side or the other; which of the two the partner took for the last is not known, so they stay. Nor with an offer of
    a handshake whose end one side has not seen: the partner may be about to use it, and it has an end of its own.
    """
    new = token_hash(token)
    live = _live(partners, (*partner.grants, replaces), but=new)
    used = _used(live)
    kept = _newest(live, replaces)
    shown = kept.pop(replaces, None)
    since = _come_since(partner, began)
    endless = [grant for grant in kept.values() if grant.expires_at is None and grant.hash not in since]
    # What is endless has never been another's to end, and what is another's to end has an end already.
    overtaken = {older for grant in (*endless, shown) if grant is not None for older in (grant.hash, *grant.older)}
    # The used one before all others: it is the one that whoever else knows an old token most likely knows.
    ends = tuple(sorted((hashed for hashed in kept if hashed in overtaken), key=lambda known: known not in used))
    grants = (new, *kept, replaces)
    return Succession(
        grants,
        put=(
            replace(registered(partner.id, token, replaces=replaces), ends=ends[:MOST_ENDED]),
            fading(partner.id, replaces, shown),
            *(fading(partner.id, grant.hash, grant) for grant in endless),
        ),
        drop=tuple(known for known in partner.grants if known not in grants),
    )


def offer(partners: Partners, partner: Partner, token: str) -> Succession:
    """``token`` opens for an hour beside all others: the partner may take it, and that may never be known. What has
    ended goes, and of unused ones what is too much.
    """
    offered = registered(partner.id, token, expires_at=in_seconds(OVERLAP_SECONDS))
    kept = _newest(_live(partners, partner.grants, but=offered.hash), partner.grants[0])
    # The newest of all stays in front, whether it opens or not: by it the next renewal knows what came since.
    grants = (*(known for known in partner.grants if known in kept or known == partner.grants[0]), offered.hash)
    return Succession(grants, put=(offered,), drop=tuple(known for known in partner.grants if known not in grants))


def _live(partners: Partners, hashes: tuple[str, ...], *, but: str) -> dict[str, Grant]:
    """Those that open now, in their order."""
    now = now_precise()
    found = {known: partners.grant(known) for known in hashes if known != but}
    return {known: grant for known, grant in found.items() if grant is not None and (grant.expires_at or "~") > now}


def _used(live: dict[str, Grant]) -> tuple[str, ...]:
    """The token that was used last, if it was replaced: another one ends it, and it has nothing left to end itself.
    Of several it is the one that was replaced first: the others are successors whose own forerunner is gone.
    """
    ended = {older for grant in live.values() for older in grant.older}
    roots = [grant for grant in live.values() if grant.hash in ended and live.keys().isdisjoint(grant.older)]
    return tuple(grant.hash for grant in sorted(roots, key=_age)[:1])


def _newest(live: dict[str, Grant], stays: str) -> dict[str, Grant]:
    """Without the oldest of more unused ones than are kept, in the same order. Never without the one that ``stays``,
    nor the one that was used last.
    """
    ended = {older for grant in live.values() for older in grant.older}
    unused = [grant for grant in live.values() if grant.hash not in (stays, *_used(live))]
    # Apart, so that a loop of renewals from one side drops nothing that the other side is about to be told.
    offers = [grant for grant in unused if not grant.older and grant.hash not in ended and grant.expires_at]
    successors = [grant for grant in unused if grant not in offers]
    dropped = {
        grant.hash for kind in (offers, successors) for grant in sorted(kind, key=_age, reverse=True)[MOST_UNUSED:]
    }
    return {known: grant for known, grant in live.items() if known not in dropped}


def _age(grant: Grant) -> str:
    """Sorts as they came: each has its hour from when it was replaced or offered, and what was neither is newer."""
    return grant.expires_at or "~"


def _come_since(partner: Partner, began: Partner) -> tuple[str, ...]:
    """The tokens of renewals that ended since then, newest first. A renewal puts its token before all others, so they
    are in front of what came first then; if that is gone, it may be any of them.
    """
    first = began.grants[0]
    return partner.grants[: partner.grants.index(first)] if first in partner.grants else partner.grants
