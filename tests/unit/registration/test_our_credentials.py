from __future__ import annotations

from dataclasses import replace

import pytest

from ocpi.registration.our_credentials import our_credentials
from tests.unit.registration.world import SETTINGS


@pytest.mark.parametrize(
    ("role", "url"),
    [
        ("CPO", "https://us.example/a/ocpi/emsp/versions"),
        ("EMSP", "https://us.example/a/ocpi/cpo/versions"),
    ],
)
@pytest.mark.parametrize("website", [None, "https://www.us.example"])
def test_a_partner_is_told_who_we_are_and_where_what_it_needs_is(role: str, url: str, website: str | None) -> None:
    settings = replace(SETTINGS, party_name="Us", party_website=website)
    details = {"name": "Us"} if website is None else {"name": "Us", "website": website}
    assert our_credentials(settings, "https://us.example/a", role, "token-x") == {  # type: ignore[arg-type] # a role
        "token": "token-x",
        "url": url,
        "business_details": details,
        "party_id": "EXA",
        "country_code": "NL",
    }
