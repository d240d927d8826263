"""Which partners an object of ours is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.registration.partner_api import endpoint_url
from ocpi.registration.settings_of_partner import partner_settings
from ocpi.store.port import EVERYBODY, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocpi.store.port import Partner, Record

MODULES: dict[str, tuple[str, ...]] = {"EMSP": ("locations", "sessions", "cdrs", "tariffs"), "CPO": ("tokens",)}
"""What a partner of a role is pushed: the objects of the other role."""
ADDRESSED = frozenset({"sessions", "cdrs"})
"""Modules whose objects are for one party."""
ONCE = frozenset({"cdrs"})
"""Modules whose objects are sent once and never again."""
DELETABLE = frozenset({"tariffs"})
"""Modules whose objects partners are told to delete."""
CONNECTED = (PartnerStatus.REGISTERED, PartnerStatus.SUSPENDED)


def connected(partners: Iterable[Partner]) -> list[Partner]:
    """Partners that are registered, suspended ones included: they get what they missed when they are back."""
    return [partner for partner in partners if partner.status in CONNECTED]


def takes(partner: Partner, module: str) -> bool:
    """Whether a partner takes pushes of a module: its role does, and it has the endpoint."""
    return module in MODULES[partner.role] and endpoint_url(partner.endpoints, module) is not None


def switched_on(partner: Partner, module: str) -> bool:
    """Whether the operator lets this module be pushed to the partner."""
    on: bool = partner_settings(partner)["push"][module]
    return on


def is_for(partner: Partner, record: Record) -> bool:
    """Whether a partner may see an object, its role aside."""
    return record.audience == EVERYBODY or (record.audience is not None and record.audience == partner.party)


def came_after_registration(partner: Partner, record: Record) -> bool:
    """Whether an object was last written since the partner registered; it pulls what there was before. To the second,
    as exactly as the registration is kept.
    """
    return partner.registered_at is None or record.received[:19] >= partner.registered_at[:19]
