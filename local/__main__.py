"""``python -m local``: the whole system on this machine.

Options stand in for environment variables: ``--port`` for ``PORT``, ``--data`` for ``DATA``, ``--no-demo`` for
``DEMO=0``. ``HOST`` is an environment variable only: listening to more than this machine is nobody's default.
Exit code 0 after SIGINT or SIGTERM, 1 when it cannot start.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.data import DataInUseError
from local.deployment import Deployment
from local.environment import EnvironmentConflictError
from local.functions import LoadError
from local.intrinsics import TemplateError
from local.server import PortInUseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

OFF = frozenset({"0", "false", "no", "off"})
ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until stopped; the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        deployment = Deployment(
            template=options.template,
            data=options.data,
            host=os.environ.get("HOST") or "127.0.0.1",
            port=options.port,
        )
        _stop_on_signals(deployment)
        with deployment:
            deployment.run(demo=options.demo, meter_seconds=options.meter_seconds)
    except (DataInUseError, EnvironmentConflictError, LoadError, PortInUseError, TemplateError) as error:
        print(f"local gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _stop_on_signals(deployment: Deployment) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        deployment.stop()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    environ = os.environ
    parser = argparse.ArgumentParser(prog="python -m local", description="Serverless OCPI on this machine.")
    # Defaults that are strings go through `type` too, so a bad PORT is reported like a bad --port.
    parser.add_argument(
        "--port", type=_port, default=environ.get("PORT") or "8080", help="0 for any free one (PORT, default 8080)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(environ.get("DATA") or ".local"), help="where data is kept (DATA, .local)"
    )
    parser.add_argument(
        "--no-demo",
        dest="demo",
        action="store_false",
        default=environ.get("DEMO", "").lower() not in OFF,
        help="no demo (DEMO=0)",
    )
    parser.add_argument(
        "--meter-seconds",
        type=_seconds,
        default=environ.get("DEMO_METER_SECONDS") or "5",
        help="how often the demo's charge points read their meters (DEMO_METER_SECONDS, 5)",
    )
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml", help="the SAM template to run")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("a time is 0.1 to 3600 seconds")
    return seconds


if __name__ == "__main__":
    code = main()
    # An invocation that did not end in time must not keep the process: its thread cannot be stopped, only left.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
