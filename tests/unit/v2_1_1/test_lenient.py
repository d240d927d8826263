"""What is pulled is read a little wider than what is pushed (reading A-44)."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.faults import Invalid
from ocpi.v2_1_1.lenient import check_leniently
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import check
from tests.support.party import fixture


def read(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    return check_leniently(Location, fixture("location_min", **changes), strict=("id",))


def test_what_is_right_is_read_as_ever() -> None:
    assert read() == (check(Location, fixture("location_min")), [])


def test_a_text_that_is_too_long_stays_whole_with_a_warning() -> None:
    document, warnings = read(address="a" * 60, evses=[fixture("evse_min", floor_level="ground floor")])
    assert (document["address"], document["evses"][0]["floor_level"]) == ("a" * 60, "ground floor")
    assert warnings == [
        "/address: must not be longer than 45 characters",
        "/evses/0/floor_level: must not be longer than 4 characters",
    ]


@pytest.mark.parametrize(
    "changes",
    [{"id": "x" * 60}, {"address": "a" * 60, "type": "NOWHERE"}, {"address": "a" * 5000}, {"type": "NOWHERE"}],
)
def test_everything_else_that_is_wrong_is_wrong_here_too(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(**changes)
