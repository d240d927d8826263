"""Rules of sessions, CDRs, tariffs, tokens, commands, credentials and versions that one field holds."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.faults import Invalid
from ocpi.v2_1_1.cdrs import AuthMethod, CdrDimensionType
from ocpi.v2_1_1.commands import CommandResponseType, CommandType
from ocpi.v2_1_1.model import check
from ocpi.v2_1_1.sessions import SessionStatus
from ocpi.v2_1_1.tariffs import DayOfWeek, TariffDimensionType
from ocpi.v2_1_1.tokens import Allowed, TokenType, WhitelistType
from ocpi.v2_1_1.versions import Endpoint, ModuleID, Version, VersionDetails
from tests.unit.v2_1_1.examples import ABSENT, checked, faults

ENUM_FIELDS = [
    pytest.param("session_max", "/status", SessionStatus, "RESERVATION", marks=pytest.mark.req("SES-18")),
    pytest.param("session_max", "/auth_method", AuthMethod, "COMMAND", marks=pytest.mark.req("SES-25")),
    pytest.param("cdr_max", "/auth_method", AuthMethod, "COMMAND", marks=pytest.mark.req("CDR-23")),
    pytest.param(
        "cdr_max", "/charging_periods/0/dimensions/0/type", CdrDimensionType, "POWER", marks=pytest.mark.req("CDR-24")
    ),
    pytest.param("tariff_max", "/elements/0/price_components/0/type", TariffDimensionType, "MAX_CURRENT"),
    pytest.param(
        "tariff_max", "/elements/1/restrictions/day_of_week/0", DayOfWeek, "1", marks=pytest.mark.req("TAR-14")
    ),
    pytest.param("token_max", "/type", TokenType, "APP_USER", marks=pytest.mark.req("TOK-07")),
    pytest.param("token_max", "/whitelist", WhitelistType, "SOMETIMES", marks=pytest.mark.req("TOK-08")),
    pytest.param("authorization_info", "/allowed", Allowed, "PERHAPS", marks=pytest.mark.req("TOK-37")),
    pytest.param(
        "command_response_accepted",
        "/result",
        CommandResponseType,
        "SUCCESSFUL",
        marks=pytest.mark.req("CMD-04", "CMD-32"),
    ),
]


@pytest.mark.parametrize(("name", "pointer", "enum", "unlisted"), ENUM_FIELDS)
def test_listed_values_are_accepted_and_others_refused(name: str, pointer: str, enum: Any, unlisted: str) -> None:
    for value in enum:
        assert checked(name, {pointer: str(value)})
    for wrong in (unlisted, str(next(iter(enum))).lower()):
        assert faults(name, {pointer: wrong}) == [pointer]


@pytest.mark.req("SES-26")
@pytest.mark.parametrize("name", ["session_max", "cdr_max"])
def test_a_charging_period_needs_a_start_and_a_dimension(name: str) -> None:
    for field in ("start_date_time", "dimensions"):
        for wrong in (ABSENT, None, []):
            assert faults(name, {f"/charging_periods/0/{field}": wrong}) == [f"/charging_periods/0/{field}"]


def test_charging_periods_out_of_order_are_no_fault_of_the_form() -> None:
    periods = list(reversed(checked("cdr_max", {})["charging_periods"]))
    assert checked("cdr_max", {"/charging_periods": periods})["charging_periods"] == periods


@pytest.mark.req("TAR-14")
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("start_time", "24:00"),
        ("start_time", "9:00"),
        ("end_time", "22:60"),
        ("start_date", "2024-13-01"),
        ("start_date", "2023-02-29"),
        ("end_date", "24-01-01"),
        ("end_date", "2024-01-01T00:00:00Z"),
        ("min_kwh", "0"),
        ("max_kwh", True),
        ("max_power", "150"),
        ("min_duration", "60"),
        ("max_duration", 0.5),
        ("day_of_week", "MONDAY"),
    ],
)
def test_restrictions_have_their_form(field: str, wrong: Any) -> None:
    pointer = f"/elements/1/restrictions/{field}"
    assert faults("tariff_max", {pointer: wrong}) == [pointer]


@pytest.mark.req("TAR-24")
def test_a_text_of_a_tariff_has_a_language_of_two_letters_and_at_most_512_characters() -> None:
    for language in ("e", "eng", "", "1n", "e\n", None):
        assert faults("tariff_max", {"/tariff_alt_text/0/language": language}) == ["/tariff_alt_text/0/language"]
    assert checked("tariff_max", {"/tariff_alt_text/0/text": "é" * 512})
    assert faults("tariff_max", {"/tariff_alt_text/0/text": "é" * 513}) == ["/tariff_alt_text/0/text"]


@pytest.mark.req("TAR-04")
@pytest.mark.parametrize("field", ["type", "price", "step_size"])
def test_a_price_component_has_type_price_and_step_size(field: str) -> None:
    pointer = f"/elements/0/price_components/0/{field}"
    assert faults("tariff_max", {pointer: ABSENT}) == [pointer]
    assert faults("tariff_max", {pointer: "1.5"}) == [pointer]


@pytest.mark.req("TOK-11")
def test_the_language_of_a_token_has_two_letters() -> None:
    assert faults("token_max", {"/language": "nld"}) == ["/language"]


@pytest.mark.req("TOK-41")
def test_location_references_need_a_location() -> None:
    assert faults("location_references", {"/location_id": ABSENT}) == ["/location_id"]


@pytest.mark.req("CMD-13", "CMD-14")
@pytest.mark.parametrize("name", ["cmd_reserve_now", "cmd_start_session"])
def test_a_command_needs_the_full_token_and_no_evse(name: str) -> None:
    assert "evse_uid" not in checked(name, {"/evse_uid": ABSENT})
    assert faults(name, {"/token/whitelist": ABSENT}) == ["/token/whitelist"]


@pytest.mark.req("CMD-26")
def test_cancel_reservation_is_no_command_of_this_version() -> None:
    assert "CANCEL_RESERVATION" not in set(CommandType)


@pytest.mark.req("CR-30", "CR-31", "CR-32")
@pytest.mark.parametrize(
    ("pointer", "wrong"),
    [
        ("/token", "x" * 65),
        ("/token", ""),
        ("/token", "a b"),
        ("/token", "é"),
        ("/url", "/ocpi"),
        ("/url", "https://cpo.example/" + "x" * 236),
        ("/party_id", "WMCX"),
        ("/party_id", ""),
        ("/party_id", "W/C"),
        ("/country_code", "NLD"),
        ("/country_code", "N1"),
        ("/business_details/name", ABSENT),
        ("/business_details/name", "x" * 101),
        ("/business_details/logo/url", ABSENT),
        ("/business_details/logo/category", ABSENT),
        ("/business_details/logo/type", ABSENT),
        ("/business_details/logo/type", "jpeg2"),
    ],
)
def test_credentials_have_their_form(pointer: str, wrong: Any) -> None:
    assert faults("credentials_max", {pointer: wrong}) == [pointer]


@pytest.mark.req("VE-17")
def test_unknown_versions_and_modules_and_extra_members_are_taken() -> None:
    version = {"version": "9.9", "url": "https://cpo.example/9.9"}
    assert check(Version, version) == version
    endpoints = [
        {"identifier": identifier, "url": "https://cpo.example/x", "role": "SENDER"}
        for identifier in (*map(str, ModuleID), "nlexm-foo")
    ]
    assert check(VersionDetails, {"version": "2.1.1", "endpoints": endpoints})["endpoints"] == endpoints


@pytest.mark.req("VE-08")
def test_version_details_need_a_version_and_an_endpoint() -> None:
    with pytest.raises(Invalid, match="/endpoints must hold at least one element"):
        check(VersionDetails, {"version": "2.1.1", "endpoints": []})
    with pytest.raises(Invalid, match="/identifier must not be empty; /url is required"):
        check(Endpoint, {"identifier": ""})
