"""Who names a URL of ours has us call ourselves, however it is written; who is beside us may be a partner."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ocpi.outbound.address_guard import AddressGuard, RefusedAddress
from ocpi.outbound.client import PartnerClient
from ocpi.outbound.unreachable import PartnerUnreachable

OWN = "https://us.example/ocpi-prod"


def is_own(own: str, path: str, host: str = "https://us.example") -> bool:
    guard = AddressGuard(False, lambda *_: [(socket.AF_INET, 1, 6, "", ("93.184.215.14", 443))], own_url=own)
    try:
        guard.check(f"{host}{path}")
    except RefusedAddress as refused:
        return refused.reason == "is one of our own"
    return False


@pytest.mark.parametrize(
    "path",
    [
        "/ocpi-prod",
        "/ocpi-prod/ocpi/cpo/versions?a=b",
        "//ocpi-prod/x",
        "///ocpi-prod",
        "/./ocpi-prod",
        "/a/../ocpi-prod",
        "/ocpi-prod/../a",
        "/%6fcpi-prod/x",
        "/ocpi%2Dprod",
        "/%6Fcpi%2dprod%2fx",
        "/%2focpi-prod",
        "/a%2f..%2focpi-prod",
        "/a/%2e%2e/ocpi-prod",
        "/a/%2E./ocpi-prod",
        "/%2e/ocpi-prod",
        "/a%5c..%5cocpi-prod",
        "/%5cocpi-prod",
        "/%256fcpi-prod",
        "/%%36fcpi-prod",
        "/a/%252e%252e/ocpi-prod",
        "/a/..;/ocpi-prod",
        "/ocpi-prod;v=1/x",
        "/;v=1/ocpi-prod",
        "/ocpi%09-prod",
        "/%00/ocpi-prod",
        "/OCPI-Prod/x",
        "/a/..",
    ],
)
def test_whatever_may_be_read_as_below_our_own_url_is_ours(path: str) -> None:
    assert is_own(OWN, path)


@pytest.mark.parametrize("host", ["https://US.example", "https://us.example.", "https://us.example:443"])
def test_our_host_is_ours_however_it_is_spelled(host: str) -> None:
    assert is_own(OWN, "//ocpi-prod", host)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/?x=/../ocpi-prod",
        "/ocpi-production",
        "/ocpi",
        "/other/ocpi-prod",
        "/other//versions",
        "/NL%2DTNM/locations/a%20b%C3%A9",
        "/other/...",
        "/other/.well-known",
    ],
)
def test_what_is_plainly_beside_us_at_our_host_is_not_ours(path: str) -> None:
    assert not is_own(OWN, path)


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/%25"])
def test_another_host_may_write_its_paths_as_it_likes(path: str) -> None:
    assert not is_own(OWN, path, "https://partner.example")
    assert not is_own(OWN, path, "https://us.example:8443")


def test_of_a_longer_path_every_segment_counts() -> None:
    assert is_own(f"{OWN}/v1/", "//ocpi-prod//v1/ocpi")
    assert not is_own(f"{OWN}/v1", "/ocpi-prod/v2/ocpi")
    assert not is_own(f"{OWN}/v1", "/ocpi-prod")


def test_whose_path_can_be_read_in_two_ways_has_its_host_for_itself() -> None:
    assert is_own("https://us.example/a%2525", "/other")


def test_an_address_of_api_gateway_is_of_one_api_with_every_stage() -> None:
    api = "a1b2c3.execute-api.eu-west-1.amazonaws.com"
    assert is_own(f"https://{api}/prod", "/test/ocpi", f"https://{api}")
    assert not is_own(f"https://{api}/prod", "/prod/ocpi", "https://d4e5f6.execute-api.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("error", [ValueError("embedded null character"), UnicodeError("label too long")])
def test_a_resolver_that_cannot_read_a_name_is_a_partner_that_cannot_be_reached(error: Exception) -> None:
    def failing(*_: Any) -> Any:
        raise error

    with pytest.raises(PartnerUnreachable) as failed:
        PartnerClient(AddressGuard(False, failing)).request("GET", "https://partner.example/", token="abc", deadline=5)
    assert failed.value.kind == "dns"
