"""A secret of this deployment: where it is kept, and how long a process trusts what it read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_SECONDS = 300
"""A rotated secret is taken after at most this long."""
AWS_SECONDS = 2
"""How long Secrets Manager may take to connect, and to answer, each of at most two times."""


class SecretUnreadable(Exception):
    """The secret cannot be read where it is said to be; the message holds nothing of it."""


def secret_reader(where: str, *, clock: Callable[[], float] = time.monotonic) -> Callable[[], str]:
    """A function that gives the current secret, or raises :class:`SecretUnreadable`.

    ``where``: ``secretsmanager:<arn>`` or ``file:<path>``; :class:`ValueError` for anything else.
    """
    scheme, _, place = where.partition(":")
    readers: dict[str, Callable[[str], str]] = {"secretsmanager": _from_secrets_manager, "file": _from_file}
    if scheme not in readers or not place:
        raise ValueError(f"a secret is at secretsmanager:<arn> or file:<path>, not at {where!r}")
    kept: tuple[float, str] | None = None

    def read() -> str:
        nonlocal kept
        if kept is None or clock() - kept[0] > KEEP_SECONDS:
            kept = (clock(), readers[scheme](place).strip())
        return kept[1]

    return read


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnreadable(f"{path}: {type(error).__name__}") from error


def _from_secrets_manager(arn: str) -> str:
    import boto3  # noqa: PLC0415 - only in AWS, and only functions that have a secret
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    limits = Config(connect_timeout=AWS_SECONDS, read_timeout=AWS_SECONDS, retries={"total_max_attempts": 2})
    try:
        secret: str = boto3.client("secretsmanager", config=limits).get_secret_value(SecretId=arn)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise SecretUnreadable(f"Secrets Manager: {type(error).__name__}") from error
    return secret
