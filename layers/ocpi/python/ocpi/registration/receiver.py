"""The handshake as receiver: what POST, PUT and DELETE on our credentials endpoint do (section 7.1).

partner                          we
  │ POST credentials (A) {B} ───▶ │ nothing changed yet
  │ ◀─── GET versions (B) ─────── │
  │ ◀─── GET details (B) ──────── │ a failure so far leaves everything as it was: token A still opens
  │                               │ one change: registered, C in, A out
  │ ◀──────────────────── {C} ─── │ if this answer is lost, the operator invites again
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi.errors import MethodNotAllowed, Unauthorized
from ocpi.faults import Fault, Invalid
from ocpi.registration.our_credentials import is_our_party
from ocpi.registration.partner_api import PartnerApi, connection
from ocpi.registration.settings_of_partner import token_habits
from ocpi.registration.tokens import new_token, registered, succession
from ocpi.store.port import Conflict, Partner, PartnerChange, Partners, PartnerStatus, PartyTaken
from ocpi.times import now_wire
from ocpi.transport.authentication import Caller, token_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.client import PartnerClient
    from ocpi.settings import Settings
    from ocpi.vault.port import Vault

CALLBACK_SECONDS = 10.0
"""For both callbacks together: the partner waits for our answer all the while, and API Gateway for 29 s at most."""

BEFORE_REGISTRATION = ("GET", "POST")
ONCE_REGISTERED = ("DELETE", "GET", "PUT")
TAKEN = "this party is registered already, with other credentials"
OURS = "this is our own party, in a role that we play ourselves"

Credentials = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Registration from the receiving side. Credentials come in validated."""

    partners: Partners
    vault: Vault
    client: PartnerClient
    settings: Settings

    def register(self, caller: Caller, credentials: Credentials, version: str) -> str:
        """POST: register the holder of a token A; returns token C."""
        self.require_invitation(caller)
        self._refuse_ours(caller.partner, credentials)
        self._refuse_taken(caller.partner, credentials)
        connected = self._connect(caller.partner, credentials, version)
        token = new_token()

        def change(partner: Partner) -> PartnerChange:
            complete = replace(
                partner,
                **connected,
                status=PartnerStatus.REGISTERED,
                country_code=credentials["country_code"].upper(),
                party_id=credentials["party_id"].upper(),
                grants=(token_hash(token),),
                registered_at=now_wire(),
                expires_at=None,
            )
            return PartnerChange(
                complete,
                expected=partner.revision,
                put_grants=(registered(partner.id, token),),
                drop_grants=(caller.grant.hash,),
                claim_party=True,
            )

        try:
            self._save(caller, change)
        except PartyTaken:
            raise Invalid([Fault("/party_id", TAKEN)]) from None
        return token

    def renew(self, caller: Caller, credentials: Credentials, version: str) -> str:
        """PUT: take the partner's new credentials, fetch its endpoints again; returns its new token.

        The old token opens until the new one is used, or for an hour: the answer may not arrive.
        """
        self.require_registered(caller)
        self._refuse_ours(caller.partner, credentials)
        given = (credentials["country_code"].upper(), credentials["party_id"].upper())
        if given != (caller.partner.country_code, caller.partner.party_id):
            raise Invalid([Fault("/party_id", "a registration is of one party; unregister and register the other")])
        connected = self._connect(caller.partner, credentials, version)
        token = new_token()

        def change(partner: Partner) -> PartnerChange:
            tokens = succession(self.partners, partner, token, replaces=caller.grant.hash, began=caller.partner)
            return PartnerChange(
                replace(partner, **connected, grants=tokens.grants),
                expected=partner.revision,
                put_grants=tokens.put,
                drop_grants=tokens.drop,
            )

        self._save(caller, change)
        return token

    def leave(self, caller: Caller) -> None:
        """DELETE: forget every token, theirs and ours; the party may register again with a new invitation."""
        self.require_registered(caller)
        self._save(caller, departure)

    def require_invitation(self, caller: Caller) -> None:
        """POST is for holders of a token A; asked before the body is read, since 405 does not depend on it."""
        if caller.grant.kind != "invitation":
            raise MethodNotAllowed("this party is registered already; use PUT to update", ONCE_REGISTERED)

    def require_registered(self, caller: Caller) -> None:
        """PUT and DELETE are for registered partners."""
        if caller.grant.kind != "registered":
            raise MethodNotAllowed("this party is not registered", BEFORE_REGISTRATION)

    def _refuse_ours(self, partner: Partner, credentials: Credentials) -> None:
        if is_our_party(self.settings, partner.role, credentials):
            raise Invalid([Fault("/party_id", OURS)])

    def _refuse_taken(self, partner: Partner, credentials: Credentials) -> None:
        """Before anybody is called; the change itself makes sure of it once more."""
        holder = self.partners.by_party(partner.role, credentials["country_code"], credentials["party_id"])
        if holder is not None and holder.id != partner.id:
            raise Invalid([Fault("/party_id", TAKEN)])

    def _connect(self, partner: Partner, credentials: Credentials, version: str) -> dict[str, Any]:
        """What its credentials and its API say of a partner, using its new token for the callbacks (A-38)."""
        api = PartnerApi.within(
            self.client,
            credentials["token"],
            seconds=CALLBACK_SECONDS,
            **token_habits(partner),
            partner=partner,
        )
        endpoints = api.discover(credentials["url"], version)
        sealed = self.vault.seal(credentials["token"], about=partner.id)
        return connection(credentials, endpoints, version, sealed)

    def _save(self, caller: Caller, change: Callable[[Partner], PartnerChange]) -> None:
        """Carry out a change on the partner as it is now: its settings may have been written in the meantime, but
        the token that the caller showed must still be one of its own.
        """
        partner: Partner | None = caller.partner
        shown = caller.grant.hash
        while partner is not None and shown in partner.grants:
            try:
                self.partners.save(replace(change(partner), shown=shown))
            except Conflict:
                # Without its grant the token opens nothing any more, though the partner may not have been told.
                partner = self.partners.get(partner.id) if self.partners.grant(shown) is not None else None
            else:
                return
        raise Unauthorized("this token has been replaced in the meantime")


def departure(partner: Partner) -> PartnerChange:
    """The end of a registration, whoever asks for it: no token of either side is left."""
    return PartnerChange(
        replace(partner, status=PartnerStatus.UNREGISTERED, token=None, grants=(), endpoints=()),
        expected=partner.revision,
        drop_grants=partner.grants,
        release_party=True,
    )
