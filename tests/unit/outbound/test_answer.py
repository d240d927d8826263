from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ocpi.outbound.answer import Answer, Envelope, Headers


def answer(body: Any, status: int = 200, *, secrets: tuple[str, ...] = ()) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, Headers(), content, secrets)


SUCCESS = {"data": [{"id": "1"}], "status_code": 1000, "status_message": "Success", "timestamp": "2026-01-01T00:00:00Z"}


def test_an_envelope_gives_its_data() -> None:
    assert answer(SUCCESS).envelope() == Envelope([{"id": "1"}], 1000, "Success")
    assert answer(SUCCESS).problem(needs_data=True) is None


@pytest.mark.parametrize("code", [1000, 1001, 1999])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_every_1xxx_status_under_2xx_is_a_success(code: int, status: int) -> None:
    assert answer(SUCCESS | {"status_code": code}, status).problem() is None


@pytest.mark.req("TF-15")
@pytest.mark.parametrize("extra", [{}, {"data": None}, {"data": []}, {"data": {}}, {"data": "no"}, {"data": 7}])
@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_an_error_is_read_whatever_its_data_is(extra: dict[str, Any], status: int) -> None:
    refused = answer({"status_code": 2001, "status_message": "id is missing"} | extra, status)
    problem = refused.problem()
    assert problem is not None
    assert problem.endswith("OCPI 2001: id is missing")
    assert refused.envelope().data == extra.get("data")


@pytest.mark.req("TF-16")
@pytest.mark.parametrize("code", [2000, 2001, 2003, 3000, 3001])
def test_http_200_with_2xxx_or_3xxx_is_no_success(code: int) -> None:
    assert answer(SUCCESS | {"status_code": code}).problem() == f"OCPI {code}: Success"


@pytest.mark.req("SC-09")
@pytest.mark.parametrize("code", [2004, 2999, 3999])
def test_unknown_codes_are_judged_by_their_thousand(code: int) -> None:
    assert answer({"status_code": code}).problem() == f"OCPI {code}"
    assert answer({"status_code": code}).envelope().status_code == code


@pytest.mark.req("SC-10")
@pytest.mark.parametrize("code", [0, -1, 999, 4001, 10**12])
def test_a_code_out_of_range_is_a_problem_and_no_crash(code: int) -> None:
    assert answer({"status_code": code}).problem() == f"OCPI {code}"


@pytest.mark.req("SC-10")
@pytest.mark.parametrize("code", [True, [], {}, "fine", 1000.5])
def test_a_code_that_is_no_number_is_a_problem_and_no_crash(code: Any) -> None:
    assert answer({"status_code": code, "data": []}).problem() == "HTTP 200, but its status_code is not a number"


@pytest.mark.parametrize("written", [b"1000", b'"1000"', b"1000.0", b"1e3"])
def test_a_status_code_is_understood_in_every_notation(written: bytes) -> None:
    found = answer(b'{"status_code": ' + written + b', "data": []}')
    assert (found.envelope().status_code, found.problem()) == (1000, None)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ([{"id": "1"}], [{"id": "1"}]),
        ({"id": "1", "type": "ON_STREET"}, {"id": "1", "type": "ON_STREET"}),
        ({"data": [1]}, [1]),
        ({"data": [1], "timestamp": "2026-01-01T00:00:00Z"}, [1]),
        ({"data": [1], "id": "1"}, {"data": [1], "id": "1"}),
        ([], []),
    ],
)
def test_a_body_without_status_code_is_read_for_what_it_is(body: Any, data: Any) -> None:
    assert answer(body).envelope() == Envelope(data, None, None)
    assert answer(body).problem(needs_data=True) is None


