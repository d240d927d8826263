"""Partial models for PATCH, and operators' bodies without last_updated; both made from the full models."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.faults import Invalid
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.locations import EVSE, Connector, Location
from ocpi.v2_1_1.model import OcpiModel, check, check_patch, partial
from ocpi.v2_1_1.sessions import Session
from ocpi.v2_1_1.tariffs import Tariff
from ocpi.v2_1_1.tokens import Token
from ocpi.v2_1_1.variants import unstamped
from tests.unit.v2_1_1.examples import example

OBJECTS: dict[str, type[OcpiModel]] = {
    "location_max": Location,
    "evse_max": EVSE,
    "connector_max": Connector,
    "session_max": Session,
    "cdr_max": CDR,
    "tariff_max": Tariff,
    "token_max": Token,
}


def faults(model: type[OcpiModel], patch: Any) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        check_patch(model, patch)
    return [fault.pointer for fault in refusal.value.faults]


def without_last_updated(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_last_updated(item) for name, item in value.items() if name != "last_updated"}
    return [without_last_updated(item) for item in value] if isinstance(value, list) else value


@pytest.mark.req("TF-26", "LOC-40", "SES-12")
@pytest.mark.parametrize("name", OBJECTS)
def test_a_patch_may_hold_any_one_field_and_gives_back_only_that(name: str) -> None:
    assert check_patch(OBJECTS[name], {}) == {}
    for field, value in example(name).items():
        assert check_patch(OBJECTS[name], {field: value}) == {field: value}


@pytest.mark.req("LOC-52")
@pytest.mark.parametrize("name", OBJECTS)
def test_null_in_a_patch_clears_optional_fields_and_is_refused_on_required_ones(name: str) -> None:
    for field, info in OBJECTS[name].model_fields.items():
        if info.is_required():
            assert faults(OBJECTS[name], {field: None}) == [f"/{field}"]
        else:
            assert check_patch(OBJECTS[name], {field: None}) == {field: None}


@pytest.mark.req("LOC-53", "TF-70")
def test_an_empty_list_in_a_patch_clears_as_null_does() -> None:
    assert check_patch(EVSE, {"capabilities": []}) == {"capabilities": None}
    assert check_patch(EVSE, {"capabilities": ["RESERVABLE"]}) == {"capabilities": ["RESERVABLE"]}
    assert faults(EVSE, {"connectors": []}) == ["/connectors"]


def test_what_a_patch_holds_is_checked_like_the_whole() -> None:
    assert faults(EVSE, {"status": "BUSY", "floor_level": "12345"}) == ["/status", "/floor_level"]
    assert faults(Location, {"coordinates": {"latitude": "52.370216"}}) == ["/coordinates/longitude"]
    assert faults(Location, {"opening_times": {}}) == ["/opening_times"]


@pytest.mark.req("LOC-54")
def test_evses_and_connectors_in_a_patch_are_partial_but_name_themselves() -> None:
    patch = {"evses": [{"uid": "E-100", "status": "CHARGING", "connectors": [{"id": "1", "tariff_id": None}]}]}
    assert check_patch(Location, patch) == patch
    assert faults(Location, {"evses": [{"status": "CHARGING"}]}) == ["/evses/0/uid"]
    assert faults(Location, {"evses": [{"uid": None}]}) == ["/evses/0/uid"]
    assert faults(Location, {"evses": [{"uid": "E", "connectors": [{"voltage": 1}]}]}) == ["/evses/0/connectors/0/id"]
    assert faults(EVSE, {"connectors": [{"id": "1", "voltage": None}]}) == ["/connectors/0/voltage"]


@pytest.mark.req("LOC-59")
def test_a_patch_cannot_name_an_evse_twice() -> None:
    assert faults(Location, {"evses": [{"uid": "a"}, {"uid": "A"}]}) == ["/evses/1/uid"]


@pytest.mark.req("TF-68")
def test_unknown_fields_of_a_patch_are_kept_null_included() -> None:
    patch = {"status": "CHARGING", "x_a": None, "x_b": {"c": 1}}
    assert check_patch(EVSE, patch) == patch


def test_times_of_a_patch_are_normalised() -> None:
    assert check_patch(Token, {"last_updated": "2024-03-05T12:11:12.5+02:00"}) == {
        "last_updated": "2024-03-05T10:11:12Z"
    }


@pytest.mark.parametrize("name", OBJECTS)
def test_an_operator_may_leave_out_last_updated_anywhere(name: str) -> None:
    bare = without_last_updated(example(name))
    assert check(OBJECTS[name], bare, last_updated="optional") == bare
    assert check(OBJECTS[name], example(name), last_updated="optional") == example(name)
    assert check_patch(OBJECTS[name], bare, last_updated="optional") == bare
    with pytest.raises(Invalid) as refusal:
        check(OBJECTS[name], bare)
    assert all(fault.pointer.endswith("/last_updated") for fault in refusal.value.faults)


@pytest.mark.req("TAR-12")
@pytest.mark.parametrize("name", OBJECTS)
def test_a_partner_may_not(name: str) -> None:
    value = {field: item for field, item in example(name).items() if field != "last_updated"}
    with pytest.raises(Invalid, match=r"^/last_updated is required$"):
        check(OBJECTS[name], value)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_operators_body_is_otherwise_checked_like_any(name: str) -> None:
    bare = without_last_updated(example(name))
    for field, info in OBJECTS[name].model_fields.items():
        if info.is_required() and field != "last_updated":
            with pytest.raises(Invalid, match=f"^/{field} is required$"):
                check(OBJECTS[name], {key: value for key, value in bare.items() if key != field}, "optional")
    with pytest.raises(Invalid, match="/last_updated must be a date"):
        check(OBJECTS[name], bare | {"last_updated": "now"}, "optional")


def test_full_objects_inside_a_partners_patch_are_full() -> None:
    bare = without_last_updated(example("session_max"))
    assert {pointer.rpartition("/")[2] for pointer in faults(Session, {"location": bare["location"]})} == {
        "last_updated"
    }


def test_variants_are_made_once_and_keep_the_order_of_fields() -> None:
    for model in OBJECTS.values():
        assert partial(model) is partial(model)
        assert unstamped(model) is unstamped(model)
        assert list(partial(model).model_fields) == list(unstamped(model).model_fields) == list(model.model_fields)
        assert not model.sparse
