"""Finding and changing one EVSE or connector of a location."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ocpi.v2_1_1 import location_tree as tree
from tests.unit.v2_1_1.examples import example

OLD, NEWER = "2024-03-05T10:11:12Z", "2025-01-01T00:00:00Z"


@pytest.fixture
def location() -> Any:
    """An example; whatever a test does, it must be as it was afterwards."""
    return example("location_max")


@pytest.fixture(autouse=True)
def untouched(location: Any) -> Any:
    before = copy.deepcopy(location)
    yield
    assert location == before


@pytest.mark.req("LOC-07", "LOC-08", "LOC-11")
def test_an_evse_is_found_by_uid_and_a_connector_below_it_by_id(location: Any) -> None:
    first, second = location["evses"]
    assert tree.find_evse(location, "E-101") == second
    assert tree.find_connector(location, "E-100", "2") == first["connectors"][1]
    assert tree.find_evse(location, first["evse_id"]) is None
    assert tree.find_evse(location, "e-100") is None
    assert tree.find_connector(location, "E-101", "2") is None
    assert tree.find_connector(location, "nowhere", "1") is None
    assert tree.find_evse(example("location_min"), "E-100") is None


@pytest.mark.req("LOC-33", "LOC-34")
def test_an_evse_is_put_in_its_place_or_after_the_last(location: Any) -> None:
    first, second = location["evses"]
    replaced, new = example("evse_min") | {"uid": "E-100"}, example("evse_min") | {"uid": "E-102"}
    assert tree.put_evse(location, replaced)["evses"] == [replaced, second]
    assert tree.put_evse(location, new)["evses"] == [first, second, new]
    assert tree.put_evse(example("location_min"), new)["evses"] == [new]


@pytest.mark.req("LOC-35", "LOC-58")
def test_a_connector_is_put_in_its_place_or_after_the_last(location: Any) -> None:
    first, second = location["evses"]
    replaced, new = example("connector_min") | {"id": "1"}, example("connector_min") | {"id": "3"}
    changed = tree.put_connector(location, "E-100", replaced)
    assert changed["evses"] == [first | {"connectors": [replaced, first["connectors"][1]]}, second]
    changed = tree.put_connector(location, "E-100", new)
    assert changed["evses"] == [first | {"connectors": [*first["connectors"], new]}, second]


@pytest.mark.req("LOC-38", "LOC-39")
def test_a_patch_of_a_part_is_a_patch_of_its_location(location: Any) -> None:
    patch = tree.patch_of_evse("E-101", {"status": "CHARGING"})
    assert tree.find_evse(tree.patch_location(location, patch), "E-101") == location["evses"][1] | {
        "status": "CHARGING"
    }
    patch = tree.patch_of_connector("E-100", "2", {"amperage": 16, "tariff_id": None})
    changed = tree.patch_location(location, patch)
    assert tree.find_connector(changed, "E-100", "2") == location["evses"][0]["connectors"][1] | {"amperage": 16}
    assert changed["evses"][1] == location["evses"][1]


@pytest.mark.req("LOC-32")
def test_an_evse_that_a_new_version_leaves_out_is_kept_as_removed(location: Any) -> None:
    first, second = location["evses"]
    without_time = {name: value for name, value in first.items() if name != "last_updated"}
    new = {**location, "evses": [second]}
    gone = without_time | {"status": "REMOVED"}
    assert tree.replaced(location, new)["evses"] == [second, gone]
    assert tree.replaced(location, {"id": "L-1"})["evses"][0] == gone
    assert tree.replaced(location, location) is location
    assert tree.replaced(example("location_min"), new) is new


@pytest.mark.req("LOC-32")
def test_an_evse_that_was_removed_before_keeps_its_time(location: Any) -> None:
    removed = location["evses"][0] | {"status": "REMOVED"}
    stored = {**location, "evses": [removed, location["evses"][1]]}
    assert tree.replaced(stored, {**location, "evses": []})["evses"][0] == removed


def test_an_evse_in_another_case_has_not_vanished(location: Any) -> None:
    shouted = {**location, "evses": [evse | {"uid": evse["uid"].lower()} for evse in location["evses"]]}
    assert tree.replaced(location, shouted) == shouted


@pytest.mark.req("LOC-42")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), [NEWER, OLD, OLD]),
        (("evses", 0), [NEWER, NEWER, OLD]),
        (("evses", 1), [NEWER, OLD, NEWER]),
        (("evses", 0, "connectors", 1), [NEWER, NEWER, OLD]),
    ],
)
def test_a_newer_time_raises_what_is_above_it(location: Any, path: tuple[Any, ...], expected: list[str]) -> None:
    changed = copy.deepcopy(location)
    place = changed
    for step in path:
        place = place[step]
    place["last_updated"] = NEWER
    raised = tree.raise_parents(changed)
    assert [raised["last_updated"], *(evse["last_updated"] for evse in raised["evses"])] == expected


def test_what_is_in_order_is_left_as_it_is(location: Any) -> None:
    assert tree.raise_parents(location) == location
    assert tree.raise_parents(example("location_min")) == example("location_min")
