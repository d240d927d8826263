"""Collects exchanges and writes them down, many at a time. That it fails keeps no request from its answer."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.exchanges import Exchange
    from ocpi.store.port import Store

MOST_BUFFERED = 25
"""As many as one BatchWriteItem of DynamoDB takes."""


class Recorder:
    """``days``: how long exchanges are kept; 0: none is recorded. Safe to share between threads."""

    def __init__(self, store: Store, days: int) -> None:
        self._store = store
        self._days = days
        self._lock = threading.Lock()
        self._buffered: list[Exchange] = []

    @property
    def is_on(self) -> bool:
        """Whether it is worth while to look at exchanges at all."""
        return self._days > 0

    @cached_property
    def _key(self) -> bytes:
        return self._store.signing_key()

    def signing_key(self) -> bytes:
        """Of the store, read once."""
        return self._key

    def record(self, make: Callable[[], Exchange]) -> None:
        """Keep the exchange that ``make`` gives until :meth:`flush`; every 25 are written at once. Never raises."""
        if not self.is_on:
            return
        try:
            exchange = make()
        except Exception as error:  # noqa: BLE001 - whatever it is, the request has its answer
            # Neither message nor traceback: they may quote what must not be logged.
            logger.error("an exchange could not be described", reason=type(error).__name__)
            return
        with self._lock:
            self._buffered.append(exchange)
            full = len(self._buffered) >= MOST_BUFFERED
        if full:
            self.flush()

    def flush(self) -> None:
        """Write down what was recorded since the last time. Never raises; what cannot be written is lost."""
        with self._lock:
            exchanges, self._buffered = self._buffered, []
        if not exchanges:
            return
        try:
            self._store.exchanges.append(exchanges, days=self._days)
        except Exception as error:  # noqa: BLE001 - the log is a help, not a part of the work
            logger.error("exchanges were not logged", lost=len(exchanges), reason=type(error).__name__)
