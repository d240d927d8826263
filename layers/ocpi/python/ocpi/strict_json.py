"""JSON as we take it and as we keep it: numbers keep their digits, and nothing in it surprises what comes after.

Integers are :class:`int`, everything with a fraction or an exponent is :class:`decimal.Decimal` unless its digits are
just those of an integer (``1.5E1``); no float ever.
Broken JSON and valid JSON that we refuse are told apart, because OCPI answers them differently (section 4: HTTP 400
for the first, HTTP 200 with status 2001 for the second).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 64
"""Objects and lists within each other that :func:`read` takes."""
MAX_DIGITS = 40
"""Digits of a decimal that :func:`read` takes."""
MOST_NAME_CHARACTERS = 200
"""Of the name of a member in a pointer; longer ones are cut and end with ``…``."""

_SMALLEST_EXPONENT, _LARGEST_EXPONENT = -324, 308
_LARGEST = Decimal("1.7976931348623157E+308")
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
# Possessive, so that a string of a million escapes is not remembered escape by escape.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRINGS = re.compile(_STRING, re.DOTALL)
_CONSTANT = re.compile(_STRING + r"|(-?Infinity|NaN)", re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level down or up, as a signed byte."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DOUBTFUL = re.compile("\\\\u0000|\\\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLACEHOLDER = re.compile(r'"\\u0000([-+.0-9E]+)\\u0000"')


class BrokenJson(Exception):
    """The body is not JSON; the message says where."""


class RefusedJson(Exception):
    """The body is JSON that we do not take. ``pointer`` is the JSON pointer of what is wrong ("" is the whole)."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or 'the body'}: {detail}")
        self.pointer = pointer
        self.detail = detail


class _Doubt(Exception):
    """Something that the fast decoder cannot give a pointer for; the slow one can."""


class _Constant(Exception):
    """NaN, Infinity or -Infinity, which JSON does not have."""


class _Unfit:
    """Stands, in the slow decoder's value, where something is that we refuse."""

    def __init__(self, detail: str) -> None:
        self.detail = detail


class _Repeating(dict[str, Any]):
    """An object, as the slow decoder gives it, that names a member twice."""

    name: str


def read(body: bytes | str) -> Any:
    """The value of a JSON text in UTF-8; a byte order mark is tolerated.

    Raises :class:`BrokenJson` for what is not JSON (NaN and Infinity, invalid UTF-8 and an empty body included), and
    :class:`RefusedJson` for nesting deeper than 64, integers outside signed 64 bits, decimals with more than 40 digits
    or outside what a double holds, NUL characters, lone surrogates and members that occur twice in an object.
    """
    text = _decoded(body)
    try:
        value = _decode(_FAST, text)
        doubtful = _DOUBTFUL.search(text) is not None
    except _Doubt:
        value, doubtful = None, True
    if doubtful:
        # The slow decoder runs first: a text that is doubtful here may be broken further on.
        marked = _decode(_SLOW, text)
        _refuse_deep(text)
        unfit = _unfit(marked)
        if unfit is not None:
            path, detail = unfit
            raise RefusedJson(_pointer(path), detail)
        return marked
    _refuse_deep(text)
    return value


def write(value: Any) -> str:
    """Compact JSON text of a value as :func:`read` gives it: members in their order, decimals with their digits.

    Raises :class:`ValueError` for NaN and infinities, :class:`TypeError` for what JSON has no form for.
    """
    met_decimal = False

    def placeholder(other: Any) -> str:
        nonlocal met_decimal
        if not isinstance(other, Decimal):
            raise TypeError(f"JSON has no form for {type(other).__name__}")
        if not other.is_finite():
            raise ValueError("JSON has no form for NaN and infinities")
        met_decimal = True
        text = str(other)
        if _has_many_digits(text):
            # The zeros in front of a small number's digits are digits, too: it would not be read again.
            text = f"{other:E}"
        # No string of ours can hold NUL, so nothing else looks like this in the text.
        return f"\0{text}\0"

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=placeholder)
    return _PLACEHOLDER.sub(r"\1", text) if met_decimal else text


def _decoded(body: bytes | str) -> str:
    if isinstance(body, bytes):
        try:
            body = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenJson(f"not UTF-8 at byte {error.start}") from None
    text = body.removeprefix("\ufeff")
    if not text.strip(" \t\r\n"):
        raise BrokenJson("the body is empty")
    return text


