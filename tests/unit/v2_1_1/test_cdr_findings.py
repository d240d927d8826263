"""What a CDR says that cannot well be; the dirty ones are modelled on what the real data holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ocpi.v2_1_1.cdr_findings import cdr_findings
from tests.unit.v2_1_1.examples import ABSENT, checked, example

START, STOP = "/start_date_time", "/stop_date_time"
PERIODS, ENERGY, TIME = "/charging_periods", "/total_energy", "/total_time"
FIRST, SECOND = "/charging_periods/0/start_date_time", "/charging_periods/1/start_date_time"
CONNECTOR = "/location/evses/0/connectors/0"


def period(start: str, **volumes: Any) -> dict[str, Any]:
    return {
        "start_date_time": start,
        "dimensions": [{"type": dimension, "volume": value} for dimension, value in volumes.items()],
    }


def charged(stop: str, energy: Any, time: Any, **more: Any) -> dict[str, Any]:
    """Changes that make one period of the example, from 09:00, without parking; the connector gives 50 kW."""
    return {
        STOP: stop,
        PERIODS: [period("2024-03-05T09:00:00Z", ENERGY=energy, TIME=time)],
        ENERGY: energy,
        TIME: time,
        "/total_parking_time": ABSENT,
        **more,
    }


def findings(changes: dict[str, Any]) -> list[str]:
    return cdr_findings(checked("cdr_max", changes))


def pointers(changes: dict[str, Any]) -> list[str]:
    return [finding.partition(": ")[0] for finding in findings(changes)]


def test_a_plausible_cdr_has_no_findings() -> None:
    assert findings({}) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "sentence"),
    [
        (charged("2024-03-05T09:00:15Z", Decimal("0.008"), Decimal("0.0042")), STOP, "less than a minute"),
        (charged("2024-03-05T09:00:59Z", Decimal("0.1"), Decimal("0.0164")), STOP, "less than a minute"),
        (charged("2024-03-05T09:00:00Z", Decimal("0.3"), 0), STOP, "the same as start_date_time"),
        (charged("2024-03-05T08:00:00Z", Decimal("0.3"), 1), STOP, "before start_date_time"),
        (charged("2024-03-06T09:00:01Z", 40, Decimal("24.0003")), STOP, "more than 24 hours"),
        (charged("2024-03-08T09:00:00Z", 60, 72), STOP, "more than 24 hours"),
        (charged("2024-03-05T10:00:00Z", Decimal("52.51"), 1), ENERGY, "more than the connector gives"),
        (charged("2024-03-05T13:00:00Z", Decimal("1.999"), 4), ENERGY, "hardly any energy"),
        (charged("2024-03-05T09:10:01Z", 0, Decimal("0.1669")), ENERGY, "hardly any energy"),
    ],
)
def test_dirty_ones_are_found_out_and_say_only_that(changes: dict[str, Any], pointer: str, sentence: str) -> None:
    found = findings(changes)
    assert [each.partition(": ")[0] for each in found] == [pointer]
    assert sentence in found[0]


@pytest.mark.parametrize(
    "changes",
    [
        charged("2024-03-05T09:01:00Z", Decimal("0.5"), Decimal("0.0167")),
        charged("2024-03-06T09:00:00Z", 40, 24),
        charged("2024-03-05T10:00:00Z", Decimal("52.5"), 1),
        charged("2024-03-05T13:00:00Z", 2, 4),
        charged("2024-03-05T09:10:00Z", 0, Decimal("0.1667")),
    ],
)
def test_what_just_may_be_is_not_found(changes: dict[str, Any]) -> None:
    assert findings(changes) == []


@pytest.mark.parametrize(
    ("connector", "most"),
    [
        ({"power_type": "AC_3_PHASE", "voltage": 230, "amperage": 16}, Decimal("11.04")),
        ({"power_type": "AC_1_PHASE", "voltage": 230, "amperage": 16}, Decimal("3.68")),
        ({"power_type": "DC", "voltage": 800, "amperage": 375}, 300),
    ],
)
def test_three_phases_give_three_times_the_voltage_to_neutral(connector: dict[str, Any], most: Any) -> None:
    rated = {f"{CONNECTOR}/{name}": value for name, value in connector.items()}
    assert pointers(charged("2024-03-05T10:00:00Z", most, 1, **rated)) == []
    assert pointers(charged("2024-03-05T10:00:00Z", most * Decimal("1.06"), 1, **rated)) == [ENERGY]


def test_a_connector_that_says_nothing_of_its_power_is_not_held_against_the_energy() -> None:
    assert pointers(charged("2024-03-05T10:00:00Z", 300, 1, **{f"{CONNECTOR}/voltage": 0})) == []


def test_time_at_the_plug_without_charging_does_not_make_the_power_low() -> None:
    changes = charged("2024-03-05T21:00:00Z", 5, 2, **{"/total_parking_time": 10, TIME: 12})
    assert findings(changes) == []
    del changes["/total_parking_time"]
    assert ENERGY in pointers({**changes, "/total_parking_time": 0})


@pytest.mark.req("CDR-06")
def test_energy_in_wh_looks_like_it() -> None:
    assert findings(charged("2024-03-05T10:00:00Z", 41000, 1)) == ["/total_energy: looks like Wh instead of kWh"]
    assert findings({PERIODS: [period("2024-03-05T09:00:00Z", ENERGY=12500)]}) == [
        "/charging_periods: the ENERGY volumes look like Wh instead of kWh"
    ]


@pytest.mark.req("CDR-06")
def test_energy_that_the_connector_gives_and_no_vehicle_takes_is_found() -> None:
    lorries = {f"{CONNECTOR}/voltage": 1000, f"{CONNECTOR}/amperage": 1000}
    assert findings(charged("2024-03-05T11:00:00Z", 1500, 2, **lorries)) == [
        "/total_energy: is more kWh than a vehicle takes"
    ]


@pytest.mark.req("CDR-06")
@pytest.mark.parametrize(
    ("total", "found"), [(Decimal("12.51"), False), (Decimal("12.511"), True), (Decimal("12.489"), True), (13, True)]
)
def test_total_energy_is_the_sum_of_the_energy_volumes(total: Any, found: bool) -> None:
    assert (ENERGY in pointers({ENERGY: total})) is found


def test_each_period_may_have_been_rounded() -> None:
    starts = [f"2024-03-05T09:{minute:02d}:00Z" for minute in range(40)]
    periods = [period(start, ENERGY=Decimal("0.3125")) for start in starts]
    assert pointers({PERIODS: periods, ENERGY: Decimal("12.535")}) == []
    assert pointers({PERIODS: periods, ENERGY: Decimal("12.545")}) == [ENERGY]


def test_periods_that_measure_no_energy_and_no_time_say_nothing_about_the_totals() -> None:
    assert pointers({PERIODS: [period("2024-03-05T09:00:00Z", FLAT=1)]}) == []


@pytest.mark.req("CDR-06")
@pytest.mark.parametrize("total", [60, 3600, Decimal("1.02"), Decimal("0.98")])
def test_total_time_is_the_hours_from_start_to_stop(total: Any) -> None:
    assert "/total_time: differs from the hours between start_date_time and stop_date_time" in findings({TIME: total})


@pytest.mark.req("CDR-07")
def test_total_time_is_the_sum_of_time_and_parking_time() -> None:
    assert findings({"/charging_periods/0/dimensions/2/volume": Decimal("0.5")}) == [
        "/total_time: differs from the sum of the TIME and PARKING_TIME volumes"
    ]


@pytest.mark.req("CDR-07")
def test_parking_that_no_period_measures_still_counts_as_time() -> None:
    only_charging = [period("2024-03-05T09:00:00Z", ENERGY=Decimal("12.5"), TIME=Decimal("0.75"))]
    assert findings({PERIODS: only_charging}) == []


@pytest.mark.req("CDR-07")
def test_parking_is_a_part_of_the_whole_time() -> None:
    assert findings({"/total_parking_time": Decimal("1.01"), PERIODS: [period("2024-03-05T09:00:00Z", FLAT=1)]}) == [
        "/total_parking_time: is more than total_time"
    ]


@pytest.mark.req("CDR-07")
def test_total_parking_time_is_the_sum_of_the_parking_volumes() -> None:
    assert findings({"/total_parking_time": Decimal("0.5")}) == [
        "/total_parking_time: differs from the sum of the PARKING_TIME volumes"
    ]


@pytest.mark.req("CDR-29")
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({FIRST: "2024-03-05T09:00:01Z"}, [FIRST]),
        ({SECOND: "2024-03-05T08:59:59Z"}, [SECOND]),
        ({SECOND: "2024-03-05T10:00:00Z"}, []),
        ({SECOND: "2024-03-05T10:00:01Z"}, [SECOND]),
    ],
)
def test_periods_follow_each_other_from_start_to_stop(changes: dict[str, Any], found: list[str]) -> None:
    assert pointers(changes) == found


@pytest.mark.req("CDR-29")
def test_of_many_periods_out_of_order_the_first_is_named() -> None:
    starts = [f"2024-03-05T09:{minute:02d}:00Z" for minute in (0, 30, 20, 10)]
    periods = [period(start, ENERGY=Decimal("3.125")) for start in starts]
    assert pointers({PERIODS: periods}) == ["/charging_periods/2/start_date_time"]


@pytest.mark.req("CDR-09")
def test_the_location_is_exactly_one_evse_with_one_connector() -> None:
    location = example("cdr_max")["location"]
    evse = location["evses"][0]
    assert pointers({"/location/evses": ABSENT}) == ["/location/evses"]
    assert pointers({"/location/evses": [evse, {**evse, "uid": "other"}]}) == ["/location/evses"]
    connectors = [*evse["connectors"], {**evse["connectors"][0], "id": "other"}]
    assert pointers({"/location/evses/0/connectors": connectors}) == ["/location/evses/0/connectors"]


@pytest.mark.req("CDR-30")
def test_a_price_without_a_tariff_cannot_be_checked() -> None:
    assert pointers({"/tariffs": ABSENT}) == ["/tariffs"]
    assert pointers({"/tariffs": []}) == ["/tariffs"]
    assert pointers({"/tariffs": ABSENT, "/total_cost": 0}) == []


def test_tariffs_are_in_the_currency_of_the_cdr() -> None:
    assert pointers({"/currency": "SEK"}) == ["/tariffs/0/currency"]


def test_nobody_is_paid_for_charging_without_a_finding() -> None:
    assert findings({"/total_cost": Decimal("-0.01")}) == ["/total_cost: is negative"]


def test_the_largest_numbers_that_json_may_hold_are_findings_and_no_error() -> None:
    largest = Decimal("1.7976931348623157E+308")
    volumes = dict.fromkeys(("ENERGY", "TIME", "PARKING_TIME"), largest)
    periods = [period("2024-03-05T09:00:00Z", **volumes) for _ in range(3)]
    changes = {PERIODS: periods, ENERGY: 2**63 - 1, TIME: largest, "/total_parking_time": Decimal("1E-324")}
    rated = {f"{CONNECTOR}/voltage": 2**63 - 1, f"{CONNECTOR}/amperage": 2**63 - 1}
    assert {ENERGY, TIME, "/total_parking_time"} <= set(pointers(changes | rated))


def test_findings_repeat_nothing_that_tells_who_charged() -> None:
    changes = {
        **charged("2024-03-05T08:00:00Z", 41000, 99),
        "/tariffs": ABSENT,
        "/location/evses": ABSENT,
        FIRST: "2024-03-06T09:00:00Z",
    }
    cdr = checked("cdr_max", changes)
    text = json.dumps(cdr_findings(cdr))
    assert len(cdr_findings(cdr)) >= 5
    for private in (cdr["auth_id"], cdr["id"], cdr["meter_id"], cdr["location"]["id"], "2024", "41000"):
        assert private not in text
