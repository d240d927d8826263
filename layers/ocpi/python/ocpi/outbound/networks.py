"""Which IP addresses a partner may be at: our own deny list.

``ipaddress.is_global`` differs between Python 3.11 and 3.13 and calls several special-purpose ranges global
(6to4, NAT64, AS112, multicast), so the ranges are listed here. Sources: the IANA IPv4 and IPv6
Special-Purpose Address Registries, the IANA IPv6 address space (only 2000::/3 is global unicast), and the
metadata addresses that cloud providers document.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_METADATA = tuple(
    map(
        IPv4Network,
        (
            "169.254.0.0/16",  # AWS, Azure, Google and ECS (169.254.170.2); link-local as a whole
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure's wire server, a public address
            "192.0.0.192/32",  # Oracle Cloud
        ),
    )
)
_METADATA_V6 = tuple(
    map(
        IPv6Network,
        (
            "fd00:ec2::/32",  # AWS: metadata, time, DNS and pod identity
            "fd20:ce::/32",  # Google Cloud
        ),
    )
)

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_V6 = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))

_SPECIAL = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "100.64.0.0/10",  # shared address space of carriers
            "192.0.0.0/24",  # IETF protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and the limited broadcast
        ),
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, AMT, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address of anyone's choice inside
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def why_forbidden(address: str, *, allow_private: bool) -> str | None:
    """Why nothing may be sent to this address, or ``None`` if it may.

    ``address`` is an IPv4 or IPv6 address as ``getaddrinfo`` gives it. ``allow_private`` lets loopback and
    private networks through, but never metadata addresses.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "is no IP address"
    if isinstance(parsed, IPv4Address):
        return _why_forbidden_v4(parsed, allow_private)
    return _why_forbidden_v6(parsed, allow_private)


def is_translated(address: str) -> bool:
    """Whether an address that is one is an IPv4 address as NAT64 writes it (RFC 6052)."""
    return ip_address(address) in _NAT64


def _why_forbidden_v4(address: IPv4Address, allow_private: bool) -> str | None:
    if any(address in network for network in _METADATA):
        return "is a metadata or link-local address"
    if any(address in network for network in _PRIVATE):
        return None if allow_private else "is a loopback or private address"
    if any(address in network for network in _SPECIAL):
        return "is a special-purpose address"
    return None


def _why_forbidden_v6(address: IPv6Address, allow_private: bool) -> str | None:
    if address.scope_id is not None:
        return "is bound to a network interface"
    if address in _NAT64:
        # Where only IPv6 is routed, DNS64 gives this form to every public IPv4 host.
        return _why_forbidden_v4(IPv4Address(int(address) & 0xFFFFFFFF), allow_private)
    if any(address in network for network in _METADATA_V6):
        return "is a metadata address"
    if any(address in network for network in _PRIVATE_V6):
        return None if allow_private else "is a loopback or private address"
    if address not in _GLOBAL_UNICAST_V6 or any(address in network for network in _SPECIAL_V6):
        return "is a special-purpose address"
    return None
