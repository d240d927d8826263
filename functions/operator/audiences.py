"""Whose a session or CDR is, as the operator says it and sees it: by partner id. The store knows parties, so that a
partner that leaves and comes back is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.errors import BadParameter
from ocpi.store.port import EVERYBODY

if TYPE_CHECKING:
    from ocpi.transport.message import Call
    from ocpi.v2_1_1.module_rules import ModuleRules


def asked_audience(call: Call, rules: ModuleRules) -> str | None:
    """The party of ``?partner=``, or ``None``; raises :class:`BadParameter` for a partner that cannot be one."""
    partner_id = call.query.get("partner")
    if partner_id is None:
        return None
    if rules.name not in ("sessions", "cdrs"):
        raise BadParameter("partner", f"{rules.name} are for every partner")
    partner = store().partners.get(partner_id)
    if partner is None or partner.role != "EMSP" or partner.party is None:
        raise BadParameter("partner", "is not the id of an eMSP that has registered")
    return partner.party


def audience_shown(audience: str | None) -> str | None:
    """``*``, the id of the partner that is this party, or ``None``."""
    if audience is None or audience == EVERYBODY:
        return audience
    country_code, _, party_id = audience.partition("-")
    holder = store().partners.by_party("EMSP", country_code, party_id)
    if holder is not None:
        return holder.id
    left = [partner for partner in store().partners.list() if partner.role == "EMSP" and partner.party == audience]
    return left[-1].id if left else None
