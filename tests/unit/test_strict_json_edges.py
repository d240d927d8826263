"""The last that is taken and the first that is not, side by side."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ocpi.strict_json import BrokenJson, RefusedJson, read

BITS, DIGITS = "must be an integer of at most 64 bits", "must not have more than 40 digits"
DOUBLE, DEEP = "must be a number that a double can hold", "must not be nested deeper than 64"
PAIR = r'"\ud83d\ude00"'
"""Makes a text doubtful, and is fine."""


def refusal(text: str) -> tuple[str, str]:
    """Pointer and detail."""
    with pytest.raises(RefusedJson) as refused:
        read(text)
    return refused.value.pointer, refused.value.detail


def broken(text: str) -> str:
    with pytest.raises(BrokenJson) as error:
        read(text)
    return str(error.value)


def test_integers_have_64_bits_with_their_sign() -> None:
    assert read(f"[{2**63 - 1}, {-(2**63)}, {'9' * 18}]") == [2**63 - 1, -(2**63), 10**18 - 1]
    for number in (2**63, 2**63 + 1, 10**19 - 1, 2**64, 10**20, -(2**63) - 1, -(10**19) + 1):
        assert refusal(f"[0, {number}]") == ("/1", BITS)
        assert refusal(f"[{PAIR}, {number}]") == ("/1", BITS)


def test_an_integer_with_an_exponent_is_one_in_either_case() -> None:
    for text in ("1.5e1", "1.5E1", "15e0", "15E0"):
        assert type(read(text)) is int
        assert read(text) == 15
    assert type(read("1.5")) is type(read("1e1")) is Decimal
    assert refusal(f"{2**63}e0") == refusal(f"{2**63}E0") == ("", BITS)


def test_forty_digits_are_counted_without_sign_point_and_exponent() -> None:
    for text in (f"-{'1' * 39}.1", f"{'1' * 39}.1", f"-1.{'1' * 39}e-10", f"1.{'1' * 39}E-10", f"{'1' * 40}e-3"):
        assert read(text) == Decimal(text)
        assert refusal(text.replace("1", "11", 1)) == ("", DIGITS)


def test_exponents_are_those_of_a_double() -> None:
    for text in ("1e-324", "9E-324", "1e308", "-1.7976931348623157E308"):
        assert read(text) == Decimal(text)
    for text in ("1e-325", "9.99E-325", "1e309", "1.7976931348623158E308", "-1E309"):
        assert refusal(f'{{"a": {text}}}') == ("/a", DOUBLE)


def test_levels_are_counted_whatever_they_are_made_of() -> None:
    for opening, inner, closing in (
        ("[" * 64, "", "]" * 64),
        ('{"a":' * 64, "1", "}" * 64),
        ("[" * 32 + '{"a":' * 32, "1", "}" * 32 + "]" * 32),
        ("[" * 64, PAIR, "]" * 64),
        ("[" * 64, '"[{"', "]" * 64),
    ):
        assert read(opening + inner + closing)
        assert refusal("[" + opening + inner + closing + "]") == ("", DEEP)
        assert refusal("[1, " + opening + inner + closing + ", []]") == ("", DEEP)


def test_halves_of_a_pair_and_nul_are_refused_as_escapes_and_as_they_are() -> None:
    assert read(f"[{PAIR}]") == ["\U0001f600"]
    assert refusal(r'["a\u0000b"]') == refusal(r'["\u0000"]') == ("/0", "must not hold NUL characters")
    for half in (r"\ud800", r"\uDBFF", r"\udc00", r"\uDfFf", "\ud800", "\udbff", "\udc00", "\udfff"):
        assert refusal(f'["{half}"]') == ("/0", "must not hold lone surrogate characters")
    assert read(r'["\ud7ff\ue000", "\\ud800"]') == ["\ud7ff\ue000", "\\ud800"]


def test_the_first_name_that_occurs_twice_is_told_and_not_the_first_name() -> None:
    assert refusal('{"b": 1, "a": 1, "a": 2}') == ("/a", "must not occur twice in one object")


def test_a_name_of_two_hundred_characters_is_the_longest_in_a_pointer() -> None:
    for length, shown in ((200, "x" * 200), (201, "x" * 200 + "…")):
        assert refusal(f'{{"{"x" * length}": "\\u0000"}}') == (f"/{shown}", "must not hold NUL characters")


def test_a_nan_is_found_wherever_lines_end() -> None:
    said = "NaN and Infinity are not JSON: "
    assert broken("NaN") == f"{said}line 1 column 1"
    assert broken("\nNaN") == f"{said}line 2 column 1"
    assert broken("[NaN\n,\n1]") == f"{said}line 1 column 2"
    assert broken('["\\"NaN\n", 1,\n -Infinity\n]'.replace("\n", "", 1)) == f"{said}line 2 column 2"


def test_what_is_refused_and_broken_is_broken() -> None:
    assert broken(f"[{2**63}, NaN]") == "NaN and Infinity are not JSON: line 1 column 23"
    assert broken(r'["\ud800", ') == "Expecting value: line 1 column 12"


def test_whitespace_is_what_json_calls_so() -> None:
    assert read(" \t\r\n[1] \t\r\n") == [1]
    assert broken(" \t\r\n") == "the body is empty"
    for text in ("\x0b", "\xa0", "\u3000", "X"):
        assert broken(text) == "Expecting value: line 1 column 1"
        assert broken(f"[]{text}") == "Extra data: line 1 column 3"
