"""The key of the operator API, and for a while the one that it replaced.

A new key is put where the old one was (``aws secretsmanager put-secret-value``; locally
``python -m local.rotate_operator_key``) and opens from its first use on: what is not known is looked up before it is
refused. In a file every time; in Secrets Manager, which costs money and time, :data:`LOOKS` times at once and then once
in :data:`AGAIN_SECONDS`, so that only while many wrong keys are shown a new one may be refused, that long at most. The
old key opens for another :data:`OVERLAP_SECONDS`, so that the operator's systems can be told one by one.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from ocpi.kept_secret import KEEP_SECONDS, SecretUnreadable, versions_reader
from ocpi.observability import logger
from ocpi.transport.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.kept_secret import SecretVersions

SHORTEST = 20
"""Characters."""
OVERLAP_SECONDS = 3600
"""How long a key that was replaced still opens."""
LOOKS = 5
"""How often a process asks Secrets Manager in a row because of keys that are not known."""
AGAIN_SECONDS = 5
"""How long it takes to have one more of these :data:`LOOKS`, and until a key is read again that could not be read."""
STALE_SECONDS = 3600
"""How long a key is trusted that cannot be read again."""


class OperatorKeys:
    """``where``: as of :func:`ocpi.kept_secret.versions_reader`. ``steady`` is a clock that never jumps, ``wall`` gives
    seconds since 1970. Safe to share between threads.
    """

    def __init__(
        self, where: str, *, steady: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._read_versions = versions_reader(where)
        self._steady, self._wall = steady, wall
        self._keys: tuple[_Key, ...] = ()
        self._read_at = self._looked_at = self._failed_at = -float("inf")
        self._looks = None if where.startswith("file:") else TokenBucket(LOOKS, AGAIN_SECONDS)

    def opens(self, given: str) -> bool:
        """Whether a key opens the operator API now, found out in a time that says nothing of the right ones. Raises
        :class:`~ocpi.kept_secret.SecretUnreadable` or :class:`ValueError` if there is no right one.
        """
        if self._steady() - self._looked_at > KEEP_SECONDS:
            self._look()
            return self._fits(given)
        if self._fits(given):
            return True
        if not self._may_look():
            return False
        self._look()
        return self._fits(given)

    def _fits(self, given: str) -> bool:
        digest, now = _digest(given), self._wall()
        # All of them, whichever fits, and digests of equal length: neither number nor length of the keys shows.
        return any([hmac.compare_digest(digest, key.digest) for key in self._keys if now < key.until])  # noqa: C419 - see above

    def _may_look(self) -> bool:
        now = self._steady()
        return now - self._failed_at > AGAIN_SECONDS and (self._looks is None or self._looks.take(now))

    def _look(self) -> None:
        """Read the keys; those that were read before stay if that fails, for a while."""
        now = self._steady()
        try:
            versions = self._read_versions(self._wall() - OVERLAP_SECONDS)
        except SecretUnreadable as error:
            if now - self._read_at > STALE_SECONDS:
                raise
            self._looked_at = self._failed_at = now
            logger.warning("the operator key could not be read again", reason=str(error))
            return
        self._keys = _usable(versions)
        self._read_at = self._looked_at = now


class _Key:
    """The SHA-256 of a key, and until when it opens."""

    def __init__(self, key: str, until: float) -> None:
        self.digest, self.until = _digest(key), until


def _usable(versions: SecretVersions) -> tuple[_Key, ...]:
    found = [(versions.current, float("inf")), (versions.previous or "", versions.since + OVERLAP_SECONDS)]
    keys = tuple(_Key(key, until) for key, until in found if len(key) >= SHORTEST)
    if not keys:
        raise ValueError(f"the operator key is shorter than {SHORTEST} characters")
    if len(versions.current) < SHORTEST:
        logger.error("the new operator key is not used: it is too short", shortest=SHORTEST)
    return keys


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
