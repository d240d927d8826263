from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.gateway import Gateway
from local.template import Function, Route, Template

if TYPE_CHECKING:
    from collections.abc import MutableMapping

TEMPLATE = Template((Function("F", Path(), "app.handler", {}, (Route("/f", "ANY"),), 10, 1024),), (), {})


def ask(gateway: Gateway, path: str = "/f") -> tuple[int, Any]:
    """One request without a body, and its answer."""
    sent: list[MutableMapping[str, Any]] = []
    scope = {"method": "GET", "raw_path": path.encode(), "query_string": b"", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(gateway(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_function_that_takes_too_long_is_a_504() -> None:
    release = threading.Event()
    gateway = Gateway(TEMPLATE, {"F": lambda event, context: release.wait(10)}, timeout=0.05)
    assert ask(gateway) == (504, {"message": "Endpoint request timed out"})
    assert gateway.close() is False
    release.set()
    while not gateway.close():
        time.sleep(0.01)


def test_a_gateway_with_nothing_under_way_closes_at_once() -> None:
    gateway = Gateway(TEMPLATE, {"F": lambda event, context: {"statusCode": 200, "body": "1"}})
    assert ask(gateway) == (200, 1)
    assert gateway.close() is True


def test_an_invocation_that_outlives_the_gateway_leaves_no_event_loop_behind() -> None:
    release, loops = threading.Event(), []

    def handler(event: Any, context: Any) -> dict[str, Any]:
        loops.append(asyncio.get_event_loop())
        release.wait(10)
        return {"statusCode": 200, "body": "1"}

    gateway = Gateway(TEMPLATE, {"F": handler}, timeout=0.05)
    ask(gateway)
    assert gateway.close() is False
    assert [loop.is_closed() for loop in loops] == [False]
    release.set()
    while not loops[0].is_closed():
        time.sleep(0.01)
    assert gateway.close() is True


def test_an_unknown_path_is_what_api_gateway_says_without_a_gateway_response() -> None:
    gateway = Gateway(TEMPLATE, {})
    assert ask(gateway, "/g") == (403, {"message": "Missing Authentication Token"})
    gateway.close()


def test_every_invocation_finds_an_event_loop_in_its_thread() -> None:
    def handler(event: Any, context: Any) -> dict[str, Any]:
        # As Mangum runs an ASGI application.
        asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
        return {"statusCode": 200, "body": "1"}

    gateway = Gateway(TEMPLATE, {"F": handler})
    assert [ask(gateway) for _ in range(3)] == [(200, 1)] * 3
    gateway.close()
