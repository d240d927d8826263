"""The API: an ASGI application that turns each request into an event and runs the function that its route leads to."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.answer import Answer, MalformedResultError, gateway_response, read_result
from local.context import LambdaContext
from local.event import Request, build_event
from local.routing import Match, Routes

if TYPE_CHECKING:
    from local.functions import Handler
    from local.template import Template

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MAX_BODY = 10 * 1024 * 1024
INTEGRATION_TIMEOUT = 29.0
# Of a body that is too large, so much is read and thrown away: whoever is still sending does not read the answer.
MAX_DRAINED = 100 * 1024 * 1024
THREADS = 64

log = logging.getLogger("local")


class BodyTooLargeError(Exception):
    """The body has more than :data:`MAX_BODY` bytes."""


class Gateway:
    """All routes of a template as one ASGI application, each invocation in a thread of its own."""

    def __init__(
        self, template: Template, handlers: Mapping[str, Handler], *, timeout: float = INTEGRATION_TIMEOUT
    ) -> None:
        """``handlers`` by function name; ``timeout`` in seconds, after which a request is answered without one."""
        self._routes = Routes(template.functions)
        self._responses = template.gateway_responses
        self._handlers = handlers
        self._timeout = timeout
        self._loops: dict[int, asyncio.AbstractEventLoop] = {}
        self._running: set[int] = set()
        self._closing = False
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="invocation", initializer=self._start_thread)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; protocols other than HTTP are refused by the server already."""
        request = _read_head(scope)
        try:
            body = await _read_body(request, receive)
        except BodyTooLargeError:
            answer = self._own_answer("REQUEST_TOO_LARGE", request)
        else:
            answer = await self._answer(replace(request, body=body))
        await _send(answer, send)

    def close(self) -> bool:
        """Take no more invocations; ``False`` if some are still running, which go on to their ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closing = True
            for thread in self._loops.keys() - self._running:
                self._loops.pop(thread).close()
            return not self._running

    async def _answer(self, request: Request) -> Answer:
        match = self._routes.match(request.method, request.raw_path)
        if match is None:
            return self._own_answer("MISSING_AUTHENTICATION_TOKEN", request)
        invocation = asyncio.get_running_loop().run_in_executor(self._threads, self._invoke, request, match)
        try:
            return await asyncio.wait_for(invocation, self._timeout)
        except TimeoutError:
            log.error(  # noqa: TRY400 - where the gateway waited says nothing
                "%s %s: no answer after %g s", request.method, match.resource, self._timeout
            )
            return self._own_answer("INTEGRATION_TIMEOUT", request)

    def _invoke(self, request: Request, match: Match) -> Answer:
        function, thread = match.function, threading.get_ident()
        with self._lock:
            if self._closing:
                return self._own_answer("DEFAULT_5XX", request)
            self._running.add(thread)
        context = LambdaContext(function.name, function.memory, min(function.timeout, self._timeout))
        try:
            return read_result(self._handlers[function.name](build_event(request, match), context))
        except MalformedResultError as error:
            log.error(  # noqa: TRY400 - the trace would be the gateway's
                "%s %s: %s answered malformed: %s", request.method, match.resource, function.name, error
            )
        except Exception:  # whatever a function raises is the function's failure, not the gateway's
            # The route and not the path: ids may be card numbers.
            log.exception("%s %s: %s failed", request.method, match.resource, function.name)
        finally:
            with self._lock:
                self._running.discard(thread)
                if self._closing:
                    self._loops.pop(thread).close()
        return self._own_answer("DEFAULT_5XX", request)

    def _own_answer(self, response_type: str, request: Request) -> Answer:
        return gateway_response(response_type, request, self._responses)

    def _start_thread(self) -> None:
        # Mangum asks for the thread's event loop, and only the main thread ever had one by itself.
        with self._lock:
            if not self._closing:
                loop = self._loops[threading.get_ident()] = asyncio.new_event_loop()
                asyncio.set_event_loop(loop)


def _read_head(scope: Scope) -> Request:
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
        body=b"",
        source_ip=scope["client"][0] if scope.get("client") else "127.0.0.1",
        port=scope["server"][1] if scope.get("server") else 0,
    )


async def _read_body(request: Request, receive: Receive) -> bytes:
    """The whole body; raises :class:`BodyTooLargeError` having kept no more than the limit in memory."""
    length = request.header("content-length")
    too_large = length is not None and length.isdigit() and int(length) > MAX_BODY
    if too_large and request.header("expect"):
        raise BodyTooLargeError  # the client waits for our word before it sends anything
    body, seen, more = bytearray(), 0, True
    while more and seen <= MAX_DRAINED:
        message = await receive()
        chunk, more = message.get("body", b""), message.get("more_body", False)
        seen += len(chunk)
        too_large = too_large or seen > MAX_BODY
        if too_large:
            body.clear()
        else:
            body += chunk
    if too_large:
        raise BodyTooLargeError
    return bytes(body)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    bodiless = answer.status in (204, 304)
    if not bodiless:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    # The server itself leaves out the body of an answer to HEAD.
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
