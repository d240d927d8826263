from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.outbound.address_guard import AddressGuard, RefusedAddress, Target, UnresolvedHost
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from tests.support.counted_sockets import counted

Resolver = Callable[..., list[tuple[Any, ...]]]


def resolving(*addresses: str) -> Resolver:
    """A resolver that knows every name by the same addresses."""

    def resolve(host: str, port: int, family: int = 0, kind: int = 0) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET6, kind, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, kind, 6, "", (address, port))
            for address in addresses
        ]

    return resolve


PUBLIC = resolving("93.184.215.14")
STRICT = AddressGuard(allow_private=False, resolver=PUBLIC)
LOCAL = AddressGuard(allow_private=True, resolver=PUBLIC)

ODD_URLS = [
    "http://partner.example/ocpi",
    "HTTP://partner.example/ocpi",
    "ftp://partner.example/ocpi",
    "file:///etc/passwd",
    "gopher://partner.example/",
    "unix:///var/run/docker.sock",
    "//partner.example/ocpi",
    "/ocpi/versions",
    "partner.example/ocpi",
    "https:partner.example/ocpi",
    "https:/partner.example/ocpi",
    "https:///ocpi",
    "https://",
    "",
    "https://user@partner.example/",
    "https://user:secret@partner.example/",
    "https://partner.example@10.0.0.1/",
    "https://partner.example\\@10.0.0.1/",
    "https://partner.example%40evil.example@10.0.0.1/",
    "https://part%6eer.example/",
    "https://%31%30.0.0.1/",
    "https://partner..example/",
    "https://.partner.example/",
    "https://partner.example../",
    "https://./",
    "https://-partner.example/",
    "https://partner-.example/",
    "https://part ner.example/",
    " https://partner.example/",
    "https://partner.example/\n",
    "https://partner.example/a b",
    "https://partner.example/\r\nHost: evil.example",
    "https://partner\t.example/",
    "https://partner\u00a0.example/",
    "https://partner\u200b.example/",
    "https://partner.example/\ud800",
    "https://partner.example/\u202e",
    "https://partner.example:/",
    "https://partner.example:0/",
    "https://partner.example:65536/",
    "https://partner.example:+443/",
    "https://partner.example:0443/",
    "https://partner.example:\uff14\uff14\uff13/",
    "https://partner.example:443:443/",
    "https://partner.example:22/",
    "https://partner.example:25/",
    "https://partner.example:53/",
    "https://partner.example:3306/",
    "https://partner.example:6379/",
    "https://partner.example:9001/",
    "https://partner/ocpi",
    "https://localhost/ocpi",
    "https://" + "a" * 64 + ".example/",
    "https://" + ".".join(["a" * 60] * 5) + ".example/",
    "https://partner.example/" + "a" * 5000,
    # addresses in odd forms
    "https://2130706433/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://93.184.215.014/",
    "https://93.184.215.0xe/",
    "https://93.184.215.14.5/",
    "https://256.1.1.1/",
    "https://\uff19\uff13.184.215.14/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://\u0661\u0662\u0667.0.0.1/",
    "https://93\u3002184\u3002215\u300214/",
    "https://[::1/",
    "https://::1/",
    "https://[2606:2800:21f:0:0:0:0:1]/",
    "https://[2606:2800:021f::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.a]/",
    "https://[partner.example]/",
    "https://[93.184.215.14]/",
    # names in disguise
    "https://\uff50artner.example/",
    "https://partner.\u24d4xample/",
    "https://part\u00adner.example/",
    "https://partner\u2100.example/",
    "https://partner\uff0eexample/",
    "https://stra\u00dfe.example/",
]

FORBIDDEN_ADDRESSES = [
    "0.0.0.0",  # noqa: S104 - nothing binds to it here
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:7f00:1",
    "::ffff:93.184.215.14",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:5ef5:79fb::1",
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]

NEVER_EVEN_LOCALLY = [
    "0.0.0.0",  # noqa: S104 - nothing binds to it here
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "::ffff:7f00:1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "ff02::1",
]


