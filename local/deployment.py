"""One deployment on this machine: the functions of a template, a data folder and an address, put together."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from local.data import ENDPOINTS, ensure_webhook_secret, locked, operator_key, write_json
from local.demo.charge_points.thread import ChargePointThread, start_charge_points
from local.demo.network import DemoError, Invitation, ensure_demo
from local.environment import STORE_FILE, chosen_settings, joint_environment, local_environment, queue_environment
from local.functions import LoadError, load
from local.gateway import Gateway
from local.greeting import greeting
from local.operator_client import OperatorApiError, OperatorClient
from local.scheduler import Scheduler
from local.server import Server, bind
from local.template import Template, read_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from local.functions import Handler


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
        self._charge_points: ChargePointThread | None = None

    def __enter__(self) -> Self:
        with self._resources:
            self._resources.enter_context(locked(self._data))
            self._data = self._data.resolve()
            # A reader that waits for this file waits for this start, not for the last one.
            (self._data / ENDPOINTS).unlink(missing_ok=True)
            self._listener = self._resources.enter_context(bind(self._host, self._port))
            self._port = self._listener.getsockname()[1]
            operator_key(self._data)
            ensure_webhook_secret(self._data)
            self._load()
            self._resources = self._resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        (self._data / ENDPOINTS).unlink(missing_ok=True)
        self._resources.close()

    def run(self, *, demo: bool, meter_seconds: float = 5) -> None:
        """Serve until :meth:`stop`; ``demo`` fills in the demo network if this data folder has none yet, and has its
        charge points work, their meters read every ``meter_seconds``.
        """
        self._server = Server(self._gateway, lambda: self._when_serving(demo=demo, meter_seconds=meter_seconds))
        if not self._stopped:
            with self._scheduler, self._pollers:
                self._server.run_until_stopped(self._listener)
        if self._charge_points is not None:
            self._charge_points.stop()
        self._gateway.close()

    def stop(self) -> None:
        """End soon; may be called from a signal handler."""
        self._stopped = True
        if self._server is not None:
            self._server.stop()

    def _load(self) -> None:
        template = _called(read_template(self._template_path, chosen_settings(os.environ)))
        overrides = local_environment(self._data, self._port, os.environ) | queue_environment(
            template.functions, template.queues, self._data
        )
        os.environ.update(joint_environment(template.functions, overrides))
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        sys.path[:0] = [str(layer) for layer in template.layers if layer.is_dir()]
        # Mangum asks for an event loop already when it is made.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            handlers = _loaded(template)
        finally:
            asyncio.set_event_loop(None)
            loop.close()
        self._gateway = Gateway(template, handlers)
        self._scheduler = Scheduler(template.functions, handlers)
        self._pollers = self._poll(template, handlers)

    def _poll(self, template: Template, handlers: Mapping[str, Handler]) -> AbstractContextManager[object]:
        if not any(function.event_sources or function.streams for function in template.functions):
            return nullcontext()
        # They need the layer, which is on the path only now.
        from local.poller import Pollers  # noqa: PLC0415 - as above
        from local.queue_file import open_queues  # noqa: PLC0415 - as above
        from local.stream_file import open_changes  # noqa: PLC0415 - as above

        queues, changes = open_queues(self._data, template.queues), open_changes(self._data / STORE_FILE)
        return Pollers(template.functions, handlers, queues, changes)

    def _when_serving(self, *, demo: bool, meter_seconds: float) -> None:
        base = f"http://127.0.0.1:{self._port}"
        invitation: Invitation | None = None
        if demo:
            operator = OperatorClient(f"{base}/operator", lambda: operator_key(self._data))
            try:
                invitation = ensure_demo(operator, self._data / "demo.json")
                self._charge_points = start_charge_points(operator, meter_seconds, lambda: self._stopped)
            except (DemoError, OperatorApiError) as error:
                if not self._stopped:
                    print(f"local gateway: the demo network is incomplete: {error}", file=sys.stderr)
                    print("local gateway: the next start completes it; DEMO=0 does without it", file=sys.stderr)
        if self._stopped:
            return
        public = os.environ["OCPI_PUBLIC_URL"].rstrip("/")
        write_json(
            self._data / ENDPOINTS,
            {
                "ocpi": {"cpo": f"{public}/ocpi/cpo/versions", "emsp": f"{public}/ocpi/emsp/versions"},
                "operator": {"url": f"{base}/operator", "key": operator_key(self._data)},
            },
        )
        print(greeting(base=base, public=public, data=self._data, invitation=invitation), flush=True)


def _loaded(template: Template) -> dict[str, Handler]:
    from ocpi.settings import SettingsError  # noqa: PLC0415 - of the layer, which is on the path only now
    from ocpi.vault import VaultUnusable, open_vault  # noqa: PLC0415 - as above

    try:
        # A key file that others can read, or that is none, is to be seen here and not by the first partner.
        open_vault(os.environ["OCPI_VAULT"])
        return {each.name: load(each.folder, each.handler) for each in template.functions}
    except (SettingsError, VaultUnusable) as error:
        raise LoadError(str(error)) from error


def _called(template: Template) -> Template:
    """The template with those functions only that the API, a schedule, a queue or a stream calls here."""
    functions = tuple(
        each
        for each in template.functions
        if not each.only_in_aws and (each.routes or each.schedules or each.event_sources or each.streams)
    )
    return replace(template, functions=functions)
