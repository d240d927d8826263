"""Instants as OCPI writes them: text in UTC, ``YYYY-MM-DDTHH:MM:SSZ``, which sorts as time does.

Sources: OCPI 2.1.1 section 14.2 (DateTime) and reading A-07: what we send has whole seconds and a ``Z``; what we
accept may lack the ``Z`` (UTC all the same), carry a fraction, or a numeric offset, which is converted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?"
)
_CANONICAL = re.compile(r"(?:19[7-9]|[2-9][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_FIRST_YEAR = 1970
_LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def parse_instant(text: str) -> datetime:
    """The instant that an OCPI DateTime names, in UTC, to the microsecond (further digits are cut off).

    Raises :class:`ValueError`, whose message does not repeat the text, for another form, a date or time of day that
    does not exist, a leap second, and instants outside the years 1970 to 9999.
    """
    instant, fraction = _split(text)
    return instant.replace(microsecond=int(fraction[:6].ljust(6, "0")))


def to_wire(instant: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ`` of an aware datetime; fractions are cut off. A naive one raises :class:`ValueError`."""
    return _in_utc(instant).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def normalise(text: str) -> str:
    """The same instant as ``YYYY-MM-DDTHH:MM:SSZ``, fractions cut off; raises as :func:`parse_instant` does."""
    if _CANONICAL.fullmatch(text):
        _existing_date(text[:10])
        return text
    return to_wire(_split(text)[0])


def ceil_second(text: str) -> str:
    """The first whole second not before this instant, for the bounds of a filter on stored times of whole seconds.

    The last second of the year 9999 stays what it is. Raises as :func:`parse_instant` does.
    """
    instant, fraction = _split(text)
    if fraction.strip("0") and instant < _LAST_SECOND:
        instant += timedelta(seconds=1)
    return to_wire(instant)


def now_wire() -> str:
    """Now, as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return to_wire(datetime.now(UTC))


def now_precise() -> str:
    """Now, as ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, always with six decimals."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _split(text: str) -> tuple[datetime, str]:
    """The whole second in UTC, and the digits of the fraction: a datetime would lose those after the sixth."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("must be a date and time such as 2024-03-05T10:11:12Z")
    day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    if second == "60":
        raise ValueError("must not be a leap second")
    if hour > "23" or minute > "59" or second > "59":
        raise ValueError("must hold a time of day between 00:00:00 and 23:59:59")
    instant = _existing_date(day).replace(hour=int(hour), minute=int(minute), second=int(second))
    if sign:
        instant = _without_offset(instant, sign, int(offset_hours), int(offset_minutes))
    if instant.year < _FIRST_YEAR:
        raise ValueError("must lie between the years 1970 and 9999")
    return instant, fraction or ""


def _existing_date(day: str) -> datetime:
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("must hold a date that exists") from None


def _without_offset(local: datetime, sign: str, hours: int, minutes: int) -> datetime:
    if hours > 23 or minutes > 59:
        raise ValueError("must have an offset of less than 24 hours")
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        return local - offset if sign == "+" else local + offset
    except OverflowError:
        raise ValueError("must lie between the years 1970 and 9999") from None


def _in_utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("needs a datetime that knows its offset from UTC")
    return instant.astimezone(UTC)
