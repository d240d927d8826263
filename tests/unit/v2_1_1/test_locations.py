"""Rules of chapter 8: EVSEs and connectors that differ, enums, opening hours, coordinates."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.v2_1_1 import locations
from tests.unit.v2_1_1.examples import ABSENT, checked, example, faults

ENUM_FIELDS = {
    "/type": locations.LocationType,
    "/evses/0/status": locations.Status,
    "/evses/0/status_schedule/0/status": locations.Status,
    "/evses/0/capabilities/0": locations.Capability,
    "/evses/0/parking_restrictions/0": locations.ParkingRestriction,
    "/evses/0/connectors/0/standard": locations.ConnectorType,
    "/evses/0/connectors/0/format": locations.ConnectorFormat,
    "/evses/0/connectors/0/power_type": locations.PowerType,
    "/facilities/0": locations.Facility,
    "/images/0/category": locations.ImageCategory,
    "/energy_mix/energy_sources/0/source": locations.EnergySourceCategory,
    "/energy_mix/environ_impact/0/source": locations.EnvironmentalImpactCategory,
}
REGULAR = [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}]


@pytest.mark.req("LOC-63")
@pytest.mark.parametrize(("pointer", "value"), [(at, value) for at, enum in ENUM_FIELDS.items() for value in enum])
def test_every_listed_enum_value_is_accepted(pointer: str, value: str) -> None:
    assert checked("location_max", {pointer: str(value)})


@pytest.mark.req("LOC-64", "TF-77")
@pytest.mark.parametrize("pointer", ENUM_FIELDS)
def test_an_unlisted_enum_value_is_refused(pointer: str) -> None:
    assert faults("location_max", {pointer: "FOO"}) == [pointer]
    listed = str(next(iter(ENUM_FIELDS[pointer])))
    assert faults("location_max", {pointer: listed.lower()}) == [pointer]


@pytest.mark.req("LOC-59")
@pytest.mark.parametrize("uid", ["E-100", "e-100"])
def test_two_evses_of_one_uid_are_refused_at_the_second(uid: str) -> None:
    assert faults("location_max", {"/evses/1/uid": uid}) == ["/evses/1/uid"]


@pytest.mark.req("LOC-59")
def test_two_connectors_of_one_id_in_an_evse_are_refused_at_the_second() -> None:
    connectors = [example("connector_max") | {"id": identity} for identity in ("a", "b", "A", "B")]
    pointers = ["/connectors/2/id", "/connectors/3/id"]
    assert faults("evse_max", {"/connectors": connectors}) == pointers
    assert faults("location_max", {"/evses/0/connectors": connectors}) == [f"/evses/0{pointer}" for pointer in pointers]
    assert faults("session_max", {"/location/evses/0/connectors": connectors}) == [
        f"/location/evses/0{pointer}" for pointer in pointers
    ]


@pytest.mark.req("LOC-58")
def test_connectors_of_different_evses_may_share_an_id() -> None:
    kept = checked("location_max", {})
    assert kept["evses"][0]["connectors"][0]["id"] == kept["evses"][1]["connectors"][0]["id"]


@pytest.mark.req("LOC-65")
@pytest.mark.parametrize(
    "hours",
    [
        {"twentyfourseven": True},
        {"twentyfourseven": False},
        {"regular_hours": REGULAR},
        {"regular_hours": REGULAR, "twentyfourseven": False},
        {"regular_hours": REGULAR, "twentyfourseven": True},
    ],
)
def test_opening_times_are_all_day_or_regular_hours_or_both(hours: Any) -> None:
    assert checked("location_max", {"/opening_times": hours})["opening_times"] == hours


@pytest.mark.req("LOC-65")
@pytest.mark.parametrize("hours", [{}, {"regular_hours": []}, {"exceptional_openings": []}, {"twentyfourseven": None}])
def test_opening_times_without_either_are_refused(hours: Any) -> None:
    assert faults("location_max", {"/opening_times": hours}) == ["/opening_times"]


@pytest.mark.parametrize("text", ["24:00", "9:00", "09:60", "09:00:00", "0900", "", " 9:00", "٠٩:00", 900])
def test_regular_hours_are_in_hours_and_minutes(text: Any) -> None:
    pointer = "/opening_times/regular_hours/0/period_begin"
    assert faults("location_max", {pointer: text}) == [pointer]


@pytest.mark.parametrize("weekday", [0, 8, -1, "1", True])
def test_a_weekday_is_from_one_to_seven(weekday: Any) -> None:
    pointer = "/opening_times/regular_hours/0/weekday"
    assert faults("location_max", {pointer: weekday}) == [pointer]


@pytest.mark.req("LOC-66")
@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("52.370216", "4.895168"),
        ("52.37021", "4.89516"),
        ("52.3702160", "4.8951680"),
        ("-90.000000", "-180.000000"),
        ("-0.000001", "-179.99999"),
        ("05.123456", "004.895168"),
    ],
)
def test_coordinates_have_five_to_seven_decimals(latitude: str, longitude: str) -> None:
    place = {"latitude": latitude, "longitude": longitude}
    assert checked("location_max", {"/coordinates": place})["coordinates"] == place


@pytest.mark.req("LOC-66")
@pytest.mark.parametrize(
    "wrong",
    [
        *("", "x", "52", "52.", "52.1234", "52.12345678", "52,123456", "+52.123456", " 52.123456", "52.123456N", "1e1"),
        *("52.123456\n", "181.000000", "1000.000000", "٥٢.123456", 52, None, ABSENT),
    ],
)
def test_bad_coordinate_text_is_refused(wrong: Any) -> None:
    for pointer in ("/coordinates/latitude", "/coordinates/longitude", "/related_locations/0/latitude"):
        assert faults("location_max", {pointer: wrong}) == [pointer]


@pytest.mark.req("LOC-66")
def test_degrees_that_do_not_exist_are_refused() -> None:
    assert faults("location_max", {"/coordinates/latitude": "90.000001"}) == ["/coordinates/latitude"]
    assert faults("location_max", {"/coordinates/longitude": "-180.000001"}) == ["/coordinates/longitude"]


def test_a_country_of_two_letters_is_taken_as_partners_send_it() -> None:
    for country in ("NLD", "NL"):
        assert checked("location_max", {"/country": country})["country"] == country
    for wrong in ("N", "NLDX", "N1", "528", "", "ÄÖ"):
        assert faults("location_max", {"/country": wrong}) == ["/country"]


@pytest.mark.parametrize("percentage", [-1, 101])
def test_a_percentage_is_from_zero_to_a_hundred(percentage: int) -> None:
    pointer = "/energy_mix/energy_sources/0/percentage"
    assert faults("location_max", {pointer: percentage}) == [pointer]
