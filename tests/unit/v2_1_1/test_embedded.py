"""Times of the objects that a session or CDR holds copies of."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ocpi.v2_1_1.embedded import stamped
from tests.unit.v2_1_1.examples import example

AT, GIVEN = "2026-01-01T00:00:00Z", "2024-03-05T10:11:12Z"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {}),
        ({"location": {}}, {"location": {"last_updated": AT}}),
        ({"location": {"last_updated": GIVEN}}, {"location": {"last_updated": GIVEN}}),
        ({"tariffs": [{}, {"last_updated": GIVEN}]}, {"tariffs": [{"last_updated": AT}, {"last_updated": GIVEN}]}),
        (
            {"location": {"last_updated": GIVEN, "evses": [{"connectors": [{}]}]}},
            {
                "location": {
                    "last_updated": GIVEN,
                    "evses": [{"last_updated": AT, "connectors": [{"last_updated": AT}]}],
                }
            },
        ),
        ({"last_updated": GIVEN, "charging_periods": [{}]}, {"last_updated": GIVEN, "charging_periods": [{}]}),
    ],
)
def test_an_embedded_object_without_a_time_gets_one_and_nothing_else_does(document: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert stamped(document, AT) == expected
    assert document == before


def test_a_time_that_is_left_out_is_the_stored_one_at_the_same_place() -> None:
    stored = {"location": {"last_updated": GIVEN, "evses": [{"last_updated": GIVEN}]}, "tariffs": {"not": "a list"}}
    document = {"location": {"evses": [{}, {}]}, "tariffs": [{}]}
    assert stamped(document, AT, stored) == {
        "location": {"last_updated": GIVEN, "evses": [{"last_updated": GIVEN}, {"last_updated": AT}]},
        "tariffs": [{"last_updated": AT}],
    }
    assert stamped({"location": {}}, AT, {"location": [GIVEN]}) == {"location": {"last_updated": AT}}


@pytest.mark.parametrize("base", ["session_min", "session_max", "cdr_min", "cdr_max"])
def test_what_has_all_its_times_stays_as_it_is(base: str) -> None:
    assert stamped(example(base), AT) == example(base)
