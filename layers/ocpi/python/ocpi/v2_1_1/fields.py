"""The primitive types of OCPI 2.1.1 (chapter 14), as annotations for the models' fields.

Each carries its name and maximum length as the specification's tables have them (:class:`Primitive`), and the
stricter or wider reading that we take of it. Lengths are counted in code points. Nothing is coerced, but times are
normalised and an integral ``230.0`` is taken for an integer.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ocpi import times
from ocpi.v2_1_1 import currencies

T = TypeVar("T")

OneOrMore = Annotated[list[T], Field(min_length=1)]
"""Cardinality ``+``. Cardinality ``*`` is ``list[T] | None = None``: absent, null and [] are equal."""

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def fault(detail: str) -> PydanticCustomError:
    """The error that a validator raises; ``detail`` is the sentence of the fault, with no braces in it."""
    return PydanticCustomError("ocpi_field", detail)


@dataclass(frozen=True)
class Primitive:
    """What the specification's tables say of a field's type: its name there, and ``string(max)`` or ``int(max)``."""

    spec: ClassVar[str]
    max: int | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return self.schema()

    def schema(self) -> CoreSchema:
        """What pydantic checks."""
        raise NotImplementedError


@dataclass(frozen=True)
class String(Primitive):
    """Names and texts: any Unicode (A-43)."""

    spec: ClassVar[str] = "string"

    def schema(self) -> CoreSchema:
        """At most ``max`` code points, possibly none."""
        return core_schema.str_schema(strict=True, max_length=self.max)


@dataclass(frozen=True)
class Id(String):
    """What identifies something, in URLs too: printable ASCII, at least one character (A-43, A-45)."""

    def schema(self) -> CoreSchema:
        """One to ``max`` printable ASCII characters."""
        return _form(self.max, r"^[ -~]*$", "must be printable ASCII")


@dataclass(frozen=True)
class CiId(Id):
    """An :class:`Id` whose letter case does not count: CiString in the tables."""

    spec: ClassVar[str] = "CiString"


@dataclass(frozen=True)
class Form(String):
    """A string that has to match a regular expression as a whole; ``detail`` is what a person is told otherwise."""

    pattern: str = ""
    detail: str = ""

    def schema(self) -> CoreSchema:
        """One to ``max`` characters of that form."""
        return _form(self.max, f"^(?:{self.pattern})$", self.detail)


def _form(max_length: int | None, pattern: str, detail: str) -> CoreSchema:
    length = core_schema.str_schema(strict=True, min_length=1, max_length=max_length)
    form = core_schema.custom_error_schema(
        core_schema.str_schema(pattern=pattern), "ocpi_form", custom_error_message=detail
    )
    return core_schema.chain_schema([length, form])


@dataclass(frozen=True)
class RealDate(Form):
    """``YYYY-MM-DD``, and a date that exists."""

    def schema(self) -> CoreSchema:
        """As :class:`Form`, and in the calendar."""
        return core_schema.no_info_after_validator_function(_existing_date, super().schema())


@dataclass(frozen=True)
class KnownCurrency(String):
    """An ISO 4217 code in capitals."""

    def schema(self) -> CoreSchema:
        """One of :data:`ocpi.v2_1_1.currencies.KNOWN`."""
        return core_schema.no_info_after_validator_function(_known_currency, core_schema.str_schema(strict=True))


@dataclass(frozen=True)
class OpenEnum(Primitive):
    """One of an enum's values, or another: partners may agree on more, and what we do not know we ignore (VE-17)."""

    name: str = ""

    def schema(self) -> CoreSchema:
        """Any printable ASCII."""
        return _form(self.max, r"^[ -~]*$", "must be printable ASCII")


@dataclass(frozen=True)
class Instant(Primitive):
    """A DateTime in any spelling of A-07, made ``YYYY-MM-DDTHH:MM:SSZ``."""

    spec: ClassVar[str] = "DateTime"

    def schema(self) -> CoreSchema:
        """Text that :func:`ocpi.times.normalise` takes."""
        return core_schema.no_info_after_validator_function(_normalised, core_schema.str_schema(strict=True))


@dataclass(frozen=True)
class Address(Primitive):
    """A URL: absolute, http or https, with a host; at most 255 characters."""

    spec: ClassVar[str] = "URL"

    def schema(self) -> CoreSchema:
        """Text in the form of a URL; whether we would call it is another question, see :mod:`ocpi.outbound`."""
        return core_schema.no_info_after_validator_function(
            _absolute_url, core_schema.str_schema(strict=True, max_length=255)
        )


@dataclass(frozen=True)
class YesNo(Primitive):
    """A JSON boolean."""

    spec: ClassVar[str] = "boolean"

    def schema(self) -> CoreSchema:
        """``true`` or ``false``, no words or numbers for them."""
        return core_schema.bool_schema(strict=True)


