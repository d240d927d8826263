"""From an API Gateway event to the function that answers it.

A Lambda function lists its resources (a path, and a handler for each method that it has) and gives them a
surface: OCPI or operator API. The surface decides who may call and what errors look like.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Route, Router

from ocpi.settings import settings
from ocpi.transport.message import Answer, Call, Receive, Scope, Send, read_body, read_headers, read_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Mangum logs the path of every request at INFO, and paths hold card numbers.
logging.getLogger("mangum.http").setLevel(logging.WARNING)


class _Segment(Convertor[str]):
    """One path segment. Paths are matched as they were sent, so an id may hold ``%2F``; it is decoded here, once."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("segment", _Segment())


class Surface(Protocol):
    """Who may call, and what answers look like."""

    def serve(self, call: Call, resource: Resource) -> Answer:
        """Admit the caller, choose the method's handler, and answer; never raises."""

    def unknown_path(self, call: Call) -> Answer:
        """Answer a path that no route has."""


class Resource:
    """A path and its methods. ``options`` are for the surface, e.g. which tokens open this resource."""

    def __init__(self, path: str, /, methods: Mapping[str, Callable[..., Answer]], **options: Any) -> None:
        self.path = path
        self.methods = dict(methods)
        self.options = options

    @property
    def allow(self) -> list[str]:
        """What goes into the ``Allow`` header."""
        return sorted(self.methods)


class _Endpoint:
    """A resource as an ASGI application."""

    def __init__(self, resource: Resource, surface: Surface) -> None:
        self.resource = resource
        self.surface = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await _read_call(scope, receive, self.resource.path)
        # Blocking is right here: a Lambda process serves one request at a time, and the local gateway gives
        # each request its own thread and event loop.
        await self.surface.serve(call, self.resource).send(send, head=call.method == "HEAD")


def application(resources: Sequence[Resource], surface: Surface) -> Callable[[Scope, Receive, Send], Any]:
    """An ASGI application of these resources, for :func:`ocpi.transport.lambda_handler.lambda_handler`."""

    async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_params"] = {"path": scope["path"]}
        call = await _read_call(scope, receive, "unknown")
        await surface.unknown_path(call).send(send, head=call.method == "HEAD")

    router = Router(
        routes=[Route(resource.path, _Endpoint(resource, surface)) for resource in resources],
        redirect_slashes=False,
        default=unknown_path,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = _routed_path(scope)
        await router(scope, receive, send)

    return app


def _routed_path(scope: Scope) -> str:
    """The path as it was sent, still encoded, without a base path and without a trailing slash.

    A REST API delivers the path undecoded. Behind a custom domain with a base path mapping it begins with that
    base path, behind API Gateway's own address it does not hold the stage.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    path: str = scope["path"]
    base = urlsplit(settings().public_url or "").path
    if base and path.startswith((f"{base}/ocpi", f"{base}/operator")):
        path = path.removeprefix(base)
    return path.rstrip("/") or "/"


async def _read_call(scope: Scope, receive: Receive, route: str) -> Call:
    event = scope["aws.event"]
    return Call(
        method=scope["method"],
        route=route,
        path=scope.get("path_params", {}),
        query=read_query(scope),
        headers=read_headers(scope),
        body=await read_body(receive),
        base_url=settings().public_url or _gateway_url(event),
        source=event["requestContext"].get("identity", {}).get("sourceIp") or "",
    )


def _gateway_url(event: Mapping[str, Any]) -> str:
    """API Gateway's own address, from what it says of itself; unlike the ``Host`` header, no caller chooses this."""
    context = event["requestContext"]
    return f"https://{context['domainName']}/{context['stage']}"
