"""A deployment over SQLite and its partner, with the handshakes as a test starts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from ocpi.registration.initiator import Initiator
from ocpi.registration.receiver import Receiver
from ocpi.registration.tokens import new_token
from ocpi.settings import read_settings
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport.authentication import authenticate, token_hash
from tests.unit.registration.counterpart import URL, Counterpart
from tests.unit.registration.killer import Killer

if TYPE_CHECKING:
    from pathlib import Path

    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Partners
    from ocpi.vault.port import Vault

SETTINGS = read_settings(
    {
        "OCPI_COUNTRY_CODE": "NL",
        "OCPI_PARTY_ID": "EXA",
        "OCPI_STORE": "sqlite:unused",
        "OCPI_VAULT": "keyfile:unused",
        "OCPI_OPERATOR_KEY": "file:unused",
    }
)
NOBODY = Killer(0, "before")


@dataclass
class World:
    """``killer`` watches the steps of a handshake; without one nothing dies. With a ``client`` our calls go over the
    network instead of straight to the partner.
    """

    store: SQLiteStore
    vault: Vault
    partner: Counterpart
    client: PartnerClient | None = None

    @classmethod
    def at(cls, path: Path, vault: Vault) -> Self:
        store = SQLiteStore(path)
        return cls(store, vault, Counterpart(store.partners))

    @property
    def partners(self) -> Partners:
        return self.store.partners

    @property
    def known(self) -> list[Partner]:
        """The partners that the operator sees."""
        return [partner for partner in self.partners.list() if partner.status is not PartnerStatus.REGISTERING]

    def invite(self, partner_id: str = "invited") -> str:
        """Invite the partner; returns token A."""
        token = new_token()
        invited = Partner(
            partner_id, "EMSP", "Partner", PartnerStatus.INVITED, "2026-01-01T00:00:00Z", grants=(token_hash(token),)
        )
        grant = Grant(token_hash(token), partner_id, "invitation")
        self.partners.save(PartnerChange(invited, expected=None, put_grants=(grant,)))
        return token

    def post(self, token: str, killer: Killer = NOBODY, **changes: Any) -> str:
        """The partner registers with us; returns token C."""
        return self._give("register", token, killer, changes)

    def put(self, token: str, killer: Killer = NOBODY, **changes: Any) -> str:
        """The partner renews; returns its new token."""
        return self._give("renew", token, killer, changes)

    def delete(self, token: str, killer: Killer = NOBODY) -> None:
        """The partner leaves."""
        partners = killer.around(self.partners)
        self.receiver(killer).leave(authenticate(partners, f"Token {token}", our_role="CPO"))

    def _give(self, action: str, token: str, killer: Killer, changes: dict[str, Any]) -> str:
        issued = self.partner.new_token()
        self.partner.ours.add(issued)
        given = {**self.partner.credentials(issued), **changes}
        caller = authenticate(killer.around(self.partners), f"Token {token}", our_role="CPO")
        received: str = getattr(self.receiver(killer), action)(caller, given, "2.1.1")
        self.partner.on_us, self.partner.ours = received, {issued}
        return received

    def receiver(self, killer: Killer = NOBODY) -> Receiver:
        client: Any = killer.around(self.client or self.partner)
        return Receiver(killer.around(self.partners), killer.around(self.vault), client, SETTINGS)

    def initiator(self, killer: Killer = NOBODY) -> Initiator:
        client: Any = killer.around(self.client or self.partner)
        return Initiator(
            killer.around(self.partners), killer.around(self.vault), client, SETTINGS, "https://us.example", "2.1.1"
        )

    def register(self, killer: Killer = NOBODY, versions_url: str = f"{URL}/versions") -> Partner:
        """We register with the partner, which has invited us."""
        return self.initiator(killer).register("EMSP", "Partner", versions_url, "token-a")

    def now(self, partner: Partner) -> Partner:
        """The partner as it is stored now."""
        stored = self.partners.get(partner.id)
        assert stored is not None
        return stored

    def ours(self, partner: Partner) -> str:
        """The token that we would use on the partner now."""
        return self.vault.open(str(self.now(partner).token), about=partner.id)

    def both_can_call(self, partner: Partner) -> bool:
        """Whether each side's token opens the other."""
        return self.ours(partner) in self.partner.ours and self.partner.opens(self.partner.on_us) == "registered"

    def rename(self, partner: Partner) -> None:
        """The operator changes something that is no part of the handshake."""
        now = self.now(partner)
        self.partners.save(PartnerChange(replace(now, name="Another name"), expected=now.revision))