@pytest.mark.req("TF-15")
@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_an_empty_body_is_a_success_unless_data_is_needed(body: bytes) -> None:
    assert answer(body, 204).problem() is None
    assert answer(body, 204).envelope() == Envelope(None, None, None)
    assert answer(body, 200).problem(needs_data=True) == "HTTP 200, but the answer holds no data"
    assert answer(body, 500).problem() == "HTTP 500"


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"data": [', b"\xff\xfe", b"[NaN]"])
def test_a_body_that_is_no_json_is_a_problem_and_no_crash(body: bytes) -> None:
    assert answer(body).envelope() == Envelope(None, None, None)
    assert answer(body).problem() == "HTTP 200, but the body is not JSON"
    assert answer(body, 502).problem() == "HTTP 502"


def test_json_that_is_refused_is_a_problem_that_says_why() -> None:
    problem = answer(b"[" * 500 + b"]" * 500).problem()
    assert problem is not None
    assert problem.startswith("HTTP 200, but the body is JSON that cannot be used: ")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405, 500, 503])
def test_every_http_status_but_2xx_is_a_problem_even_with_a_1xxx_code(status: int) -> None:
    assert answer(SUCCESS, status).problem() == f"HTTP {status}, OCPI 1000: Success"
    assert answer([], status).problem() == f"HTTP {status}"


def test_numbers_keep_their_digits() -> None:
    assert answer(b'{"status_code": 1000, "data": {"price": 0.250}}').envelope().data == {"price": Decimal("0.250")}
    assert str(answer(b"[0.250]").envelope().data[0]) == "0.250"


def test_header_names_have_no_case_and_repeated_fields_are_joined() -> None:
    headers = Headers([("Link", "<a>"), ("LINK", "<b>"), ("X-Total-Count", "5")])
    assert headers["link"] == headers["Link"] == "<a>, <b>"
    assert headers.get("x-total-count") == "5"
    assert "X-LIMIT" not in headers
    assert len(headers) == 2
    assert dict(headers) == {"link": "<a>, <b>", "x-total-count": "5"}


def test_a_secret_that_the_partner_quotes_is_blotted_out() -> None:
    quoting = answer(
        {"status_code": 2001, "status_message": "token s3cr3t or czNjcjN0 unknown"}, 401, secrets=("s3cr3t", "czNjcjN0")
    )
    assert quoting.problem() == "HTTP 401, OCPI 2001: token … or … unknown"
    assert "s3cr3t" not in quoting.excerpt()
    assert "s3cr3t" not in repr(Answer(200, Headers(), b"", ("s3cr3t",)))


def test_texts_of_the_partner_are_cut_and_cleaned() -> None:
    long = answer({"status_code": 2000, "status_message": "a\r\nb\x1b[31m" + "x" * 5000}).problem()
    assert long is not None
    assert long.startswith("OCPI 2000: a b [31mxxx")
    assert len(long) < 350
    assert answer(b"<p>\xff" + b"y" * 5000).excerpt(10) == "<p>\ufffdyyyyy…"


@pytest.mark.parametrize(
    ("body", "cut_off"),
    [
        (b'{"data": [', True),
        (b" \r\n[1, 2", True),
        (b'{"data": []}', False),
        (b"<html>", False),
        (b'"text', False),
        (b"", False),
        (b"[" * 500 + b"]" * 500, False),
    ],
)
def test_what_begins_as_json_and_is_none_was_cut_off(body: bytes, cut_off: bool) -> None:
    assert answer(body).is_cut_off is cut_off


@pytest.mark.parametrize(
    ("media_type", "body", "page"),
    [
        ("text/html", b"<html>", True),
        (" Text/HTML ; charset=utf-8", b" \n<html>", True),
        ("application/xhtml+xml", b"<html/>", True),
        ("text/html", b"[]", False),
        ("text/html", b"out of order", False),
        ("text/html", b"", False),
        ("text/plain", b"<html>", False),
        ("application/xml", b"<html>", False),
        (None, b"<html>", False),
    ],
)
def test_a_page_for_people_says_so_and_looks_so(media_type: str | None, body: bytes, page: bool) -> None:
    fields = [] if media_type is None else [("content-type", media_type)]
    assert Answer(502, Headers(fields), body).is_page is page


