"""The parts of this deployment, each made once per process and only if something asks for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ocpi.settings import settings
from ocpi.store.open import open_store

if TYPE_CHECKING:
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Store
    from ocpi.vault.port import Vault


@cache
def store() -> Store:
    """Where everything is kept."""
    return open_store(settings().store)


@cache
def vault() -> Vault:
    """What encrypts the tokens that we use on partners."""
    from ocpi.vault import open_vault  # noqa: PLC0415 - only some functions need it; imports cost cold starts

    return open_vault(settings().vault)


@cache
def partner_client() -> PartnerClient:
    """The HTTP client for partners."""
    from ocpi.outbound.address_guard import AddressGuard  # noqa: PLC0415 - as above
    from ocpi.outbound.client import PartnerClient  # noqa: PLC0415 - as above

    return PartnerClient(AddressGuard(allow_private=settings().allow_private_addresses))
