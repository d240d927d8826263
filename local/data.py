"""The folder in which one local deployment keeps everything, and that one process at a time may use."""

from __future__ import annotations

import base64
import fcntl
import json
import logging
import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OPERATOR_KEY, ENDPOINTS = "operator.key", "endpoints.json"
"""In the data folder."""
PREVIOUS_OPERATOR_KEY = f"{OPERATOR_KEY}.previous"
"""Where :mod:`ocpi.kept_secret` looks for the key that was replaced."""
WEBHOOK_KEY = "webhook.secret"
PREVIOUS_WEBHOOK_KEY = f"{WEBHOOK_KEY}.previous"
log = logging.getLogger("local")


class DataInUseError(Exception):
    """Another gateway runs on the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, made if it is not there; raises :class:`DataInUseError`. A killed holder leaves no lock."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataInUseError(f"{folder} is in use by another local gateway; stop it, or set DATA") from error
        yield


def operator_key(folder: Path) -> str:
    """The operator key, made on the first start: 256 random bits."""
    path = folder / OPERATOR_KEY
    if not path.exists():
        write_private(path, new_operator_key() + "\n")
    make_private(path)
    return path.read_text(encoding="utf-8").strip()


def new_operator_key() -> str:
    """256 random bits, in 43 characters."""
    return secrets.token_urlsafe(32)


def ensure_webhook_secret(folder: Path) -> None:
    """Make the secret that signs what goes to the operator's own systems, on the first start."""
    path = folder / WEBHOOK_KEY
    if not path.exists():
        write_private(path, new_webhook_secret() + "\n")
    make_private(path)


def new_webhook_secret() -> str:
    """``whsec_`` and Base64 of 256 random bits, as Standard Webhooks writes secrets."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode('ascii')}"


def make_private(path: Path) -> None:
    """Take a file with a secret from everybody but its owner, and say so if others could read it until now."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.chmod(0o600)
        log.warning("%s was open to others (mode %o); it is its owner's alone now, but replace the secret", path, mode)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; whoever looks sees the old content, or all of the new."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """:func:`write_private` of a JSON object."""
    write_private(path, json.dumps(content, indent=2) + "\n")
