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


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b" \t\r\n", "the body is empty"),
        (b"\xc3\xa9\xff", "not UTF-8 at byte 2"),
        (b"NaN", "NaN and Infinity are not JSON: line 1 column 1"),
        (b'["NaN",\n\n "a\\"NaN", -Infinity]', "NaN and Infinity are not JSON: line 3 column 12"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2"),
    ],
)
def test_broken_json_says_what_and_where(body: bytes, message: str) -> None:
    with pytest.raises(BrokenJson) as broken:
        read(body)
    assert str(broken.value) == message
    assert broken.value.__cause__ is None


DIGITS, DOUBLE = "must not have more than 40 digits", "must be a number that a double can hold"
BITS, DEEP = "must be an integer of at most 64 bits", "must not be nested deeper than 64"


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ('{"a": 9223372036854775808}', "/a", BITS),
        ('{"a": -9223372036854775809}', "/a", BITS),
        ('{"a": 000}'.replace("000", "1" * 19 + "99"), "/a", BITS),
        ('{"a": 0.' + "1" * 40 + "}", "/a", DIGITS),
        ('{"a": ' + "1" * 40 + ".1e-5}", "/a", DIGITS),
        ('{"a": 1.8e308}', "/a", DOUBLE),
        ('{"a": 1e309}', "/a", DOUBLE),
        ('{"a": 9e-325}', "/a", DOUBLE),
        ('{"a": 1e99999999999999999999}', "/a", DOUBLE),
        (r'["\u0000"]', "/0", "must not hold NUL characters"),
        (r'["\ud800"]', "/0", "must not hold lone surrogate characters"),
        (r'{"a": {"\u0000": 1}}', "/a", "must not hold NUL characters in the name of a member"),
        (r'{"\ud800": 1}', "", "must not hold lone surrogate characters in the name of a member"),
        (r'{"a~/b": [0, {"~c": "\u0000"}]}', "/a~0~1b/1/~0c", "must not hold NUL characters"),
        ('{"x~/y": 1, "b": 1, "x~/y": 2, "b": 2}', "/x~0~1y", "must not occur twice in one object"),
        ('{"b": 1, "a": 1, "a": 2, "b": 2}', "/b", "must not occur twice in one object"),
        ("[" * 65 + "]" * 65, "", DEEP),
        ("[" * 100_000 + "]" * 100_000, "", DEEP),
    ],
)
def test_a_refusal_says_what_is_taken(body: str, pointer: str, detail: str) -> None:
    with pytest.raises(RefusedJson) as refused:
        read(body)
    assert (refused.value.pointer, refused.value.detail) == (pointer, detail)
    assert str(refused.value) == f"{pointer or 'the body'}: {detail}"
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("1" * 18, int("1" * 18)),
        ("-9223372036854775808", -(2**63)),
        ("9e-324", Decimal("9E-324")),
        ("1e-324", Decimal("1E-324")),
        ("-1.7976931348623157e308", Decimal("-1.7976931348623157E+308")),
        ("0." + "0" * 39, Decimal("0." + "0" * 39)),
        ("1" * 39 + ".1", Decimal("1" * 39 + ".1")),
        ("-" + "1" * 39 + ".1E-1000"[:-3], Decimal("-" + "1" * 39 + ".1E-1")),
        ("1.0e" + "0" * 50 + "2", Decimal("1.0E+2")),
        ("0e5", Decimal("0E+5")),
        (r'["\ud83d\ude00", 1, null, true, {"a": {}}]', ["\U0001f600", 1, None, True, {"a": {}}]),
        ('{"a": "\\\\u0000", "b": {"c": 1}, "d": 2.5}', {"a": "\\u0000", "b": {"c": 1}, "d": Decimal("2.5")}),
    ],
)
def test_the_last_that_is_taken_is_taken(body: str, value: Any) -> None:
    found = read(body)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_sixty_fourth_level_is_the_last(opening: str, closing: str) -> None:
    inner = "" if opening == "[" else "1"
    assert read(opening * 64 + inner + closing * 64)
    with pytest.raises(RefusedJson):
        read(opening * 65 + inner + closing * 65)
    # As many brackets, half as deep.
    assert len(read("[" + ",".join(["[[]]"] * 40) + "]")) == 40


def test_a_name_that_occurs_twice_is_known_wherever_it_stands() -> None:
    with pytest.raises(RefusedJson) as refused:
        read('[{"a": 1}, {"b": {"c": 1, "c": 1}, "b": 2}]')
    assert refused.value.pointer == "/1/b", "what is inside the first is overwritten by the second"


def test_what_has_no_form_is_named_and_no_decimal_is_not_finite() -> None:
    with pytest.raises(TypeError, match=r"^JSON has no form for set$"):
        write([{1}])
    for value in (Decimal("NaN"), Decimal("-Infinity")):
        with pytest.raises(ValueError, match=r"^JSON has no form for NaN and infinities$"):
            write([value])
    with pytest.raises(ValueError, match="JSON"):
        write(float("inf"))


@pytest.mark.parametrize("number", ["0", "-1.50", "1E+2", "1.5E-7", "0E-7"])
def test_a_decimal_is_written_among_strings_as_a_number(number: str) -> None:
    assert write(["x", Decimal(number), {"é": Decimal(number)}]) == f'["x",{number},{{"é":{number}}}]'


def test_long_names_are_cut_in_a_pointer() -> None:
    name = "~" * 300
    with pytest.raises(RefusedJson) as refused:
        read(f'{{"{name}": {{"a": "\\u0000"}}}}')
    assert refused.value.pointer == f"/{'~0' * 200}…/a"


@pytest.mark.parametrize("number", ["1." + "0" * 34 + "E-6", "1." + "3" * 39 + "E-1", "-9." + "9" * 39 + "e-3"])
def test_a_small_number_with_many_digits_can_be_read_again(number: str) -> None:
    value = read(number)
    assert read(write(value)) == value
    assert str(read(write(value))) == str(value)
