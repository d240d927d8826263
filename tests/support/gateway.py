"""Starts a real local gateway for a test: ``python -m local`` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class GatewayFailedError(Exception):
    """The gateway ended, or wrote no endpoints.json in time; the message holds what it printed."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[str]
    data: Path
    endpoints: dict[str, Any]
    """The content of ``endpoints.json``."""

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return str(self.endpoints["operator"]["url"]).removesuffix("/operator")

    @property
    def operator_headers(self) -> dict[str, str]:
        """What the operator API asks of every call."""
        return {"Authorization": f"Bearer {self.endpoints['operator']['key']}"}

    def stop(self, with_signal: int = signal.SIGINT) -> int:
        """Stop it; its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(STOP_SECONDS)

    def output(self) -> str:
        """What it has printed, both streams."""
        return (self.data.parent / f"{self.data.name}.log").read_text(encoding="utf-8")


@contextmanager
def running_gateway(
    *,
    data: Path | None = None,
    demo: bool = False,
    environ: Mapping[str, str] | None = None,
    template: Path | None = None,
) -> Iterator[Gateway]:
    """A gateway on a free port, of ``template.yaml`` unless told otherwise, stopped at the end.

    ``data``: its data folder, a fresh one without. ``environ``: variables set for it beside those of this process.
    Raises :class:`GatewayFailedError`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = data or Path(scratch) / "data"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.log").open("w+", encoding="utf-8") as log:
            left_over = _written(folder)
            process = start(data=folder, demo=demo, environ=environ, template=template, output=log.fileno())
            try:
                yield Gateway(process, folder, _wait_for_endpoints(process, folder, left_over))
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(STOP_SECONDS)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()


def start(
    *,
    data: Path,
    output: int,
    demo: bool = False,
    environ: Mapping[str, str] | None = None,
    template: Path | None = None,
    port: int = 0,
) -> subprocess.Popen[str]:
    """The process alone, both streams going to the file descriptor ``output``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OCPI_", "POWERTOOLS_"))}
    options = ["--port", str(port), "--data", str(data), *([] if demo else ["--no-demo"])]
    if template is not None:
        options += ["--template", str(template)]
    return subprocess.Popen(
        # A warning anywhere in the gateway or a function is a failure, as it is in the tests' own process.
        [sys.executable, "-W", "error", "-m", "local", *options],
        cwd=ROOT,
        env={**inherited, "HOST": "", "DEMO": "", **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _written(data: Path) -> int | None:
    """When endpoints.json was written, in nanoseconds since 1970; a killed gateway leaves its own behind."""
    try:
        return (data / "endpoints.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _wait_for_endpoints(process: subprocess.Popen[str], data: Path, left_over: int | None) -> dict[str, Any]:
    path, deadline = data / "endpoints.json", time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll()
        if ended is None and _written(data) not in (None, left_over):
            endpoints: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return endpoints
        if ended is not None:
            break
        time.sleep(0.02)
    log = (data.parent / f"{data.name}.log").read_text(encoding="utf-8")
    raise GatewayFailedError(f"exit code {process.poll()}; it printed:\n{log}")
