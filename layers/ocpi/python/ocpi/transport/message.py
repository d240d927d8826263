"""A request as handlers see it, and what they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ocpi import strict_json
from ocpi.errors import BadParameter, BodyTooLarge, WrongMediaType

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Of a request. Lambda itself takes 6 MB, of which the event around the body needs some."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Call:
    """One request. Header names are lower case; path parameters are percent-decoded once; of a query
    parameter that is given more than once the last counts.
    """

    method: str
    route: str
    """The path as the route spells it, which unlike the path itself may be logged: ids stay out of logs."""
    path: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    base_url: str
    """What our URLs begin with, without a trailing slash."""
    source: str = ""
    """The IP address that the request came from, as API Gateway saw it: no header says so."""

    def json(self, *, media_types: tuple[str, ...] = ("application/json",)) -> Any:
        """The body as JSON; raises what is wrong with it. A missing ``Content-Type`` is taken as right."""
        self.check_body(media_types)
        return strict_json.read(self.body)

    def check_body(self, media_types: tuple[str, ...]) -> None:
        """Refuse a body that is too long (:class:`BodyTooLarge`) or declared as something else."""
        if len(self.body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is longer than {MAX_BODY_BYTES} bytes")
        declared = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared and declared not in media_types and not declared.endswith("+json"):
            raise WrongMediaType(f"Content-Type must be {' or '.join(media_types)}")

    def flag(self, name: str) -> bool:
        """A query parameter that is ``true`` or ``false`` (the default)."""
        value = self.query.get(name, "false").lower()
        if value not in ("true", "false"):
            raise BadParameter(name, "must be true or false")
        return value == "true"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, headers and JSON text (or nothing)."""

    http_status: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    ocpi_status: int | None = None
    """For the log only."""

    async def send(self, send: Send, *, head: bool) -> None:
        """Send it through ASGI; ``head``: without the body, as an answer to HEAD."""
        body = self.text.encode()
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        if body:
            headers.append((b"content-type", self.media_type.encode()))
        await send({"type": "http.response.start", "status": self.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


async def read_body(receive: Receive) -> bytes:
    """The whole body of an ASGI request."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def read_headers(scope: Scope) -> dict[str, str]:
    """Headers of an ASGI request, names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def read_query(scope: Scope) -> dict[str, str]:
    """Query parameters of an ASGI request."""
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
