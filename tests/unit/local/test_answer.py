from __future__ import annotations

import json
from typing import Any

import pytest

from local.answer import MalformedResultError, gateway_response, read_result
from local.event import Request
from local.template import GatewayResponse

REQUEST = Request("GET", "/ocpi/nope", "", (), b"", source_ip="192.0.2.7", port=80, received=1_700_000_000.5)


def test_a_result_becomes_an_answer() -> None:
    answer = read_result({"statusCode": 201, "headers": {"X-A": "1"}, "body": "é"})
    assert answer.status == 201
    assert dict(answer.headers) == {"X-A": "1", "Content-Type": "application/json"}
    assert answer.body == "é".encode()


def test_headers_and_multi_value_headers_are_merged() -> None:
    result = {
        "statusCode": 200,
        "headers": {"Link": "a", "Content-Type": "text/plain", "Content-Length": "9"},
        "multiValueHeaders": {"Link": ["a", "b"]},
    }
    assert read_result(result).headers == (("Link", "a"), ("Link", "b"), ("Content-Type", "text/plain"))


def test_a_base64_body_is_decoded() -> None:
    assert read_result({"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}).body == b"\xff\x00"


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        {"statusCode": "ok"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": {}}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "multiValueHeaders": {"a": 1}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
)
def test_a_result_that_the_proxy_integration_does_not_take_is_refused(result: Any) -> None:
    with pytest.raises(MalformedResultError):
        read_result(result)


@pytest.mark.parametrize(
    ("response_type", "status", "message"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token"),
        ("REQUEST_TOO_LARGE", 413, "Request Too Long"),
        ("DEFAULT_5XX", 502, "Internal server error"),
        ("INTEGRATION_TIMEOUT", 504, "Endpoint request timed out"),
    ],
)
def test_api_gateway_answers_in_its_own_words_unless_told_otherwise(
    response_type: str, status: int, message: str
) -> None:
    answer = gateway_response(response_type, REQUEST, {})
    assert (answer.status, json.loads(answer.body)) == (status, {"message": message})


def test_a_gateway_response_fills_in_its_context() -> None:
    text = '{"m":$context.error.messageString,"p":"$context.path","t":"$context.requestTime","?":"$context.nope"}'
    own = GatewayResponse(status=404, headers={"X-A": "1"}, templates={"application/json": text})
    answer = gateway_response("MISSING_AUTHENTICATION_TOKEN", REQUEST, {"MISSING_AUTHENTICATION_TOKEN": own})
    assert answer.status == 404
    assert dict(answer.headers) == {"Content-Type": "application/json", "X-A": "1"}
    assert json.loads(answer.body) == {
        "m": "Missing Authentication Token",
        "p": "/ocpi/nope",
        "t": "14/Nov/2023:22:13:20 +0000",
        "?": "",
    }


def test_a_response_type_without_one_of_its_own_takes_the_default_of_its_class() -> None:
    default = GatewayResponse(status=None, headers={}, templates={"text/plain": "refused"})
    answer = gateway_response("REQUEST_TOO_LARGE", REQUEST, {"DEFAULT_4XX": default})
    assert (answer.status, answer.body) == (413, b"refused")
