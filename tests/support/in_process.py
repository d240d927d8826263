"""Whole deployments inside this process: the functions of ``template.yaml`` over one data folder, called with the
events of API Gateway, without a server between. There may be several, and each has everything of its own.

A deployment is told who it is by its environment, once, and keeps that in the modules of the layer. So each loads the
layer anew, and while one is at work (:meth:`InProcess.at_work`) its modules and its environment stand in the places of
this process's own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.answer import Answer, gateway_response, read_result
from local.context import LambdaContext
from local.data import ensure_webhook_secret, operator_key
from local.environment import chosen_settings, joint_environment, local_environment, queue_environment
from local.event import Request, build_event
from local.functions import load
from local.routing import Routes
from local.template import Template, read_template
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from local.functions import Handler
    from local.template import Function

PORT = 8080
LAYER = "ocpi"


class InProcess:
    """One deployment. ``environ``: what it is told besides the template; ``instead``: modules that it gets in the place
    of others, such as a clock of the test's. To be closed.
    """

    def __init__(
        self, data: Path, environ: Mapping[str, str], *, instead: Mapping[str, ModuleType] | None = None
    ) -> None:
        self.data = data
        self._modules: dict[str, ModuleType] = dict(instead or {})
        self._replaced = frozenset(self._modules)
        data.mkdir(parents=True, exist_ok=True)
        self.operator_key = operator_key(data)
        ensure_webhook_secret(data)
        template = read_template(ROOT / "template.yaml", chosen_settings(environ))
        called = tuple(each for each in template.functions if not each.only_in_aws)
        self.template = Template(called, template.layers, template.gateway_responses, template.queues)
        # Powertools' logger is called as its service is, and `local` is the local gateway's own.
        named = {"POWERTOOLS_SERVICE_NAME": "in-process", **environ}
        overrides = local_environment(data, PORT, named) | queue_environment(called, template.queues, data)
        self._environ = joint_environment(called, overrides)
        self._routes = Routes(called)
        with self.at_work(), _event_loop():
            self.handlers: dict[str, Handler] = {each.name: load(each.folder, each.handler) for each in called}

    def close(self) -> None:
        """Close what it holds open."""
        with self.at_work():
            self.module("ocpi.deployment").store().close()
            self.module("ocpi.queues.sqlite").queues_in(self.data / "queues.db").close()

    def module(self, name: str) -> Any:
        """A module of the layer, as this deployment has it."""
        __import__(name)
        return sys.modules[name]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What runs in here, threads that end in here included, runs as this deployment. Deployments may nest."""
        aside = {name: sys.modules.pop(name) for name in self._names()}
        environ = {name: os.environ.get(name) for name in self._environ}
        sys.modules.update(self._modules)
        os.environ.update(self._environ)
        try:
            yield
        finally:
            for name, value in environ.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            self._modules |= {name: sys.modules.pop(name) for name in self._names()}
            sys.modules.update(aside)

    def _names(self) -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == LAYER or name in self._replaced]

    def request(self, request: Request) -> Answer:
        """What API Gateway answers to a request."""
        match = self._routes.match(request.method, request.raw_path)
        if match is None:
            return gateway_response("MISSING_AUTHENTICATION_TOKEN", request, self.template.gateway_responses)
        with self.at_work(), _event_loop():
            return read_result(self.invoke(match.function, build_event(request, match)))

    def invoke(self, function: Function, event: dict[str, Any]) -> Any:
        """What a function makes of an event; raises what it raises."""
        context = LambdaContext(function.name, function.memory, function.timeout)
        return self.handlers[function.name](event, context)


@contextmanager
def _event_loop() -> Iterator[None]:
    """Mangum asks for the event loop of its thread."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
