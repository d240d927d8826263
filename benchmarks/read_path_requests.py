"""The requests of ``read_path.py``, as API Gateway events, and how a worker process is asked to answer them.

The standard library only: an environment of the alternative's own runs this too.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TOKEN_OF_EMSP, TOKEN_OF_CPO = "example-of-an-emsp-token", "example-of-a-cpo-token"
SIZES = (10, 50, 200, 1000)
LOCATION_BYTES = 3000
_INSTANT = "2026-07-01T12:00:00Z"


def locations(count: int) -> list[dict[str, Any]]:
    """Valid locations of OCPI 2.1.1, of 3 kB as JSON text, in canonical order."""
    return [_location(number) for number in range(count)]


def _location(number: int) -> dict[str, Any]:
    location: dict[str, Any] = {
        "id": f"LOC-{number:04d}",
        "type": "ON_STREET",
        "name": "Kanaalkade",
        "address": f"Kanaalkade {number}",
        "city": "Vlissingen",
        "postal_code": "4381 AA",
        "country": "NLD",
        "coordinates": {"latitude": "51.442500", "longitude": "3.573600"},
        "evses": [_evse(number, place) for place in range(4)],
        "directions": [
            {"language": "nl", "text": "Achter het gemeentehuis, eerste straat rechts, naast de brug over het kanaal"}
        ],
        "operator": {"name": "Zeeuwse Laadpalen", "website": "https://laadpalen.example"},
        "time_zone": "Europe/Amsterdam",
        "last_updated": _INSTANT,
    }
    location["directions"][0]["text"] += "." * (LOCATION_BYTES - len(text(location).encode()))
    return location


def _evse(number: int, place: int) -> dict[str, Any]:
    return {
        "uid": f"LOC-{number:04d}-{place}",
        "evse_id": f"NL*ZLP*E{number:04d}*{place}",
        "status": "AVAILABLE",
        "capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE"],
        "connectors": [_connector("1"), _connector("2")],
        "physical_reference": f"{number}-{place}",
        "last_updated": _INSTANT,
    }


def _connector(connector_id: str) -> dict[str, Any]:
    return {
        "id": connector_id,
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "voltage": 230,
        "amperage": 16,
        "tariff_id": "T1",
        "last_updated": _INSTANT,
    }


def token(turn: int) -> dict[str, Any]:
    """A token whose content is another each turn."""
    return {
        "uid": "012345678",
        "type": "RFID",
        "auth_id": "DE8ACC12E46L89",
        "visual_number": "DF000-2001-8999",
        "issuer": "TheNewMotion",
        "valid": True,
        "whitelist": ("ALLOWED", "NEVER")[turn % 2],
        "last_updated": f"2026-07-01T12:{turn // 60 % 60:02d}:{turn % 60:02d}Z",
    }


def text(value: object) -> str:
    """JSON as it is kept."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def list_event(limit: int) -> dict[str, Any]:
    """The first page of the operator's locations."""
    # With a slash: the alternative redirects without.
    path = "/ocpi/cpo/2.1.1/locations/"
    return _event("GET", path, TOKEN_OF_EMSP, query={"offset": "0", "limit": str(limit)})


def object_event() -> dict[str, Any]:
    """One location of the operator's."""
    return _event("GET", "/ocpi/cpo/2.1.1/locations/LOC-0007", TOKEN_OF_EMSP)


def token_event(turn: int) -> dict[str, Any]:
    """A token that a partner pushes."""
    body = text(token(turn))
    return _event("PUT", "/ocpi/cpo/2.1.1/tokens/DE/ABC/012345678", TOKEN_OF_EMSP, body=body)


def session_event(method: str, session: dict[str, Any]) -> dict[str, Any]:
    """A session that a partner pushes, or reads back."""
    path = f"/ocpi/emsp/2.1.1/sessions/FR/CPO/{session['id']}"
    return _event(method, path, TOKEN_OF_CPO, body=text(session) if method == "PUT" else None)


def _event(
    method: str, path: str, credential: str, *, query: Mapping[str, str] | None = None, body: str | None = None
) -> dict[str, Any]:
    """As a REST API hands it to a function by proxy integration."""
    headers = {
        "Accept": "application/json",
        "Authorization": f"Token {credential}",
        "CloudFront-Viewer-Country": "DE",
        "Host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "User-Agent": "partner/1.0",
        "Via": "1.1 example.cloudfront.net (CloudFront)",
        "X-Amzn-Trace-Id": "Root=1-66aa0000-000000000000000000000001",
        "X-Forwarded-For": "192.0.2.10",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        "X-Request-ID": "11111111-2222-4333-8444-555555555555",
        **({"Content-Type": "application/json"} if body else {}),
    }
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.10", "userAgent": "partner/1.0"},
            "path": f"/v1{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1782907200000,
            "resourcePath": path,
            "stage": "v1",
        },
        "body": body,
        "isBase64Encoded": False,
    }


class Context:
    """What Lambda tells a handler about the invocation."""

    function_name = "benchmark"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 30_000


def checked(handler: Callable[[Any, Any], dict[str, Any]], event: dict[str, Any], objects: int) -> None:
    """Let a handler answer once, and refuse to measure one that answers with anything but the object(s) asked for."""
    answer = handler(event, Context())
    body = json.loads(answer["body"])
    data = body.get("data")
    found = len(data) if isinstance(data, list) else int(data is not None)
    if answer["statusCode"] not in (200, 201) or body["status_code"] != 1000 or found != objects:
        raise RuntimeError(f"{event['httpMethod']} {event['path']}: {answer['statusCode']} {answer['body'][:300]}")


def serve_cases(make: Callable[[], dict[str, Callable[[int], object]]]) -> None:
    """Write the names of the cases; then read ``[case, repeats]`` a line, carry the case out so often and write the
    median of its CPU time in milliseconds. What the code itself prints goes nowhere, at the usual cost.
    """
    out, nowhere = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    cases = make()
    gc.collect()
    gc.freeze()
    turn = 0
    print(json.dumps(sorted(cases)), file=out, flush=True)
    for line in sys.stdin:
        name, repeats = json.loads(line)
        case, times = cases[name], []
        for _ in range(repeats):
            turn += 1
            begun = time.process_time_ns()
            case(turn)
            times.append(time.process_time_ns() - begun)
        print(json.dumps(statistics.median(times) / 1e6), file=out, flush=True)


def import_paths(root: Path) -> None:
    """Make the project's own code importable."""
    sys.path[:0] = [str(root), str(root / "layers" / "ocpi" / "python")]
