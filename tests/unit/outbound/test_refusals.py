"""Why a URL is refused, in the words that its sender reads; every network from its first address to its last."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any, Literal

import pytest

from ocpi.outbound.address_guard import AddressGuard, RefusedAddress, Target, UnresolvedHost
from ocpi.outbound.inner_names import why_inner
from ocpi.outbound.networks import is_translated, why_forbidden
from ocpi.outbound.partner_url import MAX_URL_LENGTH, PartnerUrl, read_url

METADATA, SPECIAL = "is a metadata or link-local address", "is a special-purpose address"
PRIVATE, METADATA_V6 = "is a loopback or private address", "is a metadata address"
V4 = {
    "0.0.0.0/8": SPECIAL,
    "10.0.0.0/8": PRIVATE,
    "100.64.0.0/10": SPECIAL,
    "100.100.100.200/32": METADATA,
    "127.0.0.0/8": PRIVATE,
    "168.63.129.16/32": METADATA,
    "169.254.0.0/16": METADATA,
    "172.16.0.0/12": PRIVATE,
    "192.0.0.0/24": SPECIAL,
    "192.0.0.192/32": METADATA,
    "192.0.2.0/24": SPECIAL,
    "192.31.196.0/24": SPECIAL,
    "192.52.193.0/24": SPECIAL,
    "192.88.99.0/24": SPECIAL,
    "192.168.0.0/16": PRIVATE,
    "192.175.48.0/24": SPECIAL,
    "198.18.0.0/15": SPECIAL,
    "198.51.100.0/24": SPECIAL,
    "203.0.113.0/24": SPECIAL,
    "224.0.0.0/4": SPECIAL,
    "240.0.0.0/4": SPECIAL,
}
V6 = {
    "::/128": SPECIAL,
    "::1/128": PRIVATE,
    "2001::/23": SPECIAL,
    "2001:db8::/32": SPECIAL,
    "2002::/16": SPECIAL,
    "2620:4f:8000::/48": SPECIAL,
    "3ffe::/16": SPECIAL,
    "3fff::/20": SPECIAL,
    "4000::/2": SPECIAL,
    "fc00::/7": PRIVATE,
    "fd00:ec2::/32": METADATA_V6,
    "fd20:ce::/32": METADATA_V6,
    "fe80::/10": SPECIAL,
}
NETWORKS = {ip_network(network): reason for network, reason in {**V4, **V6}.items()}


def expected(address: str) -> str | None:
    """The reason of the smallest network that an address is in; outside 2000::/3 there is always one."""
    parsed = ip_address(address)
    found = [network for network in NETWORKS if parsed in network]
    if found:
        return NETWORKS[max(found, key=lambda network: network.prefixlen)]
    return SPECIAL if parsed.version == 6 and parsed not in ip_network("2000::/3") else None


def edges() -> list[str]:
    """The first and last address of each network, and those just outside."""
    found = []
    for network in NETWORKS:
        first, last = int(network.network_address), int(network.broadcast_address)
        bits = network.max_prefixlen
        found += [
            str(type(network.network_address)(number))
            for number in (first - 1, first, last, last + 1)
            if 0 <= number < 2**bits
        ]
    return sorted(set(found))


def test_a_network_begins_and_ends_where_its_registry_says() -> None:
    reasons = {address: expected(address) for address in edges()}
    assert {address: why_forbidden(address, allow_private=False) for address in reasons} == reasons
    local = {address: None if reason == PRIVATE else reason for address, reason in reasons.items()}
    assert {address: why_forbidden(address, allow_private=True) for address in reasons} == local


def test_the_edges_hold_addresses_that_are_let_through_too() -> None:
    assert sum(expected(address) is None for address in edges()) > 25


@pytest.mark.parametrize(("address", "v4"), [("64:ff9b::5db8:d70e", "93.184.215.14"), ("64:ff9b::a00:1", "10.0.0.1")])
@pytest.mark.parametrize("allow_private", [True, False])
def test_nat64_is_judged_as_the_address_that_it_stands_for(address: str, v4: str, allow_private: bool) -> None:
    assert is_translated(address)
    assert why_forbidden(address, allow_private=allow_private) == why_forbidden(v4, allow_private=allow_private)


@pytest.mark.parametrize("address", ["64:ff9b::1:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "93.184.215.14"])
def test_what_is_beside_the_prefix_of_nat64_is_not_translated(address: str) -> None:
    assert not is_translated(address)


@pytest.mark.parametrize("address", ["64:ff9b::", "64:ff9b::ffff:ffff"])
def test_the_prefix_of_nat64_is_translated_to_its_end(address: str) -> None:
    assert is_translated(address)


def test_an_address_of_one_interface_and_none_at_all_are_refused_everywhere() -> None:
    for allow_private in (True, False):
        scoped = why_forbidden("2606:2800:21f::1%eth0", allow_private=allow_private)
        assert scoped == "is bound to a network interface"
        assert why_forbidden("partner.example", allow_private=allow_private) == "is no IP address"


METADATA_NAMES = [
    "metadata",
    "metadata.google.internal",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
]
INNER = ["arpa", "corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "onion", "private"]


def judged(*hosts: str, allow_private: bool) -> dict[str | None, list[str]]:
    """The hosts by why they are refused."""
    found: dict[str | None, list[str]] = {}
    for host in hosts:
        found.setdefault(why_inner(host, allow_private=allow_private), []).append(host)
    return found


def test_metadata_services_have_no_name_anywhere() -> None:
    hosts = [*METADATA_NAMES, *(f"a.b.{name}" for name in METADATA_NAMES)]
    for allow_private in (True, False):
        assert judged(*hosts, allow_private=allow_private) == {"has the host of a metadata service": hosts}
    others = [f"{name}.example" for each in METADATA_NAMES for name in (each, f"x{each}")]
    assert judged(*others, allow_private=False) == {None: others}


def test_inner_domains_are_for_the_local_gateway_only() -> None:
    below = [f"{host}.{domain}" for domain in INNER for host in ("ocpi", "a.b")]
    assert judged(*below, allow_private=False) == {"has a host of an inner network": below}
    assert judged(*INNER, allow_private=False) == {"has a host without a domain": INNER}
    assert judged(*below, *INNER, allow_private=True) == {None: [*below, *INNER]}
    others = [host for each in INNER for host in (f"{each}.partner.example", f"ocpi.x{each}", f"ocpi.{each}x")]
    assert judged(*others, allow_private=False) == {None: others}


Scheme = Literal["https", "http"]
PUNCTUATION = "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~"
WHITESPACE = "holds whitespace, a backslash or a control character"
NO_NAME = "has a host that is no DNS name"
ODD = "has an IPv4 address in an odd form"
PORTS = [
    *(7, 9, 13, 19, 20, 21, 22, 23, 25, 37, 53, 69, 79, 110, 111, 119, 123, 135, 137, 138, 139, 143, 161, 179),
    *(389, 445, 465, 512, 513, 514, 515, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2375, 2376, 2379, 2380),
    *(3306, 3389, 5432, 5672, 5900, 6379, 9001, 11211, 27017),
]


UNREADABLE = dict(
    [
        ("https://partner.example/" + "a" * (MAX_URL_LENGTH - 23), "is longer than 4096 characters"),
        ("https://partner.example/a b", WHITESPACE),
        ("https://partner.example/a\\b", WHITESPACE),
        ("https://partner.example/\x7f", WHITESPACE),
        ("https://partner.example/\u2028", WHITESPACE),
        ("partner.example", "is not absolute"),
        ("1https://partner.example", "is not absolute"),
        ("https:/partner.example", "is not absolute"),
        ("http://partner.example", "is not https"),
        ("ftp://user@partner.example", "is not https"),
        ("https://user@partner.example/", "names a user"),
        ("https://@partner.example/", "names a user"),
        ("https:///a", "has no readable host and port"),
        ("https://[partner.example]/", "has no readable host and port"),
        ("https://partner.example:/", "has no readable host and port"),
        ("https://partner.example:0443/", "has no readable host and port"),
        ("https://partner.example:123456/", "has no readable host and port"),
        ("https://partner.example:65536/", "has a port above 65535"),
        ("https://[::1::]/", "has an IPv6 address that is none"),
        ("https://[2606:2800:021f::1]/", "has an IPv6 address that is not in its shortest form"),
        ("https://partner..example/", NO_NAME),
        ("https://partner.example../", NO_NAME),
        ("https://-partner.example/", NO_NAME),
        ("https://partner_.example/", NO_NAME),
        ("https://" + "a" * 64 + ".example/", NO_NAME),
        ("https://" + ".".join(["a" * 49] * 5) + ".aaaa/", NO_NAME),
        ("https://127.1/", ODD),
        ("https://a.0x/", ODD),
        ("https://a.0X7F/", ODD),
        ("https://1.2.3.256/", ODD),
        ("https://part\u3002ner\u00e9.example/", "has a host with a dot that is no full stop"),
        ("https://part\uff0ener\u00e9.example/", "has a host with a dot that is no full stop"),
        ("https://part\uff61ner\u00e9.example/", "has a host with a dot that is no full stop"),
        ("https://" + "\u00e9" * 63 + ".example/", "has a host that IDNA does not allow"),
        ("https://\uff50artner.example/", "has a host with look-alike characters"),
        *((f"https://partner.example:{port}/", f"has port {port}, where no HTTP is spoken") for port in PORTS),
    ]
)


def why_unreadable(url: str) -> str:
    with pytest.raises(RefusedAddress) as refused:
        read_url(url, allow_http=False)
    assert str(refused.value) == f"the URL {refused.value.reason}"
    return refused.value.reason


def test_a_url_that_cannot_be_read_is_refused_in_one_sentence() -> None:
    assert {url: why_unreadable(url) for url in UNREADABLE} == UNREADABLE


def test_a_url_may_be_as_long_as_is_said_and_a_name_as_dns_allows() -> None:
    longest = "https://partner.example/" + "a" * (MAX_URL_LENGTH - 24)
    assert (MAX_URL_LENGTH, len(longest)) == (4096, 4096)
    assert read_url(longest, allow_http=False).path_and_query == "/" + "a" * (MAX_URL_LENGTH - 24)
    name = ".".join(["a" * 49] * 5) + ".aaa"
    assert len(name) == 253
    assert read_url(f"https://{name}/", allow_http=False).host == name
    label = "a" * 63
    assert read_url(f"https://{label}.example/", allow_http=False).host == f"{label}.example"


def test_other_ports_are_taken() -> None:
    for port in (1, 8, 24, 80, 443, 8080, 8443, 9000, 65535):
        assert read_url(f"https://partner.example:{port}/", allow_http=False).port == port


def test_a_url_is_read_into_its_parts() -> None:
    readings: list[tuple[str, Scheme, str, int, str, bool]] = [
        ("http://partner.example", "http", "partner.example", 80, "/", False),
        ("HTTP://partner.example", "http", "partner.example", 80, "/", False),
        ("https://partner.example?a#b", "https", "partner.example", 443, "/?a", False),
        ("https://[2606:2800:21F::1]/", "https", "2606:2800:21f::1", 443, "/", True),
        ("https://93.184.215.14/", "https", "93.184.215.14", 443, "/", True),
        ("https://a.B\u00fccher.EXAMPLE/", "https", "a.xn--bcher-kva.example", 443, "/", False),
        ("https://partner.example/!~%zz\u00e9", "https", "partner.example", 443, "/!~%zz%C3%A9", False),
        (f"https://partner.example/{PUNCTUATION}", "https", "partner.example", 443, f"/{PUNCTUATION}", False),
    ]
    for url, scheme, host, port, path, is_address in readings:
        assert read_url(url, allow_http=True) == PartnerUrl(scheme, host, port, path, is_address)


def resolving(*addresses: str) -> Any:
    return lambda _, port, *__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]


def refusal(guard: AddressGuard, url: str) -> RefusedAddress:
    with pytest.raises(RefusedAddress) as refused:
        guard.check(url)
    return refused.value


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://[64:ff9b::5db8:d70e]/", "has an IPv4 address in the form of NAT64"),
        ("https://10.0.0.1/", f"leads to 10.0.0.1, which {PRIVATE}"),
        ("https://partner.example/", f"leads to 127.0.0.1, which {PRIVATE}"),
        ("https://partner.lan/", "has a host of an inner network"),
        ("https://us.example/a/ocpi", "is one of our own"),
    ],
)
def test_the_guard_says_why(url: str, reason: str) -> None:
    guard = AddressGuard(False, resolving("93.184.215.14", "127.0.0.1"), own_url="https://us.example/a")
    error = refusal(guard, url)
    assert (error.reason, type(error)) == (reason, RefusedAddress)


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "?"), OSError("?"), UnicodeError("?"), ValueError("?")]
)
def test_a_name_that_cannot_be_resolved_is_told_from_one_without_an_address(error: Exception) -> None:
    def failing(*_: Any) -> Any:
        raise error

    unresolved = refusal(AddressGuard(False, failing), "https://partner.example/")
    assert (unresolved.reason, type(unresolved)) == (
        "has a host that cannot be resolved: partner.example",
        UnresolvedHost,
    )
    nowhere = refusal(AddressGuard(False, resolving()), "https://partner.example/")
    assert (nowhere.reason, type(nowhere)) == ("has a host without an address: partner.example", UnresolvedHost)


def test_what_is_below_our_own_url_is_ours() -> None:
    for own, url, is_own in (
        ("https://us.example", "https://us.example", True),
        ("https://us.example/", "https://us.example/anything", True),
        ("https://us.example/a", "https://us.example/a", True),
        ("https://us.example/a/", "https://us.example/a", True),
        ("https://us.example/a", "https://us.example/a/b?c", True),
        ("https://us.example/a", "https://us.example/a?b", True),
        ("https://us.example/a", "https://us.example/ab", False),
        ("https://us.example/aX", "https://us.example/a", False),
        ("https://us.example/a", "https://us.example/", False),
        ("https://us.example/a", "https://us.example/b?/a/", False),
        ("https://us.example/a", "https://us.example:8443/a", False),
        ("https://us.example/a", "https://not-us.example/a", False),
        ("http://us.example:443/a", "https://us.example/a", True),
    ):
        guard = AddressGuard(False, resolving("93.184.215.14"), own_url=own)
        if is_own:
            assert refusal(guard, url).reason == "is one of our own", (own, url)
        else:
            assert guard.check(url).address == "93.184.215.14"


@pytest.mark.parametrize(
    ("scheme", "host", "port", "authority"),
    [
        ("https", "partner.example", 443, "partner.example"),
        ("https", "partner.example", 80, "partner.example:80"),
        ("http", "partner.example", 80, "partner.example"),
        ("http", "partner.example", 443, "partner.example:443"),
        ("https", "::1", 443, "[::1]"),
        ("https", "::1", 8443, "[::1]:8443"),
    ],
)
def test_the_host_header_holds_the_port_unless_it_is_the_schemes_own(
    scheme: Any, host: str, port: int, authority: str
) -> None:
    assert Target(scheme, host, port, ("93.184.215.14",), "/").authority == authority
