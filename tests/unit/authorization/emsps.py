"""EMSP partners of a store, without a handshake, and the tokens that they gave us."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ocpi.objects.documents import draft
from ocpi.objects.received import received_collection
from ocpi.objects.tokens import token_key
from ocpi.store.port import Partner, PartnerChange, PartnerStatus
from tests.support.party import fixture

if TYPE_CHECKING:
    from ocpi.store.port import Store

SETTLED = "2026-01-01T00:00:00Z"


def emsp(store: Store, party_id: str, url: str | None = None, **changes: Any) -> Partner:
    """A registered eMSP; its tokens endpoint is ``<url>/tokens``, or it has none."""
    partner = Partner(
        f"partner-{party_id.lower()}",
        "EMSP",
        party_id,
        PartnerStatus.REGISTERED,
        SETTLED,
        version="2.1.1",
        country_code="DE",
        party_id=party_id,
        endpoints=({"identifier": "tokens", "url": f"{url}/tokens"},) if url else (),
        token=f"sealed-{party_id}",
    )
    return store.partners.save(PartnerChange(replace(partner, **changes), expected=None))


def given(store: Store, partner: Partner, uid: str, **changes: Any) -> dict[str, Any]:
    """A token that the partner gave us."""
    token = fixture("token_max", uid=uid, **changes)
    key = token_key(received_collection(partner, "tokens"), token["type"], uid)
    store.objects.put(key, draft("2.1.1", token), expected=None)
    return token


class OpenVault:
    """A vault whose secrets are the words after ``sealed-``."""

    def seal(self, plain: str, *, about: str) -> str:
        return f"sealed-{plain}"

    def open(self, sealed: str, *, about: str) -> str:
        return sealed.removeprefix("sealed-")
