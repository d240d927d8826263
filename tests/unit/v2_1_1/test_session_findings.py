"""What a Session says that cannot well be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ocpi.v2_1_1.session_findings import session_findings
from tests.unit.v2_1_1.examples import ABSENT, checked, example

SECOND = "/charging_periods/1/start_date_time"
GOING_ON = {"/status": "ACTIVE", "/end_datetime": ABSENT}


def findings(changes: dict[str, Any]) -> list[str]:
    return session_findings(checked("session_max", changes))


def pointers(changes: dict[str, Any]) -> list[str]:
    return [finding.partition(": ")[0] for finding in findings(changes)]


def test_a_plausible_session_has_no_findings() -> None:
    assert findings({}) == []
    assert findings(GOING_ON) == []
    assert findings({**GOING_ON, "/charging_periods": ABSENT, "/kwh": 0, "/total_cost": ABSENT}) == []


@pytest.mark.req("SES-08")
def test_the_location_is_exactly_one_evse_with_one_connector() -> None:
    evse = example("session_max")["location"]["evses"][0]
    assert pointers({"/location/evses": ABSENT}) == ["/location/evses"]
    assert pointers({"/location/evses": [evse, {**evse, "uid": "other"}]}) == ["/location/evses"]
    connectors = [*evse["connectors"], {**evse["connectors"][0], "id": "other"}]
    assert pointers({"/location/evses/0/connectors": connectors}) == ["/location/evses/0/connectors"]


def test_a_completed_session_has_an_end() -> None:
    assert pointers({"/end_datetime": ABSENT}) == ["/end_datetime"]


def test_a_session_ends_after_it_starts() -> None:
    assert findings({"/end_datetime": "2024-03-05T08:59:59Z"}) == ["/end_datetime: is before start_datetime"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"/charging_periods/0/start_date_time": "2024-03-05T09:00:01Z"}, ["/charging_periods/0/start_date_time"]),
        ({SECOND: "2024-03-05T08:59:59Z"}, [SECOND]),
        ({SECOND: "2024-03-05T10:00:01Z"}, [SECOND]),
        ({SECOND: "2024-03-05T10:00:01Z", **GOING_ON}, []),
    ],
)
def test_periods_follow_each_other_from_start_to_end(changes: dict[str, Any], found: list[str]) -> None:
    assert pointers(changes) == found


@pytest.mark.parametrize(("kwh", "found"), [(12, True), (13, True), (Decimal("12.505"), False)])
def test_kwh_is_the_sum_of_the_energy_volumes(kwh: Any, found: bool) -> None:
    assert findings({"/kwh": kwh}) == ["/kwh: differs from the sum of the ENERGY volumes"] * found


def test_while_a_session_goes_on_its_meter_may_be_ahead_of_its_periods_but_not_behind() -> None:
    assert pointers({**GOING_ON, "/kwh": 13}) == []
    assert pointers({**GOING_ON, "/kwh": 12}) == ["/kwh"]


@pytest.mark.parametrize("changes", [{}, GOING_ON])
def test_energy_in_wh_looks_like_it(changes: dict[str, Any]) -> None:
    wh = {"/kwh": 41000, "/charging_periods": ABSENT}
    assert findings({**changes, **wh}) == ["/kwh: looks like Wh instead of kWh"]


@pytest.mark.parametrize(
    ("kwh", "found"),
    [
        (Decimal("52.5"), []),
        (53, ["/kwh: is more than the connector gives in that time"]),
        (Decimal("0.4"), ["/kwh: is hardly any energy for that time"]),
    ],
)
def test_power_is_looked_at_when_the_session_is_over(kwh: Any, found: list[str]) -> None:
    assert findings({"/kwh": kwh, "/charging_periods": ABSENT}) == found
    assert findings({"/kwh": kwh, "/charging_periods": ABSENT, **GOING_ON}) == []


def test_nobody_is_paid_for_charging_without_a_finding() -> None:
    assert findings({"/total_cost": -1}) == ["/total_cost: is negative"]