def _decode(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise BrokenJson(f"{error.msg}: line {error.lineno} column {error.colno}") from None
    except _Constant:
        raise BrokenJson(f"NaN and Infinity are not JSON: {_place_of_constant(text)}") from None
    except RecursionError:
        raise RefusedJson("", f"must not be nested deeper than {MAX_DEPTH}") from None


def _place_of_constant(text: str) -> str:
    at = next((match.start() for match in _CONSTANT.finditer(text) if match[1]), 0)
    return f"line {text.count(chr(10), 0, at) + 1} column {at - text.rfind(chr(10), 0, at)}"


def _refuse_deep(text: str) -> None:
    """Refuse a text, known to be JSON, that is nested deeper than we take."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    # Outside of its strings, JSON is ASCII.
    steps = _STRINGS.sub("", text).encode().translate(_STEPS, _NO_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b"))) > MAX_DEPTH:
        raise RefusedJson("", f"must not be nested deeper than {MAX_DEPTH}")


def _unfit(value: Any) -> tuple[tuple[str | int, ...], str] | None:
    """Path to and reason of the first thing in the slow decoder's value that we refuse."""
    if isinstance(value, _Unfit):
        return (), value.detail
    if isinstance(value, str):
        flaw = _flaw(value, "characters")
        return None if flaw is None else ((), flaw)
    members: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, list):
        members = enumerate(value)
    elif isinstance(value, dict):
        members = value.items()
    for step, member in members:
        # A name that we refuse cannot be part of a pointer that others have to write down.
        if isinstance(step, str) and (flaw := _flaw(step, "characters in the name of a member")) is not None:
            return (), flaw
        found = _unfit(member)
        if found is not None:
            return (step, *found[0]), found[1]
    return ((value.name,), "must not occur twice in one object") if isinstance(value, _Repeating) else None


def _flaw(text: str, what: str) -> str | None:
    if "\0" in text:
        return f"must not hold NUL {what}"
    return f"must not hold lone surrogate {what}" if _SURROGATE.search(text) else None


def _pointer(path: Iterable[str | int]) -> str:
    """The JSON pointer of a path whose names are the sender's: as long as a body, and cut here."""
    steps = (str(step) for step in path)
    cut = (step if len(step) <= MOST_NAME_CHARACTERS else f"{step[:MOST_NAME_CHARACTERS]}…" for step in steps)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in cut)


def _integer(text: str) -> int | _Unfit:
    if len(text) <= 18:
        return int(text)
    if len(text) <= 20 and _INT_MIN <= (value := int(text)) <= _INT_MAX:
        return value
    return _Unfit("must be an integer of at most 64 bits")


def _has_many_digits(text: str) -> bool:
    return len(text) > MAX_DIGITS and sum(map(str.isdigit, text.lower().partition("e")[0])) > MAX_DIGITS


def _decimal(text: str) -> Decimal | int | _Unfit:
    if _has_many_digits(text):
        return _Unfit(f"must not have more than {MAX_DIGITS} digits")
    try:
        value = Decimal(text)
    except ArithmeticError:
        return _Unfit("must be a number that a double can hold")
    exponent = value.adjusted()
    if not _SMALLEST_EXPONENT <= exponent <= _LARGEST_EXPONENT or abs(value) > _LARGEST:
        return _Unfit("must be a number that a double can hold")
    if ("e" in text or "E" in text) and value.as_tuple().exponent == 0:
        # 15E0 and 1.5E1 are written as 15, and so they must be what 15 is when it is read again.
        return _integer(str(value))
    return value


def _fast_integer(text: str) -> int:
    value = _integer(text)
    if isinstance(value, _Unfit):
        raise _Doubt
    return value


def _fast_decimal(text: str) -> Decimal | int:
    value = _decimal(text)
    if isinstance(value, _Unfit):
        raise _Doubt
    return value


def _fast_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Doubt
    return value


def _slow_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    occurrences = Counter(name for name, _ in pairs)
    repeating = _Repeating(value)
    repeating.name = next(name for name, _ in pairs if occurrences[name] > 1)
    return repeating


def _constant(_name: str) -> NoReturn:
    raise _Constant


_FAST = json.JSONDecoder(
    object_pairs_hook=_fast_object, parse_int=_fast_integer, parse_float=_fast_decimal, parse_constant=_constant
)
_SLOW = json.JSONDecoder(
    object_pairs_hook=_slow_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
)
