"""What an answer must be like, whatever was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def ended(answer: httpx.Response, http_status: int, status_code: int) -> None:
    """An envelope with these codes and no data, as after a write or a refusal."""
    assert (answer.status_code, answer.json()["status_code"]) == (http_status, status_code), answer.text
    assert "data" not in answer.json()


def data_of(answer: httpx.Response) -> Any:
    """The data of an envelope that says success."""
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000), answer.text
    return answer.json()["data"]


def problem(answer: httpx.Response, http_status: int) -> Any:
    """A problem document of the operator API (RFC 9457)."""
    assert answer.status_code == http_status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == http_status
    assert {"type", "title", "detail"} <= set(document)
    return document