def literal(address: str) -> str:
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


@pytest.mark.parametrize("url", ODD_URLS)
def test_a_url_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress):
        STRICT.check(url)


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_a_special_address_is_refused_in_the_url_and_behind_a_name(address: str) -> None:
    with pytest.raises(RefusedAddress):
        STRICT.check(literal(address))
    with pytest.raises(RefusedAddress):
        AddressGuard(allow_private=False, resolver=resolving(address)).check("https://partner.example/")


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_one_forbidden_address_among_several_refuses_the_url(address: str) -> None:
    for addresses in (("93.184.215.14", address), (address, "2606:2800:21f::1")):
        with pytest.raises(RefusedAddress):
            AddressGuard(allow_private=False, resolver=resolving(*addresses)).check("https://partner.example/")


@pytest.mark.parametrize("address", NEVER_EVEN_LOCALLY)
def test_metadata_and_special_addresses_are_refused_where_private_ones_are_allowed(address: str) -> None:
    with pytest.raises(RefusedAddress):
        LOCAL.check(literal(address))
    with pytest.raises(RefusedAddress):
        AddressGuard(allow_private=True, resolver=resolving(address)).check("http://partner.example/")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "http://[::1]:9001/"])
def test_the_lambda_runtime_api_is_refused_where_private_addresses_are_allowed(url: str) -> None:
    with pytest.raises(RefusedAddress):
        LOCAL.check(url)


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("http://127.0.0.1:8080/a", Target("http", "127.0.0.1", 8080, ("127.0.0.1",), "/a"), "127.0.0.1:8080"),
        ("http://192.168.0.7", Target("http", "192.168.0.7", 80, ("192.168.0.7",), "/"), "192.168.0.7"),
        ("https://[::1]:8443/?a=b", Target("https", "::1", 8443, ("::1",), "/?a=b"), "[::1]:8443"),
        ("https://[fd12::1]/", Target("https", "fd12::1", 443, ("fd12::1",), "/"), "[fd12::1]"),
        ("http://localhost:8080/a", Target("http", "localhost", 8080, ("127.0.0.1",), "/a"), "localhost:8080"),
    ],
)
def test_loopback_private_addresses_and_http_are_allowed_where_switched_on(
    url: str, target: Target, authority: str
) -> None:
    found = AddressGuard(allow_private=True, resolver=resolving("127.0.0.1")).check(url)
    assert found == target
    assert found.authority == authority
    assert found.address == target.addresses[0]


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://partner.example", "partner.example", 443, "/"),
        ("HTTPS://Partner.Example/Ocpi", "partner.example", 443, "/Ocpi"),
        ("https://partner.example./a", "partner.example", 443, "/a"),
        ("https://partner.example:443/a", "partner.example", 443, "/a"),
        ("https://partner.example:8443/a/?b=c%20d&e=%2F#part", "partner.example", 8443, "/a/?b=c%20d&e=%2F"),
        ("https://partner.example?offset=5", "partner.example", 443, "/?offset=5"),
        ("https://partner.example/a@b:c/d", "partner.example", 443, "/a@b:c/d"),
        ("https://partner.example/z\u00fcrich", "partner.example", 443, "/z%C3%BCrich"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://1.2.partner.example/", "1.2.partner.example", 443, "/"),
        ("https://my_host.partner.example/", "my_host.partner.example", 443, "/"),
    ],
)
def test_an_ordinary_url_is_pinned_to_the_resolved_address(url: str, host: str, port: int, path: str) -> None:
    target = STRICT.check(url)
    assert (target.scheme, target.host, target.port, target.path_and_query) == ("https", host, port, path)
    assert target.addresses == ("93.184.215.14",)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "2a00:1450:4001::1"])
def test_a_public_address_is_allowed_in_the_url_and_behind_a_name(address: str) -> None:
    assert STRICT.check(literal(address)).address == address
    assert AddressGuard(False, resolving(address)).check("https://partner.example/").address == address


