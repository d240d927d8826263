"""The primitive types: lengths, characters, forms and numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.v2_1_1.examples import MODELS, checked, example, faults

IDS = {
    "location_max": {
        "/id": 39,
        "/evses/0/uid": 39,
        "/evses/0/connectors/0/id": 36,
        "/evses/0/connectors/0/tariff_id": 36,
    },
    "evse_max": {"/evse_id": 48},
    "session_max": {"/id": 36, "/auth_id": 36},
    "cdr_max": {"/id": 36, "/auth_id": 36},
    "tariff_max": {"/id": 36},
    "token_max": {"/uid": 36, "/auth_id": 36},
    "location_references": {"/location_id": 39, "/evse_uids/0": 39},
    "cmd_reserve_now": {"/location_id": 39, "/evse_uid": 39},
    "cmd_stop_session": {"/session_id": 36},
    "cmd_unlock_connector": {"/location_id": 39, "/evse_uid": 39, "/connector_id": 36},
}
TEXTS = {
    "location_max": {
        "/name": 255,
        "/address": 45,
        "/city": 45,
        "/postal_code": 10,
        "/time_zone": 255,
        "/directions/0/text": 512,
        "/operator/name": 100,
        "/energy_mix/supplier_name": 64,
        "/energy_mix/energy_product_name": 64,
    },
    "evse_max": {"/floor_level": 4, "/physical_reference": 16},
    "session_max": {"/meter_id": 255},
    "cdr_max": {"/meter_id": 255, "/remark": 255},
    "token_max": {"/visual_number": 64, "/issuer": 64},
}


def cases(table: dict[str, dict[str, int]]) -> list[tuple[str, str, int]]:
    return [(name, pointer, length) for name, fields in table.items() for pointer, length in fields.items()]


def at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step) if step.isdigit() else step]
    return value


@pytest.mark.req("TF-78")
@pytest.mark.parametrize(("name", "pointer", "length"), cases(IDS))
def test_an_id_is_printable_ascii_of_at_most_its_length(name: str, pointer: str, length: int) -> None:
    longest = "A b/*%+" + "x" * (length - 7)
    assert at(checked(name, {pointer: longest}), pointer) == longest
    for wrong in ("", longest + "x", "é", "a\nb", "a\x7f", "a\n", 1):
        assert faults(name, {pointer: wrong}) == [pointer]


@pytest.mark.req("TF-78", "TF-79")
@pytest.mark.parametrize(("name", "pointer", "length"), cases(TEXTS))
def test_a_text_may_be_any_unicode_and_counts_code_points(name: str, pointer: str, length: int) -> None:
    for character in ("x", "é", "\U0001f50c"):
        assert at(checked(name, {pointer: character * length}), pointer) == character * length
        assert faults(name, {pointer: character * (length + 1)}) == [pointer]
    assert faults(name, {pointer: 5}) == [pointer]


@pytest.mark.req("CR-31")
@pytest.mark.parametrize(
    "url",
    [
        "https://cpo.example",
        "http://cpo.example:8080/ocpi?x=1&y=%20#z",
        "HTTPS://CPO.example/",
        "https://[2001:db8::1]:443/a",
        "https://user@cpo.example/",
        "https://cpo.example/" + "a" * 235,
    ],
)
def test_a_url_is_absolute_http_with_a_host(url: str) -> None:
    assert checked("cmd_stop_session", {"/response_url": url})["response_url"] == url


@pytest.mark.req("CR-31", "TF-78")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "/ocpi",
        "cpo.example/ocpi",
        "//cpo.example",
        "ftp://cpo.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443/",
        "https://cpo.example:99999/",
        "https://cpo.example:port/",
        "https://[2001:db8::1/",
        "https://cpo.example/a b",
        "https://cpo.example/\n",
        " https://cpo.example/",
        "https://cpo.example/\u2003x",
        "https://evil.example\\@cpo.example/",
        "https://cpo.example/" + "a" * 236,
        5,
    ],
)
def test_nothing_else_is_a_url(url: Any) -> None:
    assert faults("cmd_stop_session", {"/response_url": url}) == ["/response_url"]


@pytest.mark.req("SES-25")
@pytest.mark.parametrize("number", ["12.5", True, float(1), [], Decimal("NaN"), Decimal("Infinity")])
def test_a_number_is_a_json_number_and_nothing_else(number: Any) -> None:
    assert faults("session_max", {"/kwh": number}) == ["/kwh"]


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("session_max", "/kwh"),
        ("session_max", "/charging_periods/0/dimensions/0/volume"),
        ("cdr_max", "/total_energy"),
        ("cdr_max", "/total_time"),
        ("cdr_max", "/total_parking_time"),
        ("tariff_max", "/elements/0/price_components/0/step_size"),
        ("tariff_max", "/elements/1/restrictions/min_duration"),
        ("connector_max", "/voltage"),
        ("connector_max", "/amperage"),
    ],
)
def test_no_volume_time_or_step_is_negative(name: str, pointer: str) -> None:
    assert at(checked(name, {pointer: 0}), pointer) == 0
    assert faults(name, {pointer: -1}) == [pointer]


@pytest.mark.req("CMD-13")
@pytest.mark.parametrize("integer", [0, -5, 2**63 - 1, Decimal("230.0"), Decimal("2.3E+2")])
def test_an_integer_may_be_written_with_a_fraction_of_zero(integer: Any) -> None:
    kept = checked("cmd_reserve_now", {"/reservation_id": integer})["reservation_id"]
    assert kept == integer
    assert type(kept) is int


@pytest.mark.req("CMD-13")
@pytest.mark.parametrize("integer", ["x", "42", True, Decimal("42.5"), Decimal("1E+400"), Decimal("NaN"), 2**63, [42]])
def test_nothing_else_is_an_integer(integer: Any) -> None:
    assert faults("cmd_reserve_now", {"/reservation_id": integer}) == ["/reservation_id"]


@pytest.mark.parametrize("pixels", [0, 99999])
def test_an_integer_of_five_digits_has_at_most_five(pixels: int) -> None:
    assert checked("evse_max", {"/images/0/width": pixels})["images"][0]["width"] == pixels
    assert faults("evse_max", {"/images/0/width": 100_000}) == ["/images/0/width"]


@pytest.mark.parametrize("flag", [0, 1, "true", "yes", []])
def test_a_boolean_is_true_or_false_and_nothing_else(flag: Any) -> None:
    assert faults("token_max", {"/valid": flag}) == ["/valid"]


@pytest.mark.req("SES-25")
@pytest.mark.parametrize("name", ["session_max", "cdr_max", "tariff_max"])
def test_a_currency_is_a_code_of_iso_4217(name: str) -> None:
    for code in ("EUR", "SEK", "HRK", "XCG"):
        assert checked(name, {"/currency": code})["currency"] == code
    for wrong in ("eur", "EU", "EURO", "", "AAA", "€", 978):
        assert faults(name, {"/currency": wrong}) == ["/currency"]


@pytest.mark.req("TF-77")
@pytest.mark.parametrize("wrong", ["available", "Available", "", " AVAILABLE", 0, True, None, ["AVAILABLE"], {}])
def test_an_enum_is_compared_as_it_is_written(wrong: Any) -> None:
    assert faults("evse_max", {"/status": wrong}) == ["/status"]


def test_no_example_is_changed_by_checking_it() -> None:
    for name in MODELS:
        value = example(name)
        checked(name, {})
        assert value == example(name)
