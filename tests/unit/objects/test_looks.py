"""When to look again."""

from __future__ import annotations

import pytest

from ocpi.objects.looks import after_minutes, first_try, next_try

CREATED = "2026-01-01T00:00:00.500000Z"


def test_the_first_look_is_soon() -> None:
    assert first_try(CREATED) == "2026-01-01T00:01:00Z"


@pytest.mark.parametrize(
    ("now", "again"),
    [
        ("2026-01-01T00:00:01Z", "2026-01-01T00:01:01Z"),
        ("2026-01-01T00:05:00Z", "2026-01-01T00:09:59Z"),
        ("2026-01-01T01:00:00Z", "2026-01-01T01:59:59Z"),
        ("2026-01-02T00:00:00Z", "2026-01-02T23:59:59Z"),
        ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
        # A clock that was ahead when the object was made.
        ("2025-12-31T23:00:00Z", "2025-12-31T23:01:00Z"),
    ],
)
def test_further_looks_are_ever_rarer_and_at_least_daily(now: str, again: str) -> None:
    assert next_try(CREATED, now) == again


def test_a_year_of_looks_are_few() -> None:
    now, looks = first_try(CREATED), 0
    while now < "2027":
        now, looks = next_try(CREATED, now), looks + 1
    assert looks < 380


def test_minutes_pass_over_the_end_of_a_day() -> None:
    assert after_minutes("2026-12-31T23:59:30Z", 30) == "2027-01-01T00:29:30Z"
