"""Whether a result may be sent where a partner says: only to the partner itself (reading A-35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.faults import Fault, Invalid
from ocpi.outbound.address_guard import RefusedAddress, UnresolvedHost

if TYPE_CHECKING:
    from ocpi.outbound.address_guard import AddressGuard
    from ocpi.store.port import Partner


def check_response_url(guard: AddressGuard, partner: Partner, url: str) -> None:
    """Refuse (:class:`Invalid`) a URL that the address guard refuses, or on a host that is not one of the partner's:
    that of its versions URL and those of its endpoints. A host that cannot be resolved now may be later.
    """
    try:
        host = guard.read(url).host
        if host not in _hosts(guard, partner):
            raise Invalid([Fault("/response_url", "is on a host that is none of this party's endpoints")])
        guard.check(url)
    except UnresolvedHost:
        return
    except RefusedAddress as error:
        raise Invalid([Fault("/response_url", error.reason)]) from None


def _hosts(guard: AddressGuard, partner: Partner) -> set[str]:
    hosts = set()
    for url in (partner.versions_url, *(endpoint["url"] for endpoint in partner.endpoints)):
        try:
            hosts.add(guard.read(str(url)).host)
        except RefusedAddress:
            continue
    return hosts