def test_a_2xx_ends_before_300_and_begins_at_200() -> None:
    assert [answer([], status).problem() for status in (199, 200, 299, 300)] == ["HTTP 199", None, None, "HTTP 300"]


def test_a_message_is_cut_at_300_characters_and_an_excerpt_at_a_thousand() -> None:
    for length in (299, 300):
        assert answer({"status_code": 2000, "status_message": "x" * length}).problem() == f"OCPI 2000: {'x' * length}"
    assert answer({"status_code": 2000, "status_message": "x" * 301}).problem() == f"OCPI 2000: {'x' * 299}…"
    assert answer(b"y" * 1000).excerpt() == "y" * 1000
    assert answer(b"y" * 1001).excerpt() == "y" * 999 + "…"


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (("abc", "abcdef"), "abcdef abc", "… …"),
        (("b", "ab"), "ab b", "… …"),
        (("a/b",), r"a/b and a\/b", "… and …"),
        (("", "abc"), "no abc", "no …"),
        ((), "a   b \t c  ", "a b c"),
    ],
)
def test_secrets_are_blotted_out_longest_first_and_as_json_spells_them(
    secrets: tuple[str, ...], text: str, shown: str
) -> None:
    assert answer(text.encode(), secrets=secrets).excerpt() == shown


def test_a_token_in_what_is_wrong_with_the_json_is_blotted_out() -> None:
    problem = answer(b'{"status_code": 1000, "data": {"abc": 1, "abc": 2}}', secrets=("abc",)).problem()
    assert problem == (
        "HTTP 200, but the body is JSON that cannot be used: /data/…: must not occur twice in one object"
    )


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (b'" 2001 "', 2001),
        (b'"999999999"', 999_999_999),
        (b'"1000000000"', None),
        (b'"2001.0"', None),
        (b'"-1"', None),
        (b'""', None),
        (b"999999999.0", 999_999_999),
        (b"1000000000.0", None),
        (b"-999999999.0", -999_999_999),
        (b"-1000000000.0", None),
        (b"2001.5", None),
        (b"false", None),
    ],
)
def test_a_status_code_is_a_number_of_at_most_nine_digits_however_it_is_written(
    written: bytes, code: int | None
) -> None:
    found = answer(b'{"status_code": ' + written + b"}")
    assert found.envelope().status_code == code
    assert found.problem() == ("HTTP 200, but its status_code is not a number" if code is None else f"OCPI {code}")


@pytest.mark.parametrize("message", [None, 7, [], {}])
def test_a_message_that_is_no_text_is_none(message: Any) -> None:
    found = answer({"status_code": 2001, "status_message": message})
    assert (found.envelope().status_message, found.problem()) == (None, "OCPI 2001")


@pytest.mark.parametrize("status_code", [None, ...])
def test_an_envelope_without_a_code_still_has_data_and_message(status_code: Any) -> None:
    fields = {"data": [1], "status_message": "fine", "timestamp": "t"}
    body = fields if status_code is ... else {**fields, "status_code": status_code}
    assert answer(body).envelope() == Envelope([1], None, "fine")
    assert answer(body).problem() is None


def test_an_error_without_code_or_data_is_no_envelope() -> None:
    body = {"status_message": "no", "timestamp": "t"}
    assert answer(body).envelope() == Envelope(body, None, None)
    assert answer([1], 500).problem() == "HTTP 500"


def test_missing_data_is_a_problem_only_where_it_is_needed() -> None:
    nothing = answer({"status_code": 1000})
    assert nothing.problem() is None
    assert nothing.problem(needs_data=True) == "HTTP 200, but the answer holds no data"
    assert answer({"status_code": 1000, "data": []}).problem(needs_data=True) is None


def test_a_field_that_came_three_times_keeps_its_order() -> None:
    assert Headers([("Link", "a"), ("link", "b"), ("LINK", "c")])["Link"] == "a, b, c"
    assert dict(Headers()) == {}