@dataclass(frozen=True)
class Numeric(Primitive):
    """A JSON number, kept as it was given: :class:`int` or :class:`decimal.Decimal`."""

    spec: ClassVar[str] = "number"
    at_least: int | None = None
    at_most: int | None = None

    def schema(self) -> CoreSchema:
        """Within the bounds, both inclusive."""
        return core_schema.no_info_plain_validator_function(self._checked)

    def _checked(self, value: Any) -> int | Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise fault("must be a number" if value is not None else "must not be null")
        if isinstance(value, Decimal) and not value.is_finite():
            raise fault("must be a finite number")
        if self.at_least is not None and value < self.at_least:
            raise fault(f"must not be less than {self.at_least}")
        if self.at_most is not None and value > self.at_most:
            raise fault(f"must not be more than {self.at_most}")
        return value


@dataclass(frozen=True)
class Whole(Numeric):
    """A JSON integer; ``max`` is its number of digits."""

    spec: ClassVar[str] = "int"

    def _checked(self, value: Any) -> int:
        number = super()._checked(value)
        if not _INT_MIN <= number <= _INT_MAX or number != int(number):
            raise fault("must be an integer")
        if self.max is not None and abs(number) >= 10**self.max:
            raise fault(f"must not have more than {self.max} digits")
        return int(number)


def _normalised(text: str) -> str:
    try:
        return times.normalise(text)
    except ValueError as error:
        raise fault(str(error)) from None


def _existing_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise fault("must be a date that exists") from None
    return text


def _known_currency(text: str) -> str:
    if text not in currencies.KNOWN:
        raise fault("must be an ISO 4217 currency code in capitals")
    return text


_NOT_IN_A_URL = re.compile(r"[\s\x00-\x20\x7f-\x9f\\<>\"]")


def _absolute_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        # Reading the port raises ValueError where there is none that exists.
        absolute = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        absolute = False
    if not absolute or _NOT_IN_A_URL.search(text):
        raise fault("must be an absolute http or https URL")
    return text


_HHMM = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"

DateTime = Annotated[str, Instant()]
URL = Annotated[str, Address()]
Boolean = Annotated[bool, YesNo()]
Number = Annotated[int | Decimal, Numeric()]
Quantity = Annotated[int | Decimal, Numeric(at_least=0)]
"""A number of kWh, kW, hours, amperes and the like, never negative."""
Percentage = Annotated[int | Decimal, Numeric(at_least=0, at_most=100)]
Integer = Annotated[int, Whole()]
Count = Annotated[int, Whole(at_least=0)]
"""An integer of volts, amperes, seconds or steps, never negative."""
Pixels = Annotated[int, Whole(max=5, at_least=0)]
Weekday = Annotated[int, Whole(max=1, at_least=1, at_most=7)]
Id36 = Annotated[str, Id(36)]
Id39 = Annotated[str, Id(39)]
Id48 = Annotated[str, Id(48)]
Name4 = Annotated[str, String(4)]
Name10 = Annotated[str, String(10)]
Name16 = Annotated[str, String(16)]
Name45 = Annotated[str, String(45)]
Name64 = Annotated[str, String(64)]
Name100 = Annotated[str, String(100)]
Name255 = Annotated[str, String(255)]
Name512 = Annotated[str, String(512)]
Currency = Annotated[str, KnownCurrency(3)]
Language = Annotated[str, Form(2, "[A-Za-z]{2}", "must be a two-letter language code (ISO 639-1)")]
Country = Annotated[str, Form(3, "[A-Za-z]{2,3}", "must be a country code of letters (ISO 3166-1 alpha-3)")]
"""Alpha-3 by the specification; partners send alpha-2 as its own examples do (A-47)."""
CountryAlpha2 = Annotated[str, Form(2, "[A-Za-z]{2}", "must be a country code of two letters (ISO 3166-1 alpha-2)")]
PartyId = Annotated[str, Form(3, "[A-Za-z0-9]{1,3}", "must be letters and digits")]
CredentialsToken = Annotated[str, Form(64, "[!-~]+", "must be printable ASCII without spaces")]
Latitude = Annotated[
    str,
    Form(
        10,
        r"-?(?:[0-8]?[0-9]\.[0-9]{5,7}|90\.0{5,7})",
        "must be degrees between -90 and 90 with a point and 6 decimals, such as 52.370216",
    ),
]
"""Five to seven decimals are taken (A-46); what we emit has six, see :mod:`ocpi.v2_1_1.own_rules`."""
Longitude = Annotated[
    str,
    Form(
        11,
        r"-?(?:(?:1[0-7]|0?[0-9])?[0-9]\.[0-9]{5,7}|180\.0{5,7})",
        "must be degrees between -180 and 180 with a point and 6 decimals, such as 4.895168",
    ),
]
"""As :data:`Latitude`."""
TimeOfDay = Annotated[str, Form(5, _HHMM, "must be a time of day from 00:00 to 23:59")]
Date = Annotated[str, RealDate(10, "[0-9]{4}-[0-9]{2}-[0-9]{2}", "must be a date such as 2024-03-05")]
