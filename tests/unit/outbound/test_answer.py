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
