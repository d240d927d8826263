"""JSON in and out: digits are kept, and what is broken is told apart from what we refuse."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.strict_json import BrokenJson, RefusedJson, read, write

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6) | (
    st.builds(
        lambda digits, exponent: Decimal(f"{digits}E{exponent}"), st.integers(-(10**38), 10**38), st.integers(-320, 260)
    ).filter(lambda value: value.as_tuple().exponent != 0)  # written as an integer, which may be too long to be read
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | DECIMALS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_what_is_written_reads_back_with_its_digits(value: Any) -> None:
    text = write(value)
    again = read(text)
    assert again == value
    assert read(text.encode()) == value
    assert write(read(write(again))) == write(again)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_decimals_keep_trailing_zeros(value: Decimal) -> None:
    text = write([value])
    assert text == f"[{value}]"
    assert read(text)[0].as_tuple() == value.as_tuple()


@pytest.mark.req("TF-72")
@pytest.mark.parametrize("text", ["1.10", "0.1", "-0.00", "1E+2", "0E-7", "123456789012345678901234567890.1234567890"])
def test_decimals_are_json_numbers_of_the_same_digits(text: str) -> None:
    assert write({"price": read(text)}) == f'{{"price":{text}}}'
    assert isinstance(json.loads(write(read(text))), float)


def test_integers_are_int_and_everything_else_decimal_never_float() -> None:
    assert read("[1, -0, 1.0, 1e2]") == [1, 0, Decimal("1.0"), Decimal("1E+2")]
    assert [type(number) for number in read("[1, -0, 1.0, 1e2]")] == [int, int, Decimal, Decimal]


def test_what_is_written_is_compact_utf_8_in_the_given_order() -> None:
    assert write({"b": [1, None, True], "a": 'é\n"\\'}) == '{"b":[1,null,true],"a":"é\\n\\"\\\\"}'


@pytest.mark.parametrize("text", ["\\u00001.5\\u0000", '"\\u00001.5\\u0000"', "\\\\u00001.5"])
def test_a_string_that_looks_like_our_placeholder_stays_a_string(text: str) -> None:
    assert read(write([text, Decimal("1.50")])) == [text, Decimal("1.50")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"\xef\xbb\xbf",
        b'{"id":',
        b"{'id': 1}",
        b'{"id": 1,}',
        b"[1] 2",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"nul",
        b"NaN",
        b'{"a": [Infinity]}',
        b"-Infinity",
        b'"\x00"',
        b'"tab\there"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'{"id": 99999999999999999999999',
        b'{"a": 1, "a": 2',
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_not_json_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenJson):
        read(body)


@pytest.mark.parametrize(
    ("body", "place"),
    [('{"a":\n  x}', "line 2 column 3"), ('{"a":\n ["NaN", NaN]}', "line 2 column 10")],
)
def test_broken_json_says_where(body: str, place: str) -> None:
    with pytest.raises(BrokenJson, match=place):
        read(body)


def test_a_byte_order_mark_is_tolerated() -> None:
    assert read(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    assert read("\ufeff[]") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("9223372036854775808", ""),
        ('{"a": [0, -9223372036854775809]}', "/a/1"),
        ('{"a": ' + "9" * 10_000 + "}", "/a"),
        ('{"a": ' + "9" * 10_000 + ".5}", "/a"),
        ('{"a": 1e309}', "/a"),
        ('{"a": -1.8e308}', "/a"),
        ('{"a": 1e-400}', "/a"),
        ('{"a": 1e99999999999999999999}', "/a"),
        ('{"a": 0e-99999999999999999999}', "/a"),
        ('{"a": 0.' + "1" * 40 + "}", "/a"),
        (r'{"a": {"b/c~d": "x\u0000y"}}', "/a/b~1c~0d"),
        (r'{"a": {"\u0000": 1}}', "/a"),
        (r'["\ud800"]', "/0"),
        (r'["\udc00\ud800"]', "/0"),
        (r'{"\uDFFF": 1}', ""),
        ('["\ud800"]', "/0"),
        ('{"a": 1, "b": 2, "a": 1}', "/a"),
        ('{"x": [{"a": 1, "a": 1}]}', "/x/0/a"),
        ("[" * 65 + "]" * 65, ""),
        ('{"a":' * 65 + "1" + "}" * 65, ""),
        ('{"a":[' * 5_000 + "]}" * 5_000, ""),
        ("[" * 100_000 + "]" * 100_000, ""),
        ("[" * 100_000, ""),
    ],
)
def test_json_that_we_do_not_take_is_refused_with_its_place(body: str, pointer: str) -> None:
    with pytest.raises(RefusedJson) as refusal:
        read(body)
    assert refusal.value.pointer == pointer
    assert refusal.value.detail.startswith("must ")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("[9223372036854775807,-9223372036854775808]", [2**63 - 1, -(2**63)]),
        (r'["\ud83d\ude00"]', ["\U0001f600"]),
        (r'["\\u0000", "\\ud800"]', ["\\u0000", "\\ud800"]),
        ('["]]]", "[[["]', ["]]]", "[[["]),
        ("1.7976931348623157e308", Decimal("1.7976931348623157E+308")),
        ("0." + "1" * 39, Decimal("0." + "1" * 39)),
    ],
)
def test_what_only_looks_like_that_is_taken(body: str, value: Any) -> None:
    assert read(body) == value


def test_sixty_four_levels_are_taken_however_many_brackets_there_are() -> None:
    deep = "[" * 63 + "]" * 63
    assert write(read(f"[{deep},{deep}]")) == f"[{deep},{deep}]"
    shallow = json.dumps([[{"brackets": "[{" * 50, "quote": '"['}]] * 100)
    assert read(shallow) == json.loads(shallow)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan")])
def test_nan_and_infinities_are_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write({"a": value})


def test_what_json_has_no_form_for_is_not_written() -> None:
    with pytest.raises(TypeError, match="set"):
        write({"a": {1}})


@given(st.binary() | TEXTS)
def test_no_other_exception_leaves_the_reader(body: bytes | str) -> None:
    try:
        value = read(body)
    except (BrokenJson, RefusedJson):
        return
    assert read(write(value)) == value


@pytest.mark.parametrize(
    ("text", "written"),
    [("15E0", "15"), ("1.5E1", "15"), ("-0E0", "0"), ("1E1", "1E+1"), ("1.0E0", "1.0"), ("9e0", "9")],
)
def test_a_number_with_an_exponent_is_written_as_it_is_read_again(text: str, written: str) -> None:
    assert write(read(text)) == written
    assert write(read(written)) == written
    assert read(written) == read(text)


@pytest.mark.parametrize("text", ["144444444444444444444451E0", "1.44444444444444444444451E23"])
def test_an_integer_that_could_not_be_read_again_is_refused_in_every_spelling(text: str) -> None:
    # Found by fuzzing: it was taken, stored as an integer, and could not be read any more.
    with pytest.raises(RefusedJson, match="64 bits"):
        read(f'{{"a":{text}}}')
