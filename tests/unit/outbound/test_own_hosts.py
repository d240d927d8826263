from __future__ import annotations

import pytest

from ocpi.outbound.own_hosts import is_partners, still_partners
from ocpi.outbound.partner_url import RefusedAddress
from ocpi.store.port import Partner, PartnerStatus

PARTNER = Partner(
    "p-1",
    "EMSP",
    "Partner",
    PartnerStatus.REGISTERED,
    "2026-01-01T00:00:00Z",
    versions_url="https://versions.partner.example/ocpi/versions",
    endpoints=(
        {"identifier": "sessions", "url": "https://user@partner.example/"},
        {"identifier": "tokens", "url": "https://tokens.partner.example:8443/ocpi/tokens"},
        {"identifier": "cdrs", "url": "http://cdrs.partner.example/cdrs"},
    ),
)


@pytest.mark.parametrize(
    ("url", "is_theirs"),
    [
        ("https://versions.partner.example/anything?at=all", True),
        ("HTTPS://VERSIONS.partner.example.:443/", True),
        ("https://tokens.partner.example:8443/", True),
        ("http://cdrs.partner.example:80/", True),
        ("https://tokens.partner.example/", False),
        ("https://tokens.partner.example:8444/", False),
        ("https://cdrs.partner.example/", False),
        ("http://cdrs.partner.example:443/", False),
        ("http://versions.partner.example:443/", False),
        ("https://partner.example/", False),
        ("https://evil.tokens.partner.example:8443/", False),
        ("https://other.example/?https://versions.partner.example/", False),
    ],
)
def test_a_url_is_the_partners_if_scheme_host_and_port_are_of_one_that_it_named(url: str, is_theirs: bool) -> None:
    assert is_partners(PARTNER, url) is is_theirs


@pytest.mark.parametrize("url", ["/relative", "https://user@versions.partner.example/", "https://versions..example/"])
def test_what_is_no_url_is_refused_and_not_judged(url: str) -> None:
    with pytest.raises(RefusedAddress):
        is_partners(PARTNER, url)


def test_who_has_named_no_host_has_none() -> None:
    nobody = Partner("p-1", "EMSP", "Partner", PartnerStatus.INVITED, "2026-01-01T00:00:00Z")
    assert not is_partners(nobody, "https://versions.partner.example/")


@pytest.mark.parametrize(
    ("kept", "is_used"),
    [
        ("http://cdrs.partner.example/cdrs/1", True),
        ("https://cdrs.where-it-was.example/cdrs/1", False),
        ("https://[", False),
        (None, False),
    ],
)
def test_a_url_that_was_kept_is_used_while_it_is_the_partners(kept: str | None, is_used: bool) -> None:
    assert still_partners(PARTNER, kept) == (kept if is_used else None)