def test_a_public_ipv4_address_may_be_what_a_resolver_of_an_ipv6_network_makes_of_it_but_is_not_written_so() -> None:
    translated = "64:ff9b::5db8:d70e"
    assert AddressGuard(False, resolving(translated)).check("https://partner.example/").address == translated
    for guard in (STRICT, LOCAL):
        with pytest.raises(RefusedAddress):
            guard.check(literal(translated))


def test_the_name_is_resolved_exactly_once_and_as_it_is_sent() -> None:
    asked: list[tuple[Any, ...]] = []

    def resolve(*question: Any) -> list[tuple[Any, ...]]:
        asked.append(question)
        return PUBLIC(*question)

    AddressGuard(False, resolve).check("https://B\u00fccher.example:8443/")
    assert asked == [("xn--bcher-kva.example", 8443, 0, socket.SOCK_STREAM)]


def test_ipv4_comes_first_and_no_address_twice() -> None:
    guard = AddressGuard(False, resolving("2606:2800:21f::1", "93.184.215.14", "93.184.215.14"))
    assert guard.check("https://partner.example/").addresses == ("93.184.215.14", "2606:2800:21f::1")


def test_a_name_without_addresses_is_unresolved() -> None:
    def failing(*_: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for resolver in (failing, resolving()):
        with pytest.raises(UnresolvedHost):
            AddressGuard(False, resolver).check("https://partner.example/")


def test_what_a_resolver_gives_that_is_no_address_is_refused() -> None:
    for nonsense in ("fe80::1%eth0", "2606:2800:21f::1%eth0", "partner.example"):
        with pytest.raises(RefusedAddress):
            AddressGuard(False, resolving(nonsense)).check("https://partner.example/")


def test_a_url_can_be_judged_without_resolving_its_host() -> None:
    def never(*_: Any) -> list[tuple[Any, ...]]:
        pytest.fail("resolved")

    guard = AddressGuard(False, never)
    assert guard.read("https://partner.example/a").host == "partner.example"
    with pytest.raises(RefusedAddress):
        guard.read("https://169.254.169.254/")


def test_the_reason_holds_neither_userinfo_nor_query() -> None:
    for url in ("https://user:hunter2@partner.example/", "https://10.0.0.1/?key=hunter2", "https://a:22/?hunter2"):
        with pytest.raises(RefusedAddress) as refused:
            STRICT.check(url)
        assert "hunter2" not in str(refused.value)


AUTHORITIES = st.text(
    st.characters() | st.sampled_from("0123456789abcdefx.:[]%@-_\u3002\uff11\u00ad\u200d"), max_size=30
)


ENDINGS = st.sampled_from(["", ".example", "a.example", ".example:8443", ".1", ".0.0.1"])


@given(AUTHORITIES, ENDINGS, st.text(max_size=10))
@settings(max_examples=1000, deadline=None)
def test_whatever_the_url_is_it_is_refused_or_read_into_a_plain_host_and_path(
    start: str, ending: str, path: str
) -> None:
    url = f"https://{start}{ending}/{path}"
    try:
        target = STRICT.check(url)
    except RefusedAddress:
        return
    assert re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:]+", target.host)
    assert 1 <= target.port <= 65535
    assert re.fullmatch(r"/[!-~]*", target.path_and_query)
    assert (urlsplit(url).port or 443) == target.port, "another parser sees the same port"


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that was done with sockets since the test began."""
    return counted(monkeypatch)


def test_no_socket_is_opened_for_a_refused_url(sockets: list[str]) -> None:
    client = PartnerClient(STRICT)
    for url in [*ODD_URLS, *map(literal, FORBIDDEN_ADDRESSES)]:
        with pytest.raises(PartnerUnreachable) as refused:
            client.request("GET", url, token="abc", deadline=5)
        assert refused.value.kind == "refused_address"
    behind_a_name = PartnerClient(AddressGuard(False, resolving("93.184.215.14", "10.0.0.1")))
    with pytest.raises(PartnerUnreachable):
        behind_a_name.request("GET", "https://partner.example/", token="abc", deadline=5)
    assert sockets == []
    socket.socket().close()
    assert sockets == ["made"], "the counter counts"
