from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from local.event import Request, build_event
from local.routing import Match
from local.template import Function

FUNCTION = Function("Locations", Path(), "app.handler", {}, (), 10, 1024)
RESOURCE = "/ocpi/cpo/2.1.1/locations/{proxy+}"


def event(
    path: str = "/ocpi/cpo/2.1.1/locations/LOC1",
    query: str = "",
    headers: tuple[tuple[str, str], ...] = (("Host", "127.0.0.1:8080"), ("User-Agent", "eMSP/1")),
    body: bytes = b"",
) -> dict[str, Any]:
    request = Request("PUT", path, query, headers, body, source_ip="192.0.2.7", port=8080, received=1_700_000_000.5)
    return build_event(request, Match(FUNCTION, RESOURCE, {"proxy": path.removeprefix("/ocpi/cpo/2.1.1/locations/")}))


def test_path_and_path_parameters_stay_percent_encoded() -> None:
    built = event("/ocpi/cpo/2.1.1/locations/A%2FB%20C/1")
    assert built["path"] == "/ocpi/cpo/2.1.1/locations/A%2FB%20C/1"
    assert built["pathParameters"] == {"proxy": "A%2FB%20C/1"}
    assert built["resource"] == built["requestContext"]["resourcePath"] == RESOURCE


def test_query_parameters_are_decoded_and_keep_every_value() -> None:
    built = event(query="date_from=2026-01-01T00%3A00%3A00%2B01%3A00&limit=1&limit=2&empty=&caf%C3%A9=a+b")
    assert built["multiValueQueryStringParameters"] == {
        "date_from": ["2026-01-01T00:00:00+01:00"],
        "limit": ["1", "2"],
        "empty": [""],
        "café": ["a b"],
    }
    assert built["queryStringParameters"]["limit"] == "2"


def test_what_is_absent_is_null() -> None:
    built = event()
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body")
    assert {name: built[name] for name in absent} == dict.fromkeys(absent)
    assert built["isBase64Encoded"] is False


def test_headers_keep_their_case_and_every_value() -> None:
    built = event(headers=(("X-Trace", "1"), ("Authorization", "Token abc"), ("X-Trace", "2")))
    assert built["multiValueHeaders"]["X-Trace"] == ["1", "2"]
    assert built["headers"]["X-Trace"] == "2"
    assert built["headers"]["Authorization"] == "Token abc"


@pytest.mark.parametrize("name", ["Connection", "transfer-encoding", "Expect"])
def test_headers_of_the_connection_do_not_reach_the_function(name: str) -> None:
    assert name not in event(headers=((name, "x"),))["headers"]


def test_forwarded_headers_are_those_of_the_gateway() -> None:
    headers = event(headers=(("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "gopher")))["multiValueHeaders"]
    assert headers == {
        "X-Forwarded-For": ["203.0.113.9, 192.0.2.7"],
        "X-Forwarded-Port": ["8080"],
        "X-Forwarded-Proto": ["http"],
    }


def test_text_body_is_text() -> None:
    assert event(body='{"name": "Zürich"}'.encode())["body"] == '{"name": "Zürich"}'


def test_body_that_is_not_utf_8_is_base64() -> None:
    built = event(body=b"\xff\x00")
    assert built["isBase64Encoded"] is True
    assert base64.b64decode(built["body"]) == b"\xff\x00"


def test_request_context_tells_who_asked_and_when() -> None:
    context = event()["requestContext"]
    assert context["identity"] == {"sourceIp": "192.0.2.7", "userAgent": "eMSP/1"}
    assert context["requestTime"] == "14/Nov/2023:22:13:20 +0000"
    assert context["requestTimeEpoch"] == 1_700_000_000_500
    assert context["domainName"] == "127.0.0.1:8080"
    assert {"accountId", "apiId", "httpMethod", "path", "protocol", "requestId", "resourceId", "stage"} <= set(context)
