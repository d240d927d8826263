"""Builds the event that a REST API hands to a Lambda function by proxy integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.intrinsics import PSEUDO_PARAMETERS

if TYPE_CHECKING:
    from local.routing import Match

STAGE = "local"
# API Gateway ends the connection itself; these never reach a function (RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"})


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it came in."""

    method: str
    raw_path: str
    """Still percent-encoded, without the query."""
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    port: int
    """The port that it came in on."""
    received: float = field(default_factory=time.time)
    """Seconds since 1970."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """The last value of a header, its name in any case."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), None)


def build_event(request: Request, match: Match) -> dict[str, Any]:
    """The event for the function that the route leads to."""
    headers = _multi(_forwarded(request))
    query = _multi(parse_qsl(request.raw_query, keep_blank_values=True, errors="replace"))
    body, is_base64 = _body(request.body)
    return {
        "resource": match.resource,
        "path": request.raw_path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.path_parameters or None,
        "stageVariables": None,
        "requestContext": _request_context(request, match),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def request_time(request: Request) -> str:
    """When the request came in, in the Common Log Format: ``22/Nov/2026:08:17:00 +0000``."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(request.received))


def _request_context(request: Request, match: Match) -> dict[str, Any]:
    host = request.header("host") or "localhost"
    return {
        "accountId": PSEUDO_PARAMETERS["AWS::AccountId"],
        "apiId": "local",
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "extendedRequestId": request.id,
        "httpMethod": request.method,
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent")},
        "path": request.raw_path,
        "protocol": "HTTP/1.1",
        "requestId": request.id,
        "requestTime": request_time(request),
        "requestTimeEpoch": int(request.received * 1000),
        "resourceId": hashlib.sha256(match.resource.encode()).hexdigest()[:6],
        "resourcePath": match.resource,
        "stage": STAGE,
    }


def _forwarded(request: Request) -> list[tuple[str, str]]:
    """The headers of the client, and those that API Gateway adds or takes away."""
    replaced = HOP_BY_HOP | {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
    kept = [(name, value) for name, value in request.headers if name.lower() not in replaced]
    came_through = request.header("x-forwarded-for")
    return [
        *kept,
        ("X-Forwarded-For", f"{came_through}, {request.source_ip}" if came_through else request.source_ip),
        ("X-Forwarded-Port", str(request.port)),
        ("X-Forwarded-Proto", "http"),
    ]


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: each[-1] for name, each in values.items()}


def _body(body: bytes) -> tuple[str | None, bool]:
    if not body:
        return None, False
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), True
