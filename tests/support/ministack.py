"""An AWS emulator for tests, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

START_TIMEOUT_S = 60.0
PROGRAM = """
import os, sys, threading

def end_with_the_tests():
    sys.stdin.read()
    os._exit(1)

threading.Thread(target=end_with_the_tests, daemon=True).start()
from ministack.app import main
main()
"""
"""Its standard input is a pipe of ours: it ends when we do, also when we are killed and clean nothing up."""


@contextmanager
def running_ministack(**environment: str) -> Iterator[str]:
    """The endpoint URL of a fresh ministack on a free port of 127.0.0.1, which ends with the block.

    ``environment`` goes to ministack beside our own. Raises :class:`RuntimeError` with what it printed if it
    does not start.
    """
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="ministack-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env=os.environ
                | {
                    "BIND_HOST": "127.0.0.1",  # it listens on every interface otherwise
                    "GATEWAY_PORT": str(port),
                    "TMPDIR": folder,
                    "LOG_LEVEL": "WARNING",
                    # Listeners on fixed ports of their own, which two test runs would fight for.
                    "SFTP_ENABLED": "0",
                    "IOT_MTLS_ENABLED": "0",
                }
                | environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_healthy(endpoint, process, log)
            yield endpoint
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_healthy(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):  # noqa: S310 - our own http URL
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"ministack did not start:\n{log.read_text(errors='replace')[-4000:]}")
