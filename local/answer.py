"""What a REST API answers: a function's result, or a gateway response when no function could answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.event import STAGE, Request, request_time
from local.template import GatewayResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

# Response type: its own status, and what it says in `$context.error.message`.
RESPONSE_TYPES = {
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    # A failed or malformed function has no type of its own: only DEFAULT_5XX changes it.
    "DEFAULT_5XX": (502, "Internal server error"),
}
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
_CONTEXT_VARIABLE = re.compile(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)")


class MalformedResultError(Exception):
    """A function's result is not what the proxy integration asks for; the message says in what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, its framing left to the server."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read_result(result: Any) -> Answer:
    """The answer in a function's result; raises :class:`MalformedResultError`."""
    if not isinstance(result, dict):
        raise MalformedResultError("not a dict")
    try:
        status = int(result["statusCode"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedResultError("statusCode is not a number") from error
    if not 200 <= status <= 599:
        raise MalformedResultError(f"statusCode {status} is not a final HTTP status")
    headers = _headers(result.get("headers") or {}, result.get("multiValueHeaders") or {})
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers += (("Content-Type", "application/json"),)
    return Answer(status, headers, _body(result.get("body"), is_base64=bool(result.get("isBase64Encoded"))))


def gateway_response(response_type: str, request: Request, responses: Mapping[str, GatewayResponse]) -> Answer:
    """What the API itself answers, as the template sets it, for one of :data:`RESPONSE_TYPES`."""
    status, message = RESPONSE_TYPES[response_type]
    own = responses.get(response_type) or responses.get(f"DEFAULT_{status // 100}XX")
    if own is None:
        own = GatewayResponse(status=None, headers={}, templates={})
    content_type, text = next(
        iter(own.templates.items()), ("application/json", '{"message": $context.error.messageString}')
    )
    variables = {
        "error.message": message,
        "error.messageString": json.dumps(message),
        "error.responseType": response_type,
        "httpMethod": request.method,
        "identity.sourceIp": request.source_ip,
        "path": request.raw_path,
        "requestId": request.id,
        "requestTime": request_time(request),
        "requestTimeEpoch": str(int(request.received * 1000)),
        "stage": STAGE,
    }
    body = _CONTEXT_VARIABLE.sub(lambda found: variables.get(found[1], ""), text)
    headers = (("Content-Type", content_type), *own.headers.items())
    return Answer(own.status or status, headers, body.encode())


def _headers(single: Any, multiple: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedResultError("headers are not a dict")
    if not all(isinstance(values, list) for values in multiple.values()):
        raise MalformedResultError("multiValueHeaders holds something other than lists")
    pairs = [(name, value) for name, values in multiple.items() for value in values]
    # A pair given in both stands there once.
    pairs += [pair for pair in single.items() if pair not in pairs]
    if not all(isinstance(value, str | int | float) for _, value in pairs):
        raise MalformedResultError("a header is not a string")
    texts = tuple((str(name), str(value)) for name, value in pairs if str(name).lower() not in _FRAMING)
    if any("\n" in text or "\r" in text for pair in texts for text in pair):
        raise MalformedResultError("a header holds a line break")
    return texts


def _body(body: Any, *, is_base64: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResultError("the body is not a string")
    if not is_base64:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResultError("the body is not Base64") from error
