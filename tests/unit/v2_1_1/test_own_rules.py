"""What we send ourselves is stricter than what we take."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ocpi.v2_1_1.own_rules import completed, own_faults, own_warnings, tariff_ids
from tests.unit.v2_1_1.examples import ABSENT, checked


@pytest.mark.parametrize("name", ["location_max", "location_min"])
def test_the_examples_may_be_sent(name: str) -> None:
    assert own_faults(checked(name, {})) == []


@pytest.mark.req("LOC-16")
@pytest.mark.parametrize(
    "pointer",
    [
        "/coordinates/latitude",
        "/coordinates/longitude",
        "/related_locations/0/longitude",
        "/evses/0/coordinates/latitude",
    ],
)
@pytest.mark.parametrize("text", ["52.12345", "52.1234567"])
def test_coordinates_that_we_send_have_exactly_six_decimals(pointer: str, text: str) -> None:
    assert [fault.pointer for fault in own_faults(checked("location_max", {pointer: text}))] == [pointer]


@pytest.mark.req("LOC-17")
@pytest.mark.parametrize("country", ["NL", "nld"])
def test_a_country_that_we_send_is_alpha_3(country: str) -> None:
    assert [fault.pointer for fault in own_faults(checked("location_max", {"/country": country}))] == ["/country"]


@pytest.mark.req("LOC-21")
@pytest.mark.parametrize(
    ("pointer", "end"),
    [
        ("/opening_times/regular_hours/1/period_end", "10:00"),
        ("/opening_times/regular_hours/1/period_end", "09:59"),
        ("/opening_times/exceptional_openings/0/period_end", "2024-12-24T19:00:00Z"),
        ("/opening_times/exceptional_closings/0/period_end", "2024-12-24T23:59:59Z"),
    ],
)
def test_a_period_that_we_send_ends_after_it_begins(pointer: str, end: str) -> None:
    assert [fault.pointer for fault in own_faults(checked("location_max", {pointer: end}))] == [pointer]


@pytest.mark.req("LOC-22", "LOC-23")
@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, []),
        ({"/energy_mix/energy_sources/0/percentage": Decimal("60.50")}, []),
        ({"/energy_mix/energy_sources/0/percentage": 60}, ["/energy_mix/energy_sources"]),
        ({"/energy_mix": ABSENT}, []),
        ({"/opening_times/twentyfourseven": True}, ["/opening_times"]),
        ({"/opening_times": {"twentyfourseven": True}}, []),
        ({"/evses": []}, ["/evses"]),
    ],
)
def test_what_looks_like_a_mistake_is_a_warning(changes: dict[str, Any], warned: list[str]) -> None:
    assert [warning.partition(":")[0] for warning in own_warnings(checked("location_max", changes))] == warned


@pytest.mark.req("LOC-22")
@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({"regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}]}, False),
        ({"regular_hours": [], "twentyfourseven": True}, True),
    ],
)
def test_opening_times_say_whether_they_are_all_day(hours: dict[str, Any], said: bool) -> None:
    location = checked("location_max", {"/opening_times": hours})
    assert completed(location)["opening_times"] == location["opening_times"] | {"twentyfourseven": said}
    assert completed(completed(location)) == completed(location)


def test_a_location_without_opening_times_gets_none() -> None:
    location = checked("location_max", {"/opening_times": ABSENT})
    assert completed(location) == location


@pytest.mark.req("LOC-24")
def test_each_tariff_is_named_where_it_stands_first() -> None:
    location = checked(
        "location_max", {"/evses/0/connectors/1/tariff_id": "T-1", "/evses/1/connectors/0/tariff_id": "b"}
    )
    assert tariff_ids(location) == {"T-1": "/evses/0/connectors/0/tariff_id", "b": "/evses/1/connectors/0/tariff_id"}
    assert tariff_ids(checked("location_min", {})) == {}
