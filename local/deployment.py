"""One deployment on this machine: the functions of a template, a data folder and an address, put together."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from local.data import locked, operator_key, write_json
from local.demo.network import DemoError, Invitation, ensure_demo
from local.environment import joint_environment, local_environment
from local.functions import load
from local.gateway import Gateway
from local.greeting import greeting
from local.operator_client import OperatorClient
from local.server import Server, bind
from local.template import Template, read_template

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Deployment:
    """Everything that ``python -m local`` runs. To be entered once; holds the data folder and the port meanwhile.

    Entering raises what the parts raise: the data folder or the port is in use, the template or a function
    cannot be read.
    """

    def __init__(self, *, template: Path, data: Path, host: str, port: int) -> None:
        self._template_path, self._data, self._host, self._port = template, data, host, port
        self._resources = ExitStack()
        self._stopped = False
        self._server: Server | None = None

    def __enter__(self) -> Self:
        with self._resources:
            self._resources.enter_context(locked(self._data))
            self._data = self._data.resolve()
            # A reader that waits for this file waits for this start, not for the last one.
            (self._data / "endpoints.json").unlink(missing_ok=True)
            self._listener = self._resources.enter_context(bind(self._host, self._port))
            self._port = self._listener.getsockname()[1]
            self._key = operator_key(self._data)
            self._gateway = self._load()
            self._resources = self._resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        (self._data / "endpoints.json").unlink(missing_ok=True)
        self._resources.close()

    def run(self, *, demo: bool) -> None:
        """Serve until :meth:`stop`; ``demo`` fills in the demo network if this data folder has none yet."""
        self._server = Server(self._gateway, lambda: self._when_serving(demo=demo))
        if not self._stopped:
            self._server.run_until_stopped(self._listener)
        self._gateway.close()

    def stop(self) -> None:
        """End soon; may be called from a signal handler."""
        self._stopped = True
        if self._server is not None:
            self._server.stop()

    def _load(self) -> Gateway:
        template = _routed(read_template(self._template_path))
        overrides = local_environment(self._data, self._port, os.environ)
        os.environ.update(joint_environment(template.functions, overrides))
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        sys.path[:0] = [str(layer) for layer in template.layers if layer.is_dir()]
        # Mangum asks for an event loop already when it is made.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            handlers = {each.name: load(each.folder, each.handler) for each in template.functions}
        finally:
            asyncio.set_event_loop(None)
            loop.close()
        return Gateway(template, handlers)

    def _when_serving(self, *, demo: bool) -> None:
        base = f"http://127.0.0.1:{self._port}"
        invitation: Invitation | None = None
        if demo:
            try:
                invitation = ensure_demo(OperatorClient(f"{base}/operator", self._key), self._data / "demo.json")
            except DemoError as error:
                if not self._stopped:
                    print(f"local gateway: the demo network is incomplete: {error}", file=sys.stderr)
                    print("local gateway: the next start completes it; DEMO=0 does without it", file=sys.stderr)
        if self._stopped:
            return
        public = os.environ["OCPI_PUBLIC_URL"].rstrip("/")
        write_json(
            self._data / "endpoints.json",
            {
                "ocpi": {"cpo": f"{public}/ocpi/cpo/versions", "emsp": f"{public}/ocpi/emsp/versions"},
                "operator": {"url": f"{base}/operator", "key": self._key},
            },
        )
        print(greeting(base=base, public=public, data=self._data, invitation=invitation), flush=True)


def _routed(template: Template) -> Template:
    """The template with those functions only that the API leads to."""
    functions = tuple(function for function in template.functions if function.routes)
    return Template(functions, template.layers, template.gateway_responses)
