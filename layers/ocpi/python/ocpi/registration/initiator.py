"""The handshake as initiator: we register with a partner that invited us, renew, and leave (section 7.3).

we                                      partner
  │ GET versions, GET details (A) ────▶ │ a failure so far leaves nothing behind
  │ remember B, which opens our versions and details from now on
  │ POST credentials (A) {B} ─────────▶ │
  │ ◀──────── GET versions, details (B) │
  │ ◀────────────────────────────── {C} │
  │ one change: registered, C kept, B opens everything
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.faults import Fault, Invalid
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.registration.our_credentials import PartnerRole, is_our_party, our_credentials
from ocpi.registration.partner_api import Endpoints, PartnerApi, connection, endpoint_url
from ocpi.registration.receiver import OURS, TAKEN, departure
from ocpi.registration.settings_of_partner import token_habits
from ocpi.registration.tokens import HANDSHAKE_SECONDS, in_seconds, new_token, offer, registered, succession
from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, Partners, PartnerStatus, PartyTaken
from ocpi.times import now_wire, to_wire
from ocpi.transport.authentication import token_hash
from ocpi.transport.status_codes import StatusCode
from ocpi.v2_1_1 import models
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.settings import Settings
    from ocpi.vault.port import Vault

HANDSHAKE_BUDGET_SECONDS = 25.0
"""For all requests of a handshake together; the partner calls us back within. API Gateway ends at 29 s."""
TAKE_BACK_SECONDS = 2.5
"""For undoing a handshake, which may have used up its own time."""

STEP = "credentials"


@dataclass(frozen=True, slots=True)
class Initiator:
    """Registration from the initiating side. ``base_url`` is what our URLs begin with."""

    partners: Partners
    vault: Vault
    client: PartnerClient
    settings: Settings
    base_url: str
    version: str

    def register(self, role: PartnerRole, name: str, versions_url: str, token: str) -> Partner:
        """Run the handshake with a partner's token A; returns the registered partner.

        Raises :class:`PartnerFailed`, or :class:`StateConflict` when that party is registered already; then nothing
        is left behind here, nor, as far as it can be reached, at the partner.
        """
        self._forget_abandoned()
        api = PartnerApi.within(self.client, token, seconds=HANDSHAKE_BUDGET_SECONDS)
        endpoints = self._discover_first(api, role, versions_url)
        self._refuse_known(api, role, endpoints)
        ours = new_token()
        partner = self._remember(role, name, ours)
        try:
            theirs = self._exchange(api, "POST", endpoints, partner, ours)
        except PartnerFailed:
            self.partners.remove(partner)
            raise
        try:
            return self._complete(partner, theirs, endpoints, ours)
        except PartyTaken:
            self._undo(api, endpoints, partner, theirs["token"])
            raise StateConflict(TAKEN) from None
        except Exception:
            self._undo(api, endpoints, partner, theirs["token"])
            raise

    def renew(self, partner: Partner) -> Partner:
        """Send PUT credentials with a new token of ours, and keep the one that comes back.

        Raises :class:`PartnerFailed`; both old tokens work then. If it is not known whether the partner took our new
        token, that one opens too, for an hour. :class:`StateConflict` when another renewal was faster.
        """
        self._require_registered(partner)
        api = self._api(partner)
        endpoints = api.discover(str(partner.versions_url), self.version)
        ours, before = new_token(), partner
        partner = self._save(partner, lambda now: self._offer(before, now, ours))
        try:
            theirs = self._exchange(api, "PUT", endpoints, partner, ours)
        except PartnerFailed as error:
            if not _may_have_acted(error):
                self._save(partner, lambda now: _without_grant(now, token_hash(ours)))
            raise
        sealed = self.vault.seal(theirs["token"], about=partner.id)

        def change(now: Partner) -> PartnerChange:
            tokens = succession(self.partners, now, ours, replaces=before.grants[0], began=partner)
            return PartnerChange(
                replace(now, **connection(theirs, endpoints, self.version, sealed), grants=tokens.grants),
                expected=now.revision,
                put_grants=tokens.put,
                drop_grants=tokens.drop,
            )

        return self._save(partner, change)

    def leave(self, partner: Partner, *, force: bool) -> Partner:
        """Send DELETE credentials, then forget every token; ``force``: also if the partner does not play along.

        Raises :class:`PartnerFailed`, and nothing has changed.
        """
        url = endpoint_url(partner.endpoints, "credentials")
        try:
            if url is None:
                raise PartnerFailed(
                    "the partner has no credentials endpoint", status_code=StatusCode.MISSING_ENDPOINTS, step=STEP
                )
            self._api(partner).credentials("DELETE", url)
        except (PartnerFailed, SealBroken):
            if not force:
                raise
        try:
            return self._save(partner, departure)
        except StateConflict:
            now = self.partners.get(partner.id)
            if now is None or now.status is not PartnerStatus.UNREGISTERED:
                raise
            return now  # the partner has left at the same moment

    def _discover_first(self, api: PartnerApi, role: PartnerRole, versions_url: str) -> Endpoints:
        try:
            return api.discover(versions_url, self.version)
        except PartnerFailed as error:
            # A token A that has been used opens nothing any more: the usual end of registering twice.
            known = {str(partner.versions_url).rstrip("/") for partner in self._connected(role)}
            if versions_url.rstrip("/") in known:
                raise StateConflict(TAKEN) from None
            cause = error.__cause__
            if error.step == "versions" and isinstance(cause, PartnerUnreachable) and cause.kind == "refused_address":
                raise Invalid([Fault("/versions_url", cause.detail)]) from None
            raise

    def _api(self, partner: Partner) -> PartnerApi:
        return PartnerApi.within(
            self.client,
            self.vault.open(str(partner.token), about=partner.id),
            seconds=HANDSHAKE_BUDGET_SECONDS,
            **token_habits(partner),
            partner=partner,
        )

    def _exchange(
        self, api: PartnerApi, method: str, endpoints: Endpoints, partner: Partner, ours: str
    ) -> dict[str, Any]:
        """Send our credentials and read the partner's."""
        url = str(endpoint_url(endpoints, "credentials"))
        answer = api.credentials(method, url, our_credentials(self.settings, self.base_url, partner.role, ours))
        try:
            return self._read_credentials(answer)
        except Invalid as error:
            token = _token_of(answer)
            if method == "POST" and token is not None:
                self._take_back(api, endpoints, token)
            faults = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in error.faults)
            raise PartnerFailed(
                f"{STEP}: the partner answered with credentials that are not valid: {faults}",
                status_code=StatusCode.UNUSABLE_CLIENT_API,
                step=STEP,
                http_status=answer.http_status,
                ocpi_status=answer.envelope().status_code,
            ) from None

    def _read_credentials(self, answer: Answer) -> dict[str, Any]:
        """Credentials that are valid, with a versions URL that may be called: nobody calls it before it is kept."""
        theirs = models.check(models.Credentials, _data(answer))
        if not self.client.may_call(theirs["url"]):
            raise Invalid([Fault("/url", "is an address that we may not call")])
        return theirs

    def _complete(self, partner: Partner, theirs: dict[str, Any], endpoints: Endpoints, ours: str) -> Partner:
        """Registered: token C kept, token B opens everything, the party claimed."""
        if is_our_party(self.settings, partner.role, theirs):
            raise StateConflict(OURS)
        sealed = self.vault.seal(theirs["token"], about=partner.id)
        complete = replace(
            partner,
            **connection(theirs, endpoints, self.version, sealed),
            status=PartnerStatus.REGISTERED,
            country_code=theirs["country_code"].upper(),
            party_id=theirs["party_id"].upper(),
            registered_at=now_wire(),
        )
        grants = (registered(partner.id, ours),)
        return self.partners.save(
            PartnerChange(complete, expected=partner.revision, put_grants=grants, claim_party=True)
        )

    def _undo(self, api: PartnerApi, endpoints: Endpoints, partner: Partner, token: str) -> None:
        """Forget a handshake that the partner completed and we cannot, and have the partner forget it."""
        try:
            self.partners.remove(partner)
        except Conflict:
            return  # it was saved, and only the database's answer was lost: the registration stands
        self._take_back(api, endpoints, token)

    def _take_back(self, api: PartnerApi, endpoints: Endpoints, token: str) -> None:
        """Unregister at the partner, after a handshake that it completed and we cannot. It may fail; we have tried."""
        undo = PartnerApi.within(self.client, token, seconds=TAKE_BACK_SECONDS, learned=api.learned)
        try:
            undo.credentials("DELETE", str(endpoint_url(endpoints, "credentials")))
        except PartnerFailed:
            return

    def _remember(self, role: PartnerRole, name: str, ours: str) -> Partner:
        """A partner whose handshake is under way: its token B opens our versions and details, for a while."""
        partner = Partner(
            id=new_partner_id(),
            role=role,
            name=name,
            status=PartnerStatus.REGISTERING,
            invited_at=now_wire(),
            grants=(token_hash(ours),),
        )
        grant = Grant(token_hash(ours), partner.id, "handshake", expires_at=in_seconds(HANDSHAKE_SECONDS))
        return self.partners.save(PartnerChange(partner, expected=None, put_grants=(grant,)))

    def _refuse_known(self, api: PartnerApi, role: PartnerRole, endpoints: Endpoints) -> None:
        """Refuse a party that is registered already before its partner is asked to register us a second time: some
        replace the first registration then. One platform may serve several parties at the same URL, so where it is
        known already it is asked whose token this is.
        """
        url = str(endpoint_url(endpoints, "credentials"))
        if all(endpoint_url(partner.endpoints, "credentials") != url for partner in self._connected(role)):
            return
        try:
            party = _data(api.credentials("GET", url))
            known = self.partners.by_party(role, str(party["country_code"]), str(party["party_id"]))
        except (PartnerFailed, KeyError, TypeError):
            raise StateConflict(TAKEN) from None
        if known is not None:
            raise StateConflict(TAKEN)

    def _connected(self, role: PartnerRole) -> list[Partner]:
        return [partner for partner in self.partners.list() if partner.role == role and partner.token is not None]

    def _forget_abandoned(self) -> None:
        """Partners whose handshake ended with the process that ran it."""
        since = to_wire(datetime.now(UTC) - timedelta(seconds=2 * HANDSHAKE_SECONDS))
        for partner in self.partners.list():
            if partner.status is PartnerStatus.REGISTERING and partner.invited_at < since:
                try:
                    self.partners.remove(partner)
                except Conflict:
                    continue  # another process has just done it

    def _offer(self, before: Partner, now: Partner, ours: str) -> PartnerChange:
        if (now.token, now.grants) != (before.token, before.grants):
            raise StateConflict("another renewal is under way")
        tokens = offer(self.partners, now, ours)
        return PartnerChange(
            replace(now, grants=tokens.grants), expected=now.revision, put_grants=tokens.put, drop_grants=tokens.drop
        )

    def _require_registered(self, partner: Partner) -> None:
        if partner.status is not PartnerStatus.REGISTERED:
            raise StateConflict(f"the partner is {partner.status}, not REGISTERED")

    def _save(self, partner: Partner, change: Any) -> Partner:
        """Carry out a change on the partner as it is now, unless its registration has ended in the meantime."""
        now: Partner | None = partner
        while now is not None and now.token is not None and set(partner.grants) & set(now.grants):
            try:
                return self.partners.save(change(now))
            except Conflict:
                now = self.partners.get(partner.id)
        raise StateConflict("the registration has changed in the meantime")


def new_partner_id() -> str:
    """An id for a partner: 80 random bits, in lower case, fit for a URL."""
    return secrets.token_hex(10)


def _token_of(answer: Answer) -> str | None:
    data = _data(answer)
    token = data.get("token") if isinstance(data, dict) else None
    return token if isinstance(token, str) and token else None


def _data(answer: Answer) -> Any:
    data = answer.envelope().data
    return data[0] if isinstance(data, list) and len(data) == 1 else data  # some wrap a single object


def _without_grant(partner: Partner, hashed: str) -> PartnerChange:
    return PartnerChange(
        replace(partner, grants=tuple(known for known in partner.grants if known != hashed)),
        expected=partner.revision,
        drop_grants=(hashed,),
    )


def _may_have_acted(error: PartnerFailed) -> bool:
    """Whether a request may have been carried out though no answer says so."""
    if error.http_status is not None:
        accepted = error.http_status < 300 and (error.ocpi_status is None or error.ocpi_status < 2000)
        return accepted or error.http_status >= 500  # accepted, but with credentials that cannot be used
    cause = error.__cause__
    return isinstance(cause, PartnerUnreachable) and cause.kind in ("timeout", "too_large", "broken")
