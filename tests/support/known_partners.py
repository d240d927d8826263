"""Partners that are there: a channel is that of a partner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.port import Partner, PartnerChange, PartnerStatus

if TYPE_CHECKING:
    from ocpi.store.port import Store


def know(store: Store, *ids: str) -> None:
    """Save partners of these ids, who have never done anything; they are at revision 1."""
    for each in ids:
        partner = Partner(each, "EMSP", each, PartnerStatus.INVITED, "2026-01-01T00:00:00Z")
        store.partners.save(PartnerChange(partner, expected=None))
