"""The demo's client of the operator API: plain JSON over HTTP, as any system of an operator would do it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TIMEOUT_SECONDS = 30


class OperatorApiError(Exception):
    """The operator API could not be reached or refused; the message says what it answered."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and the JSON that came with it (``None`` for none)."""

    status: int
    content: Any


class OperatorClient:
    """Calls below one ``/operator`` URL."""

    def __init__(self, url: str, key: Callable[[], str]) -> None:
        """``key`` is asked for the operator key at each call, since that may be replaced."""
        self._url = url
        self._key = key
        self._pool = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)

    def call(self, method: str, path: str, content: Any = None) -> Reply:
        """One call; raises :class:`OperatorApiError` if nothing answers or the answer is not JSON."""
        body = None if content is None else json.dumps(content).encode()
        return self._send(method, path, body, "application/json")

    def expect(self, status: int, method: str, path: str, content: Any = None) -> Any:
        """The JSON of an answer with that status; raises :class:`OperatorApiError` for any other."""
        return _expect(status, method, path, self.call(method, path, content))

    def bulk(self, module: str, objects: Iterable[dict[str, Any]]) -> None:
        """Write all objects in one call; raises :class:`OperatorApiError` naming the first one refused."""
        path = f"/2.1.1/{module}/bulk"
        body = "".join(json.dumps(each) + "\n" for each in objects).encode()
        lines = _expect(200, "POST", path, self._send("POST", path, body, "application/x-ndjson"))
        refused = [line for line in lines if line.get("outcome") == "refused"]
        if refused:
            # Not its id: that of a token is what is on a card.
            first = f"line {refused[0]['line']}: {json.dumps(refused[0]['problem'])}"
            raise OperatorApiError(f"{len(refused)} of {len(lines)} {module} refused, first: {first}")

    def _send(self, method: str, path: str, body: bytes | None, content_type: str) -> Reply:
        headers = {"Authorization": f"Bearer {self._key()}"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            response = self._pool.request(method, self._url + path, body=body, headers=headers)
            return Reply(response.status, _read(response.data, response.headers.get("Content-Type", "")))
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise OperatorApiError(f"{method} {path}: {error}") from error


def _read(body: bytes, content_type: str) -> Any:
    """JSON, or a list of what stands on each line."""
    if content_type.startswith("application/x-ndjson"):
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    return json.loads(body) if body.strip() else None


def _expect(status: int, method: str, path: str, reply: Reply) -> Any:
    if reply.status != status:
        raise OperatorApiError(f"{method} {path} answered {reply.status}: {json.dumps(reply.content)[:300]}")
    return reply.content
