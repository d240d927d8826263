"""The main job, end to end: a partner registers, pulls our locations and pushes its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from tests.support.gateway import Gateway


@pytest.mark.req("CR-03", "CR-04", "CR-09", "LOC-01", "LOC-06", "TOK-01", "TOK-03")
def test_a_partner_registers_pulls_our_locations_and_pushes_its_tokens(gateway: Gateway) -> None:
    location, token = fixture("location_max"), fixture("token_max")
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ABC") as partner:
        assert operator.put_object("locations", location).status_code == 201
        partner.register(operator.invite("EMSP"))

        page = partner.get(partner.endpoint("locations"))
        assert page.json()["data"] == [location]
        assert page.headers["X-Total-Count"] == "1"

        url = partner.own_url("tokens", token["uid"])
        assert partner.put(url, token).status_code == 201
        assert partner.get(url).json()["data"] == token
        assert operator.get(f"/partners/{partner.partner_id}/tokens/{token['uid']}").json() == token
