"""Where a partner's token may be sent: to hosts that the partner named in the handshake, and nowhere else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ocpi.outbound.partner_url import RefusedAddress, read_url

if TYPE_CHECKING:
    from ocpi.store.port import Partner


def is_partners(partner: Partner, url: str) -> bool:
    """Whether a URL has scheme, host and port of the partner's versions URL or one of its endpoints; raises
    :class:`~ocpi.outbound.partner_url.RefusedAddress` for what is no URL.
    """
    there = _origin(url)
    for known in (partner.versions_url, *(endpoint["url"] for endpoint in partner.endpoints)):
        with suppress(RefusedAddress):
            if known is not None and _origin(known) == there:
                return True
    return False


def still_partners(partner: Partner, kept: str | None) -> str | None:
    """A URL of the partner that was kept, if it still is one: the partner may have moved, and its new token with it."""
    with suppress(RefusedAddress):
        if kept is not None and is_partners(partner, kept):
            return kept
    return None


def _origin(url: str) -> tuple[str, str, int]:
    parts = read_url(url, allow_http=True)
    return parts.scheme, parts.host, parts.port
