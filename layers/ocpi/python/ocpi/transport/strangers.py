"""How much of the exchange log callers may fill of whom nobody knows who they are.

An entry is a write that the operator pays for, and anybody can make a call. So a process keeps a few in a row and then
one now and again, measured by how often one address may fail to authenticate: enough to help a partner with a wrong
token or URL. It asks nobody, since that would cost as much as the entry. What is left out stands in the function's own
log, like every request.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ocpi.observability import logger
from ocpi.transport.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

IN_A_ROW, A_MINUTE = 1 / 5, 1 / 10
"""Of the failures that one address may have in a minute: what is kept in a row, and each minute after that. With
the 100 failures of the template's default: 20, and one every 6 seconds.
"""
FAILURES_A_MINUTE = 100
"""Counted with where fewer are allowed, or any number."""


class Strangers:
    """``failures``: how often one address may fail to authenticate in a minute, 0 for no limit. ``clock`` never jumps.
    Safe to share between threads.
    """

    def __init__(self, failures: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        allowed = max(failures, FAILURES_A_MINUTE)
        self._bucket = TokenBucket(max(1, round(allowed * IN_A_ROW)), 60 / (allowed * A_MINUTE))
        self._left_out = 0

    def may_be_kept(self) -> bool:
        """Whether the log has room for one more; every one that has says how many had not."""
        if not self._bucket.take(self._clock()):
            self._left_out += 1
            return False
        if self._left_out:
            logger.warning("calls of strangers were not kept in the exchange log", calls=self._left_out)
            self._left_out = 0
        return True
