"""The address guard: the one gate for every URL that a partner can choose.

``credentials.url``, endpoints, ``Link``, ``response_url`` and ``Location`` are a partner's input, and whoever may
name a URL may make us call it from inside our own network. The guard reads the URL, resolves its host once,
judges every address, and returns the addresses to connect to; nobody resolves the name again, so an answer
that changes between check and use (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ocpi.outbound.inner_names import why_inner
from ocpi.outbound.networks import is_translated, why_forbidden
from ocpi.outbound.own_url import may_be_below
from ocpi.outbound.partner_url import PartnerUrl, RefusedAddress, read_url

__all__ = ["AddressGuard", "PartnerUrl", "RefusedAddress", "Target", "UnresolvedHost"]

Resolver = Callable[..., Sequence[tuple[Any, ...]]]
"""Has the signature of :func:`socket.getaddrinfo`."""


class UnresolvedHost(RefusedAddress):
    """The host has no address, now; another time it may."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL. ``addresses`` are the only ones that may be connected to, in the order to try them;
    ``host`` is what ``Host``, SNI and the certificate must name.
    """

    scheme: Literal["https", "http"]
    host: str
    port: int
    addresses: tuple[str, ...]
    path_and_query: str

    @property
    def address(self) -> str:
        """The address to try first."""
        return self.addresses[0]

    @property
    def authority(self) -> str:
        """The ``Host`` header: the host, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


class AddressGuard:
    """Decides whether a URL may be called. ``allow_private`` (the local gateway only) also lets ``http``,
    loopback, private networks and this deployment itself through. ``own_url`` is what our own URLs begin with, if
    that is known: who names those has us call ourselves.
    """

    def __init__(
        self, allow_private: bool, resolver: Resolver = socket.getaddrinfo, *, own_url: str | None = None
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolver
        self._own = None if own_url is None or allow_private else _readable(own_url)

    def read(self, url: str) -> PartnerUrl:
        """The parts of a URL that may be called as far as can be told without resolving its host.

        Raises :class:`RefusedAddress`. For checking what is called later; :meth:`check` comes before a call.
        """
        parts = read_url(url, allow_http=self._allow_private)
        if self._own is not None and may_be_below(self._own, parts):
            raise RefusedAddress("is one of our own")
        if parts.is_address:
            if is_translated(parts.host):
                # What a resolver of an IPv6 network may answer, nobody has to write.
                raise RefusedAddress("has an IPv4 address in the form of NAT64")
            self._judge(parts.host)
        elif (reason := why_inner(parts.host, allow_private=self._allow_private)) is not None:
            raise RefusedAddress(reason)
        return parts

    def check(self, url: str) -> Target:
        """The target to connect to; raises :class:`RefusedAddress`, or its kind :class:`UnresolvedHost`.

        One forbidden address among several refuses the URL: which one would be used is chance.
        """
        parts = self.read(url)
        addresses = (parts.host,) if parts.is_address else self._addresses(parts)
        for address in addresses:
            self._judge(address)
        return Target(parts.scheme, parts.host, parts.port, addresses, parts.path_and_query)

    def _addresses(self, parts: PartnerUrl) -> tuple[str, ...]:
        try:
            found = self._resolve(parts.host, parts.port, 0, socket.SOCK_STREAM)
        except (OSError, ValueError):  # what a resolver makes of a name that it cannot encode differs
            raise UnresolvedHost(f"has a host that cannot be resolved: {parts.host}") from None
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        if not addresses:
            raise UnresolvedHost(f"has a host without an address: {parts.host}")
        # IPv4 first: a Lambda function outside a VPC has no IPv6 route out.
        return tuple(sorted(addresses, key=lambda address: ":" in address))

    def _judge(self, address: str) -> None:
        reason = why_forbidden(address, allow_private=self._allow_private)
        if reason is not None:
            raise RefusedAddress(f"leads to {address}, which {reason}")


def _readable(url: str) -> PartnerUrl | None:
    """``None`` for a URL that no partner could name either."""
    with suppress(RefusedAddress):
        return read_url(url, allow_http=True)
    return None
