"""Tokens that partners use on us."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ocpi.store.port import Grant, Partner, Partners
from ocpi.times import now_precise
from ocpi.transport.authentication import token_hash

INVITATION_SECONDS = 7 * 24 * 3600
OVERLAP_SECONDS = 3600
"""How long a token that was replaced still opens, if the new one is not used before."""
HANDSHAKE_SECONDS = 300
"""How long a token that we offer in a handshake opens before the handshake has ended."""


def new_token() -> str:
    """256 random bits behind a prefix by which secret scanners and people recognize it; 48 characters."""
    return f"ocpi_{secrets.token_urlsafe(32)}"


def in_seconds(seconds: int) -> str:
    """The instant so many seconds from now, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def registered(partner_id: str, token: str, *, replaces: str | None = None, expires_at: str | None = None) -> Grant:
    """The grant of a registered partner's token."""
    return Grant(token_hash(token), partner_id, "registered", expires_at=expires_at, replaces=replaces)


def fading(partner_id: str, hashed: str) -> Grant:
    """The grant of a token that has been replaced: the partner may not have got the new one yet."""
    return Grant(hashed, partner_id, "registered", expires_at=in_seconds(OVERLAP_SECONDS))


@dataclass(frozen=True, slots=True)
class Succession:
    """What becomes of a partner's grants when it gets a new token; fits a :class:`~ocpi.store.port.PartnerChange`."""

    grants: tuple[str, ...]
    put: tuple[Grant, ...]
    drop: tuple[str, ...]


def succession(partners: Partners, partner: Partner, token: str, *, replaces: str, began: Partner) -> Succession:
    """``token`` comes first and ends the one that it ``replaces`` (a hash) at its first use, or after an hour.

    Any other token is of a handshake whose end one side has not seen. The partner may be using it, so it opens for
    another hour too. Those that came since the renewal ``began`` are of another renewal at the same time, from this
    side or the other; which of the two the partner took for the last is not known, so they stay.
    """
    new, now = token_hash(token), now_precise()
    found = {known: partners.grant(known) for known in partner.grants if known not in (new, replaces)}
    live = [grant for grant in found.values() if grant is not None and (grant.expires_at or "~") > now]
    endless = [grant.hash for grant in live if grant.expires_at is None and grant.hash in began.grants]
    grants = (new, *(grant.hash for grant in live), replaces)
    return Succession(
        grants,
        put=(
            registered(partner.id, token, replaces=replaces),
            fading(partner.id, replaces),
            *(fading(partner.id, hashed) for hashed in endless),
        ),
        drop=tuple(known for known in partner.grants if known not in grants),
    )
