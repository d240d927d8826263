"""Merging a PATCH: fields replace, null clears, elements with an identity are merged and never taken away."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.model import check
from tests.unit.v2_1_1.examples import example

P1 = {"start_date_time": "2024-03-05T09:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 1}]}
P1_LATER = {"start_date_time": "2024-03-05T09:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 2}], "x": 1}
P2 = {"start_date_time": "2024-03-05T09:15:00Z", "dimensions": [{"type": "TIME", "volume": 1}]}
P3 = {"start_date_time": "2024-03-05T09:30:00Z", "dimensions": [{"type": "FLAT", "volume": 1}]}

DOCUMENTS = st.dictionaries(
    st.sampled_from(["name", "address", "facilities", "x"]), st.integers() | st.lists(st.integers(), min_size=1)
).flatmap(
    lambda plain: st.lists(st.sampled_from("abc"), unique=True, min_size=1).map(
        lambda uids: plain | {"evses": [{"uid": uid, "n": plain.get("x")} for uid in uids]}
    )
)


@pytest.mark.req("TF-26", "LOC-37", "SES-11", "TOK-02")
def test_given_fields_replace_and_all_others_stay() -> None:
    stored = example("token_max")
    assert merge(stored, {"valid": False, "x_new": {"a": 1}}) == stored | {"valid": False, "x_new": {"a": 1}}


@pytest.mark.req("LOC-52")
def test_null_clears_a_field_whether_it_is_there_or_not() -> None:
    assert merge({"id": "1", "name": "a"}, {"name": None, "x": None}) == {"id": "1"}


@pytest.mark.req("LOC-53", "TAR-06")
def test_a_plain_list_and_a_nested_object_are_replaced_whole() -> None:
    stored = {"capabilities": ["RESERVABLE", "RFID_READER"], "coordinates": {"latitude": "1", "x": 1}}
    patch = {"capabilities": ["UNLOCK_CAPABLE"], "coordinates": {"latitude": "2"}}
    assert merge(stored, patch) == patch


@pytest.mark.req("LOC-54")
def test_an_evse_that_is_not_listed_stays_and_one_that_is_is_merged() -> None:
    stored = example("location_max")
    merged = merge(stored, {"evses": [{"uid": "E-101", "status": "CHARGING"}]})
    assert merged["evses"][0] == stored["evses"][0]
    assert merged["evses"][1] == stored["evses"][1] | {"status": "CHARGING"}
    assert check(Location, merged)


@pytest.mark.req("LOC-39", "LOC-54")
def test_a_connector_is_merged_inside_its_evse() -> None:
    stored = example("location_max")
    merged = merge(stored, {"evses": [{"uid": "E-100", "connectors": [{"id": "2", "tariff_id": "15"}]}]})
    expected = example("location_max")
    expected["evses"][0]["connectors"][1]["tariff_id"] = "15"
    assert merged == expected


def test_a_new_element_comes_last_and_without_what_it_clears() -> None:
    stored = {"evses": [{"uid": "b"}, {"uid": "a"}]}
    merged = merge(stored, {"evses": [{"uid": "c", "evse_id": None, "connectors": [{"id": "1", "x": None}]}]})
    assert merged["evses"] == [{"uid": "b"}, {"uid": "a"}, {"uid": "c", "connectors": [{"id": "1"}]}]
    assert merge({}, {"evses": [{"uid": "c"}]}) == {"evses": [{"uid": "c"}]}


@pytest.mark.req("LOC-54")
@pytest.mark.parametrize("nothing", [None, []])
def test_a_list_of_elements_with_an_identity_is_never_emptied(nothing: Any) -> None:
    stored = {"evses": [{"uid": "a"}], "charging_periods": [P1]}
    assert merge(stored, {"evses": nothing, "charging_periods": nothing}) == stored


@pytest.mark.req("SES-17")
@pytest.mark.parametrize(
    ("patches", "periods"),
    [
        ([[P1], [P1, P2], [P3]], [P1, P2, P3]),
        ([[P1], [P2], [P3]], [P1, P2, P3]),
        ([[P1, P2, P3], [P1, P2, P3]], [P1, P2, P3]),
        ([[P3], [P1], [P2]], [P1, P2, P3]),
        ([[P1_LATER, P2], [P1]], [P1, P2]),
        ([[P1], [P1_LATER]], [P1_LATER]),
    ],
)
def test_charging_periods_are_neither_lost_nor_doubled_however_they_are_sent(patches: Any, periods: Any) -> None:
    session: dict[str, Any] = {"id": "S-1"}
    for given_periods in patches:
        session = merge(session, {"charging_periods": given_periods})
    assert session == {"id": "S-1", "charging_periods": periods}


def test_which_lists_have_an_identity_is_the_callers_to_say() -> None:
    assert merge({"evses": [{"uid": "a"}]}, {"evses": [{"uid": "b"}]}, keyed={}) == {"evses": [{"uid": "b"}]}


@given(DOCUMENTS, DOCUMENTS)
def test_merging_changes_no_input_and_twice_is_once(stored: dict[str, Any], patch: dict[str, Any]) -> None:
    before = copy.deepcopy((stored, patch))
    merged = merge(stored, patch)
    assert (stored, patch) == before
    assert merge(merged, patch) == merged
    assert merge(stored, {}) == stored
    assert [evse["uid"] for evse in merged["evses"]][: len(stored["evses"])] == [
        evse["uid"] for evse in stored["evses"]
    ]
