"""A secret of this deployment: where it is kept, and how long a process trusts what it read."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_SECONDS = 300
"""A secret that was replaced is taken after at most this long."""
AWS_SECONDS = 2
"""How long Secrets Manager may take to connect, and to answer, each of at most two times."""


class SecretUnreadable(Exception):
    """The secret cannot be read where it is said to be; the message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class SecretVersions:
    """A secret, when it became what it is (seconds since 1970), and what it was before, if that was asked for."""

    current: str = field(repr=False)
    since: float
    previous: str | None = field(default=None, repr=False)


def versions_reader(where: str) -> Callable[[float], SecretVersions]:
    """A function that reads a secret anew each time, with what it was before if it changed after the given instant
    (seconds since 1970); or raises :class:`SecretUnreadable`.

    ``where``: ``secretsmanager:<arn>`` or ``file:<path>``; :class:`ValueError` for anything else. In Secrets Manager
    the two are the versions ``AWSCURRENT`` and ``AWSPREVIOUS``; of a file ``key`` they are that file and
    ``key.previous`` beside it.
    """
    scheme, _, place = where.partition(":")
    readers: dict[str, Callable[[str, float], SecretVersions]] = {
        "secretsmanager": _from_secrets_manager,
        "file": _from_file,
    }
    if scheme not in readers or not place:
        raise ValueError(f"a secret is at secretsmanager:<arn> or file:<path>, not at {where!r}")
    return partial(readers[scheme], place)


def _from_file(place: str, changed_after: float) -> SecretVersions:
    path = Path(place)
    try:
        with path.open(encoding="utf-8") as file:
            current, since = file.read().strip(), os.fstat(file.fileno()).st_mtime
        previous = None
        if since > changed_after:
            with suppress(FileNotFoundError):
                previous = path.with_name(f"{path.name}.previous").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnreadable(f"{path}: {type(error).__name__}") from error
    return SecretVersions(current, since, previous)


def _from_secrets_manager(arn: str, changed_after: float) -> SecretVersions:
    from botocore.config import Config  # noqa: PLC0415 - only in AWS, and only functions that have a secret
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    from ocpi import aws  # noqa: PLC0415 - as above

    limits = Config(connect_timeout=AWS_SECONDS, read_timeout=AWS_SECONDS, retries={"total_max_attempts": 2})
    try:
        client = aws.client("secretsmanager", limits)
        found = client.get_secret_value(SecretId=arn)
        current, since = found["SecretString"].strip(), found["CreatedDate"].timestamp()
        previous = None
        if since > changed_after:
            # What was made a moment ago may be the first version.
            with suppress(client.exceptions.ResourceNotFoundException):
                previous = client.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"].strip()
    except (BotoCoreError, ClientError, KeyError) as error:
        raise SecretUnreadable(f"Secrets Manager: {type(error).__name__}") from error
    return SecretVersions(current, since, previous)
