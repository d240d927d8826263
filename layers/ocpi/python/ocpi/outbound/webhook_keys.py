"""The key that calls of the operator's own systems are signed with, and for a day the one that it replaced.

A new secret is put where the old one was (``aws secretsmanager put-secret-value``; locally
``python -m local.rotate_webhook_secret``). For :data:`OVERLAP_SECONDS` each call carries a signature of both, so that a
receiver may be given the new one whenever it likes, once all processes sign with it:
:data:`~ocpi.kept_secret.KEEP_SECONDS` after it was replaced at the latest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ocpi.kept_secret import KEEP_SECONDS, versions_reader
from ocpi.observability import logger
from ocpi.outbound.webhook_signature import UnusableWebhookSecret, read_webhook_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.kept_secret import SecretVersions

OVERLAP_SECONDS = 86_400
"""How long calls are signed with a secret that was replaced as well."""


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """What to sign with now; ``previous`` while the overlap lasts."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)


def webhook_keys_reader(
    where: str, *, steady: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
) -> Callable[[], WebhookKeys]:
    """A function that gives the keys, or raises :class:`~ocpi.kept_secret.SecretUnreadable` or
    :class:`~ocpi.outbound.webhook_signature.UnusableWebhookSecret`. ``where``: as of
    :func:`ocpi.kept_secret.versions_reader`. ``steady`` is a clock that never jumps, ``wall`` gives seconds since 1970.
    """
    read_versions = versions_reader(where)
    kept: tuple[float, WebhookKeys] | None = None

    def read() -> WebhookKeys:
        nonlocal kept
        if kept is None or steady() - kept[0] > KEEP_SECONDS:
            kept = (steady(), _usable(read_versions(wall() - OVERLAP_SECONDS)))
        return kept[1]

    return read


def _usable(versions: SecretVersions) -> WebhookKeys:
    previous = None
    if versions.previous is not None:
        try:
            previous = read_webhook_secret(versions.previous)
        except UnusableWebhookSecret:
            logger.warning("the webhook secret that was replaced cannot be signed with")
    try:
        return WebhookKeys(read_webhook_secret(versions.current), previous)
    except UnusableWebhookSecret as error:
        if previous is None:
            raise
        # What receivers know still signs, for a day: time enough to see this.
        logger.error("the new webhook secret is not used", reason=str(error))
        return WebhookKeys(previous)
