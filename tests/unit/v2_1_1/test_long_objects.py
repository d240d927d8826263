"""Objects with so many elements that not every fault can be told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ocpi import strict_json
from ocpi.faults import Fault, Invalid
from ocpi.v2_1_1 import model as model_module
from ocpi.v2_1_1 import models
from ocpi.v2_1_1.faults import faults_of
from ocpi.v2_1_1.sizes import MANY_ELEMENTS, is_long
from tests.support.long_documents import long_location, long_session
from tests.support.party import fixture

if TYPE_CHECKING:
    from pydantic import ValidationError


def _read(value: Any) -> Any:
    return strict_json.read(json.dumps(value))


def _evse(uid: str) -> dict[str, Any]:
    return {**EVSE, "uid": uid}


EVSE = fixture("evse_min")
NOT_ALL = f"the object has more than {MANY_ELEMENTS} elements in its lists: of each list the first fault is named"
HOSTILE = {
    "EVSEs": {"evses": [{}] * (MANY_ELEMENTS + 1)},
    "numbers": {"evses": [1] * (MANY_ELEMENTS + 1)},
    "connectors": {"evses": [{"connectors": [{}] * (MANY_ELEMENTS + 1)}]},
    "EVSEs with a connector": {"evses": [{"connectors": [{}]}] * (MANY_ELEMENTS // 2 + 1)},
    "facilities": {"facilities": ["x"] * (MANY_ELEMENTS + 1)},
    "opening times": {"opening_times": {"regular_hours": [{}] * (MANY_ELEMENTS + 1)}},
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("check", [models.check, models.check_patch])
def test_few_faults_are_made_of_a_body_that_has_room_for_millions(
    body: dict[str, Any], check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(error: ValidationError) -> list[Fault]:
        made.append(error.error_count())
        return faults_of(error)

    monkeypatch.setattr(model_module, "faults_of", counted)
    for stamps in ("required", "optional"):
        with pytest.raises(Invalid) as invalid:
            check(models.Location, body, stamps)
        assert str(invalid.value.faults[-1]) == NOT_ALL
        assert len(invalid.value.faults) > 1
    assert max(made) < 30


def test_of_each_list_the_first_fault_is_told() -> None:
    location = _read(fixture("location_max", evses=[_evse(f"E{number}") for number in range(21_000)]))
    for evse in location["evses"][7:]:
        evse["status"] = "x"
    location["evses"][9]["connectors"] = []
    location["facilities"] = ["x"]
    assert is_long(models.Location, location)
    with pytest.raises(Invalid) as invalid:
        models.check(models.Location, location)
    assert [fault.pointer for fault in invalid.value.faults] == ["/evses/7/status", "/facilities/0", ""]


def test_a_long_object_that_is_right_is_taken_as_a_short_one_is() -> None:
    session = _read(long_session("S", 7000))
    assert is_long(models.Session, session)
    assert models.check(models.Session, session) == session
    session["charging_periods"][0]["start_date_time"] += "x"
    with pytest.raises(Invalid, match="/charging_periods/0/start_date_time"):
        models.check(models.Session, session)


def test_the_rules_between_fields_hold_in_a_long_object() -> None:
    location = _read(fixture("location_max", evses=[_evse("E") for _ in range(10_001)]))
    with pytest.raises(Invalid, match="must be unique in this list") as invalid:
        models.check(models.Location, location)
    assert invalid.value.faults[0].pointer == "/evses/1/uid"


def test_a_car_park_and_a_session_of_days_are_not_long() -> None:
    assert not is_long(models.Location, long_location("L", 500))
    assert not is_long(models.Session, long_session("S", 5000))


@pytest.mark.parametrize("number", [MANY_ELEMENTS, MANY_ELEMENTS + 1])
def test_a_body_is_long_from_here(number: int) -> None:
    assert is_long(models.Location, {"facilities": ["x"] * number}) is (number > MANY_ELEMENTS)
    assert is_long(models.Location, {"evses": {"connectors": [1] * number}}) is (number > MANY_ELEMENTS)
    assert not is_long(models.Location, {"x_ours": [1] * number})
    assert not is_long(models.Location, [1] * number)
