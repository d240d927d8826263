from __future__ import annotations

from typing import Any

import pytest

from ocpi.authorization.rule import check_rule
from ocpi.faults import Fault, Invalid

FULL = {
    "allowed": "ALLOWED",
    "locations": [{"location_id": "L-1", "evse_uids": ["E-1"]}, {"location_id": "L-2"}],
    "location_required": True,
    "info": {"language": "en", "text": "Welcome"},
}


def test_a_whole_rule_is_kept_as_it_is() -> None:
    assert check_rule(FULL) == FULL


@pytest.mark.req("TOK-37")
@pytest.mark.parametrize("outcome", ["ALLOWED", "BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"])
def test_the_outcome_alone_is_a_rule(outcome: str) -> None:
    nothing = {"locations": None, "location_required": None, "info": None}
    assert check_rule({"allowed": outcome}) == check_rule({"allowed": outcome, **nothing}) == {"allowed": outcome}


@pytest.mark.parametrize("evse_uids", [None, []])
def test_no_evses_are_the_whole_location(evse_uids: Any) -> None:
    body = {"allowed": "ALLOWED", "locations": [{"location_id": "L-1", "evse_uids": evse_uids}]}
    assert check_rule(body) == {"allowed": "ALLOWED", "locations": [{"location_id": "L-1"}]}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"allowed": ...}, "/allowed"),
        ({"allowed": "allowed"}, "/allowed"),
        ({"allowed": None}, "/allowed"),
        ({"locations": []}, "/locations"),
        ({"locations": "L-1"}, "/locations"),
        ({"locations": [{}]}, "/locations/0/location_id"),
        ({"locations": ["L-1"]}, "/locations/0"),
        ({"locations": [{"location_id": "x" * 40}]}, "/locations/0/location_id"),
        ({"locations": [{"location_id": "L-1", "evse_uids": [""]}]}, "/locations/0/evse_uids/0"),
        ({"locations": [{"location_id": "L-1", "connector_ids": ["1"]}]}, "/locations/0/connector_ids"),
        ({"location_required": "yes"}, "/location_required"),
        ({"info": {"language": "en"}}, "/info/text"),
        ({"info": "Welcome"}, "/info"),
        ({"valid_until": "2030-01-01T00:00:00Z"}, "/valid_until"),
    ],
)
def test_what_is_no_rule_is_refused_with_where(change: dict[str, Any], pointer: str) -> None:
    body = {name: value for name, value in {**FULL, **change}.items() if value is not ...}
    with pytest.raises(Invalid) as caught:
        check_rule(body)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


@pytest.mark.parametrize("value", [None, 1])
def test_a_field_that_a_rule_has_not_is_named_as_such(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        check_rule({"allowed": "ALLOWED", "loctions": value})
    assert caught.value.faults == [Fault("/loctions", "is not a field of this object")]
