"""Who is calling: the one place that turns a token into a partner (sections 3.1.3 and 7)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ocpi.errors import Forbidden, Unauthorized
from ocpi.store.port import Grant, Partner, Partners, PartnerStatus
from ocpi.times import now_precise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.settings import Role

SEEN_EVERY_SECONDS = 60
"""How exact ``last_seen_at`` is: not every request is worth a write."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A partner that has shown a token of ours. ``token`` is that token: never log it."""

    partner: Partner
    grant: Grant
    token: str = field(repr=False)


def token_hash(token: str) -> str:
    """What we keep of a token that partners use on us: SHA-256, hexadecimal. With 256 random bits in the token,
    nobody finds one from the other, and looking up a hash leaks nothing through time.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def authenticate(partners: Partners, authorization: str | None, *, our_role: Role) -> Caller:
    """The caller behind an ``Authorization`` header, on the version tree of one of our roles.

    Raises :class:`Unauthorized` for no token, an unknown, expired or revoked one, or one that belongs on the
    tree of our other role; :class:`Forbidden` for a suspended partner.
    """
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    if scheme.lower() != "token" or not credentials:
        raise Unauthorized("an Authorization header of the form 'Token <token>' is required")
    now = now_precise()
    for token in _spellings(credentials.strip()):
        grant = partners.grant(token_hash(token))
        if grant is None or (grant.expires_at is not None and grant.expires_at <= now):
            continue
        partner = partners.get(grant.partner_id)
        if partner is None or partner.role == our_role or grant.hash not in partner.grants:
            continue
        if partner.status is PartnerStatus.SUSPENDED:
            raise Forbidden("this connection is suspended; ask the operator")
        if any(partners.grant(older) is not None for older in grant.older):
            partners.settle(grant)
        _note_use(partners, partner, now)
        return Caller(partner, grant, token)
    raise Unauthorized("this token is not known here")


def _spellings(credentials: str) -> Iterator[str]:
    """The token as sent, then as Base64 of a token: later OCPI versions ask for that and some partners use it with
    2.1.1 already (reading A-01). Their examples end in an encoded newline, hence the strip.
    """
    yield credentials
    try:
        decoded = base64.b64decode(credentials, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
    if decoded:
        yield decoded


def _note_use(partners: Partners, partner: Partner, now: str) -> None:
    if partner.last_seen_at is not None:
        # Both as now_precise() gives them, so what is strict about other people's times is not needed on every request.
        passed = datetime.fromisoformat(now) - datetime.fromisoformat(partner.last_seen_at)
        if passed.total_seconds() <= SEEN_EVERY_SECONDS:
            return
    partners.seen(partner.id, now)
