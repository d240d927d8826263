"""A result is sent to the partner itself and to nobody else, wherever `response_url` says (reading A-35)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.response_url import check_response_url
from ocpi.faults import Invalid
from ocpi.outbound.address_guard import AddressGuard

if TYPE_CHECKING:
    from ocpi.store.port import Partner
    from tests.unit.commands.world import World

PUBLIC = "93.184.215.14"
NAMES = {
    "emsp.example": [PUBLIC],
    "api.emsp.example": [PUBLIC],
    "inside.example": ["10.0.0.1"],
    "rebound.example": [PUBLIC, "169.254.169.254"],
    "localhost": ["127.0.0.1"],
}


def resolve(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
    if host not in NAMES:
        raise socket.gaierror
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in NAMES[host]]


STRICT = AddressGuard(allow_private=False, resolver=resolve)
LOCAL = AddressGuard(allow_private=True, resolver=resolve)


@pytest.fixture
def partner(world: World) -> Partner:
    """A partner whose versions and whose endpoints are at different hosts, some of which no partner should be at."""
    urls = ["https://api.emsp.example/2.1.1/tokens", "https://inside.example/x", "https://rebound.example/x"]
    urls += ["https://away.example/x", "https://10.0.0.7/x", "not a URL", "http://127.0.0.1:8081/x"]
    endpoints = tuple({"identifier": "tokens", "url": url} for url in urls)
    return world.partner("EMSP", "EMS", versions_url="https://emsp.example/versions", endpoints=endpoints)


def refusal(guard: AddressGuard, partner: Partner, url: str) -> str:
    with pytest.raises(Invalid) as caught:
        check_response_url(guard, partner, url)
    (fault,) = caught.value.faults
    assert fault.pointer == "/response_url"
    return fault.detail


@pytest.mark.req("CMD-38")
@pytest.mark.parametrize(
    "url",
    [
        "https://emsp.example/commands/1",
        "https://EMSP.example/odd//path?and=query&x=%2F",
        "https://emsp.example:8443/commands/1",
        "https://emsp.example./commands/1",
        "https://api.emsp.example/",
        "https://away.example/cannot-be-resolved-now",
    ],
)
def test_a_url_on_a_host_of_the_partner_is_taken(partner: Partner, url: str) -> None:
    check_response_url(STRICT, partner, url)


@pytest.mark.req("CMD-38")
@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/commands/1",
        "https://emsp.example.elsewhere.example/",
        "https://deep.api.emsp.example/",
        "https://example/",
        f"https://{PUBLIC}/",
        "https://[2606:2800:21f::1]/",
    ],
)
def test_a_url_on_another_host_is_refused(partner: Partner, url: str) -> None:
    assert refusal(STRICT, partner, url)


@pytest.mark.req("CMD-38")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "no URL",
        "/commands/1",
        "//emsp.example/commands/1",
        "file:///etc/passwd",
        "ftp://emsp.example/",
        "gopher://emsp.example/",
        "https://",
        "https://user@emsp.example/",
        "https://emsp.example@inside.example/",
        "https://emsp.example\\@inside.example/",
        "https://emsp.example/ with space",
        "https://emsp.example/\r\nHost: inside.example",
        "https://emsp.example:22/",
        "https://emsp.example:9001/",
        "https://emsp.example:0/",
        "https://emsp.example:99999/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://2130706433/",
    ],
)
@pytest.mark.parametrize("guard", [STRICT, LOCAL], ids=["strict", "local"])
def test_what_is_no_url_that_may_be_called_is_refused(partner: Partner, guard: AddressGuard, url: str) -> None:
    assert refusal(guard, partner, url)


@pytest.mark.req("CMD-38")
def test_only_the_local_gateway_takes_http_and_private_addresses(partner: Partner) -> None:
    assert refusal(STRICT, partner, "http://emsp.example/commands/1") == "is not https"
    assert refusal(STRICT, partner, "https://10.0.0.7/x")
    assert refusal(STRICT, partner, "http://127.0.0.1:8081/x")
    for url in ("http://emsp.example/commands/1", "http://127.0.0.1:9999/other", "https://10.0.0.7/x"):
        check_response_url(LOCAL, partner, url)


@pytest.mark.req("CMD-38")
@pytest.mark.parametrize("url", ["https://inside.example/1", "https://rebound.example/1"])
def test_a_host_that_resolves_to_a_forbidden_address_is_refused(partner: Partner, url: str) -> None:
    assert "leads to" in refusal(STRICT, partner, url)


@pytest.mark.req("CMD-38")
def test_even_the_local_gateway_calls_no_metadata_address(partner: Partner) -> None:
    assert "leads to 169.254.169.254" in refusal(LOCAL, partner, "https://rebound.example/1")


def test_a_refusal_repeats_nothing_of_the_query(partner: Partner) -> None:
    assert "secret" not in refusal(STRICT, partner, "https://elsewhere.example/?token=secret")
    assert "secret" not in refusal(STRICT, partner, "https://user:secret@emsp.example/?token=secret")
