from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.demo.locations import locations
from local.demo.tariffs import tariffs
from local.demo.tokens import tokens
from ocpi.strict_json import read
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import OcpiModel, check
from ocpi.v2_1_1.tariffs import Tariff
from ocpi.v2_1_1.tokens import Token

PARTY = {"country_code": "NL", "party_id": "EXA", "business_details": {"name": "Scheldeland Laden"}}
LOCATIONS, TARIFFS, TOKENS = locations(PARTY), tariffs(), tokens(PARTY)
EVSES = [evse for location in LOCATIONS for evse in location["evses"]]
CONNECTORS = [connector for evse in EVSES for connector in evse["connectors"]]


@pytest.mark.parametrize(("model", "objects"), [(Location, LOCATIONS), (Tariff, TARIFFS), (Token, TOKENS)])
def test_every_object_is_valid(model: type[OcpiModel], objects: list[dict[str, Any]]) -> None:
    for each in objects:
        assert check(model, read(json.dumps(each).encode()), last_updated="optional")


def test_the_network_is_the_same_on_every_start() -> None:
    assert (locations(PARTY), tariffs(), tokens(PARTY)) == (LOCATIONS, TARIFFS, TOKENS)


def test_there_are_fifty_locations_and_twenty_cards_with_ids_of_their_own() -> None:
    assert len({location["id"] for location in LOCATIONS}) == 50
    assert len({evse["uid"] for evse in EVSES}) == len(EVSES)
    assert len({token["uid"] for token in TOKENS}) == 20
    assert len({token["auth_id"] for token in TOKENS}) == 20


def test_coordinates_have_exactly_six_decimals_and_lie_in_zeeland() -> None:
    for location in LOCATIONS:
        latitude, longitude = location["coordinates"]["latitude"], location["coordinates"]["longitude"]
        assert re.fullmatch(r"5[0-9]\.[0-9]{6}", latitude)
        assert re.fullmatch(r"[0-9]\.[0-9]{6}", longitude)
        assert 51.2 < float(latitude) < 51.8
        assert 3.3 < float(longitude) < 4.3


def test_evse_ids_are_those_of_the_party() -> None:
    assert all(re.fullmatch(r"NL\*EXA\*E[0-9]{6}", evse["evse_id"]) for evse in EVSES)
    assert len({evse["evse_id"] for evse in EVSES}) == len(EVSES)


def test_every_tariff_that_a_connector_names_is_there_and_used() -> None:
    assert {connector["tariff_id"] for connector in CONNECTORS} == {tariff["id"] for tariff in TARIFFS}


def test_ac_and_dc_statuses_and_cards_are_mixed() -> None:
    assert {connector["power_type"] for connector in CONNECTORS} == {"AC_3_PHASE", "DC"}
    assert {connector["amperage"] for connector in CONNECTORS if connector["power_type"] != "DC"} == {16, 32}
    assert {"AVAILABLE", "CHARGING", "OUTOFORDER"} <= {evse["status"] for evse in EVSES}
    assert {token["whitelist"] for token in TOKENS} == {"ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"}
    assert {token["valid"] for token in TOKENS} == {True, False}
