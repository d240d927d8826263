"""``last_updated`` of own objects: kept when given, ours when not, and never older than what it stands above."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.errors import StateConflict
from ocpi.objects.last_updated import settle, without_times

PARTS = {"evses": "uid", "connectors": "id"}
OLDER, OLD, LATER, NOW, FUTURE = (f"20{year}-01-01T00:00:00Z" for year in (23, 24, 25, 26, 27))


def tree(location: str | None, evse: str | None, connector: str | None, **fields: Any) -> dict[str, Any]:
    """A location with an EVSE and a connector of these times (``None``: left out)."""
    below = stamped({"id": "C"}, connector)
    middle = stamped({"uid": "E", "connectors": [below]}, evse)
    return stamped({"id": "L", "evses": [middle], **fields}, location)


def stamped(value: dict[str, Any], time: str | None) -> dict[str, Any]:
    return value if time is None else {**value, "last_updated": time}


def times(location: dict[str, Any]) -> list[str]:
    """Of the location, then of each EVSE followed by its connectors."""
    found = [location["last_updated"]]
    for evse in location.get("evses", []):
        found += [evse["last_updated"], *(connector["last_updated"] for connector in evse["connectors"])]
    return found


def settled(new: dict[str, Any], stored: dict[str, Any] | None) -> list[str]:
    return times(settle(new, stored, now=NOW, parts=PARTS))


@pytest.mark.parametrize(
    ("given_times", "expected"),
    [
        ((OLD, OLD, OLD), [OLD, OLD, OLD]),
        ((None, None, None), [NOW, NOW, NOW]),
        ((None, OLD, OLD), [NOW, OLD, OLD]),
        ((OLD, None, None), [OLD, OLD, OLD]),
        ((LATER, OLD, None), [LATER, OLD, OLD]),
    ],
)
def test_a_new_object_keeps_what_was_given_and_takes_the_rest_from_above_or_now(
    given_times: tuple[str | None, str | None, str | None], expected: list[str]
) -> None:
    assert settled(tree(*given_times), None) == expected


@pytest.mark.req("LOC-04")
def test_a_parent_is_never_older_than_what_is_below_it() -> None:
    assert settled(tree(OLD, OLD, LATER), None) == [LATER, LATER, LATER]
    assert settled(tree(OLD, LATER, OLD), None) == [LATER, LATER, OLD]


@pytest.mark.req("LOC-03", "LOC-04")
def test_a_change_below_moves_what_is_above_and_nothing_beside() -> None:
    stored = tree(OLD, OLD, OLD)
    beside = {"uid": "F", "connectors": [{"id": "C", "last_updated": OLD}], "last_updated": OLD}
    stored["evses"].append(beside)
    new = without_times(stored, parts=PARTS)
    new["evses"][0]["connectors"][0]["amperage"] = 16
    assert settled(new, stored) == [NOW, NOW, NOW, OLD, OLD]


def test_without_a_change_nothing_moves() -> None:
    stored = tree(OLD, OLD, OLD)
    assert settle(without_times(stored, parts=PARTS), stored, now=NOW, parts=PARTS) == stored


def test_a_change_at_the_top_leaves_what_is_below() -> None:
    stored = tree(OLD, OLD, OLD)
    assert settled(without_times(stored, parts=PARTS) | {"name": "x"}, stored) == [NOW, OLD, OLD]
    assert settled(tree(LATER, None, None, name="x"), stored) == [LATER, OLD, OLD]


def test_a_clock_that_runs_behind_what_is_stored_takes_nothing_back() -> None:
    stored = tree(FUTURE, FUTURE, FUTURE)
    assert settled(without_times(stored, parts=PARTS) | {"name": "x"}, stored) == [FUTURE, FUTURE, FUTURE]


def test_an_element_that_is_gone_is_a_change() -> None:
    stored = tree(OLD, OLD, OLD)
    assert settled({"id": "L", "evses": []}, stored) == [NOW]


@pytest.mark.parametrize(
    ("new", "pointer"),
    [
        (tree(OLDER, OLD, OLD), "/last_updated"),
        (tree(OLD, OLDER, OLD), "/evses/0/last_updated"),
        (tree(None, None, OLDER), "/evses/0/connectors/0/last_updated"),
    ],
)
def test_a_time_older_than_the_stored_one_is_a_conflict(new: dict[str, Any], pointer: str) -> None:
    with pytest.raises(StateConflict, match=f"^{pointer}: {OLDER} is older than {OLD}"):
        settled(new, tree(OLD, OLD, OLD))


MAYBE = st.none() | st.sampled_from([OLDER, OLD, LATER, FUTURE])


@given(st.tuples(MAYBE, MAYBE, MAYBE), st.tuples(MAYBE, MAYBE, MAYBE), st.booleans())
def test_what_is_accepted_is_ordered_never_goes_back_and_changes_no_input(
    first: tuple[str | None, str | None, str | None], second: tuple[str | None, str | None, str | None], changed: bool
) -> None:
    stored = settle(tree(*first), None, now=NOW, parts=PARTS)
    new = tree(*second, **({"name": "x"} if changed else {}))
    before = copy.deepcopy((stored, new))
    try:
        after = settle(new, stored, now=NOW, parts=PARTS)
    except StateConflict:
        after = stored
    assert (stored, new) == before
    assert times(after) == sorted(times(after), reverse=True)
    assert all(old <= newer for old, newer in zip(times(stored), times(after), strict=True))


@given(st.tuples(MAYBE, MAYBE, MAYBE))
def test_a_body_whose_given_times_are_in_order_may_be_repeated(body: tuple[str | None, str | None, str | None]) -> None:
    given_times = [time for time in body if time is not None]
    if given_times != sorted(given_times, reverse=True):
        given_times.sort(reverse=True)
        ordered = iter(given_times)
        body = tuple(None if time is None else next(ordered) for time in body)  # type: ignore[assignment] # still three
    stored = settle(tree(*body), None, now=NOW, parts=PARTS)
    assert settle(tree(*body), stored, now=FUTURE, parts=PARTS) == stored
