"""What every answer of the OCPI surface has in common (OCPI 2.1.1 section 3.1.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
CLOCK_SECONDS = 60


def envelope(answer: httpx.Response) -> dict[str, Any]:
    """The envelope of an answer, after checking that it is one."""
    assert answer.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert isinstance(body, dict)
    assert type(body["status_code"]) is int
    assert 1000 <= body["status_code"] <= 3999
    assert isinstance(body.get("status_message", ""), str)
    assert DATE_TIME.fullmatch(body["timestamp"])
    age = datetime.now(UTC) - datetime.fromisoformat(body["timestamp"])
    assert abs(age.total_seconds()) < CLOCK_SECONDS
    return body


def succeeded(answer: httpx.Response, http_status: int = 200) -> Any:
    """The ``data`` of a success; ``None`` if there is none."""
    body = envelope(answer)
    assert (answer.status_code, body["status_code"]) == (http_status, 1000), body
    return body.get("data")


def refused(answer: httpx.Response, http_status: int, status_code: int) -> str:
    """The reason that a refusal gives, after checking how it is refused."""
    body = envelope(answer)
    assert (answer.status_code, body["status_code"]) == (http_status, status_code), body
    assert "data" not in body
    message: str = body["status_message"]
    assert message
    return message
