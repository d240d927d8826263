"""The key of the operator API: where it is kept, and how long a process trusts what it read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_SECONDS = 300
"""A rotated key is taken after at most this long."""


def operator_key_reader(where: str, *, clock: Callable[[], float] = time.monotonic) -> Callable[[], str]:
    """A function that gives the current key. ``where``: ``secretsmanager:<arn>`` or ``file:<path>``."""
    scheme, _, place = where.partition(":")
    readers: dict[str, Callable[[str], str]] = {"secretsmanager": _from_secrets_manager, "file": _from_file}
    if scheme not in readers or not place:
        raise ValueError(f"an operator key is at secretsmanager:<arn> or file:<path>, not at {where!r}")
    kept: tuple[float, str] | None = None

    def read() -> str:
        nonlocal kept
        if kept is None or clock() - kept[0] > KEEP_SECONDS:
            key = readers[scheme](place)
            if len(key) < 20:
                raise ValueError("the operator key is shorter than 20 characters")
            kept = (clock(), key)
        return kept[1]

    return read


def _from_file(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _from_secrets_manager(arn: str) -> str:
    import boto3  # noqa: PLC0415 - only in AWS, and only the operator function

    key: str = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    return key.strip()
