"""Instants: reading A-07 of DateTime, and what we write."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.times import ceil_second, normalise, now_precise, now_wire, parse_instant, to_wire

INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - wants naive


@pytest.mark.req("TF-48", "TF-74")
def test_without_z_a_time_is_utc_all_the_same() -> None:
    assert normalise("2024-03-05T10:11:12") == normalise("2024-03-05T10:11:12Z") == "2024-03-05T10:11:12Z"


@pytest.mark.req("TF-75")
@pytest.mark.parametrize("fraction", ["1", "123", "999999", "999999999"])
def test_fractions_are_accepted_and_not_emitted(fraction: str) -> None:
    assert normalise(f"2024-03-05T10:11:12.{fraction}Z") == "2024-03-05T10:11:12Z"


@pytest.mark.req("TF-76")
@pytest.mark.parametrize(
    ("given_text", "instant"),
    [
        ("2024-03-05T10:11:12+02:00", "2024-03-05T08:11:12Z"),
        ("2024-03-05T10:11:12+00:00", "2024-03-05T10:11:12Z"),
        ("2024-03-05T23:30:00.5-05:30", "2024-03-06T05:00:00Z"),
        ("2024-02-28T23:00:00-01:00", "2024-02-29T00:00:00Z"),
    ],
)
def test_numeric_offsets_are_converted_never_dropped(given_text: str, instant: str) -> None:
    assert normalise(given_text) == instant


def test_lower_case_letters_are_accepted() -> None:
    assert normalise("2024-03-05t10:11:12z") == "2024-03-05T10:11:12Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-03-05",
        "2024-03-05 10:11:12Z",
        "2024-03-05T10:11Z",
        "2024-03-05T10:11:12.Z",
        "2024-03-05T10:11:12.1234567890Z",
        "2024-03-05T10:11:12Z\n",
        " 2024-03-05T10:11:12Z",
        "2024-03-05T10:11:12+0200",
        "2024-03-05T10:11:12+24:00",
        "2024-03-05T10:11:12+02:60",
        "2024-02-30T10:11:12Z",
        "2023-02-29T10:11:12Z",
        "2024-13-01T10:11:12Z",
        "2024-00-01T10:11:12Z",
        "2024-03-05T24:00:00Z",
        "2024-03-05T10:60:12Z",
        "2024-03-05T10:11:61Z",
        "2016-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "12024-03-05T10:11:12Z",
        "٢٠٢٤-03-05T10:11:12Z",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    for function in (parse_instant, normalise, ceil_second):
        with pytest.raises(ValueError, match=r"^must "):
            function(text)


def test_a_parsed_instant_is_utc_to_the_microsecond() -> None:
    assert parse_instant("2024-03-05T10:11:12.123456789+01:00") == datetime(2024, 3, 5, 9, 11, 12, 123456, tzinfo=UTC)
    assert parse_instant("2024-03-05T10:11:12.5").microsecond == 500_000


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("2024-03-05T10:11:12Z", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12.000Z", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12.000000001Z", "2024-03-05T10:11:13Z"),
        ("2024-12-31T23:59:59.9Z", "2025-01-01T00:00:00Z"),
        ("2024-12-31T23:59:59.9+01:00", "2024-12-31T23:00:00Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_filter_bound_is_the_first_whole_second_not_before_it(text: str, bound: str) -> None:
    assert ceil_second(text) == bound


def test_a_naive_datetime_is_not_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        to_wire(datetime(2024, 3, 5))  # noqa: DTZ001 - the point of the test


@pytest.mark.req("TF-73")
@given(INSTANTS, st.integers(-23 * 60, 23 * 60))
def test_what_we_write_is_utc_in_whole_seconds_and_reads_back(instant: datetime, offset: int) -> None:
    local = instant.astimezone(timezone(timedelta(minutes=offset)))
    text = to_wire(local)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert len(text) <= 25
    assert parse_instant(text) == instant.replace(microsecond=0)
    assert normalise(local.isoformat()) == text


@given(INSTANTS, INSTANTS)
def test_written_instants_sort_as_time_does(one: datetime, other: datetime) -> None:
    assert (to_wire(one) < to_wire(other)) == (one.replace(microsecond=0) < other.replace(microsecond=0))


def test_now_comes_in_whole_seconds_and_with_six_decimals() -> None:
    assert abs(parse_instant(now_wire()) - datetime.now(UTC)) < timedelta(seconds=60)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", now_precise())
    assert abs(parse_instant(now_precise()) - datetime.now(UTC)) < timedelta(seconds=60)
