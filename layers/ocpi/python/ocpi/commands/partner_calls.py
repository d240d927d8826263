"""Calling a partner about a command: with its token, as it wants to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.outbound.partner_session import PartnerSession
from ocpi.registration.settings_of_partner import token_habits

if TYPE_CHECKING:
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Partner
    from ocpi.vault.port import Vault


def session_with(partner: Partner, vault: Vault, client: PartnerClient, *, seconds: float) -> PartnerSession:
    """A session with a connected partner, to be used within so many seconds from now; raises
    :class:`~ocpi.vault.port.SealBroken` if the token kept for it cannot be opened.
    """
    token = vault.open(str(partner.token), about=partner.id)
    return PartnerSession.within(client, token, seconds=seconds, partner=partner, **token_habits(partner))
