"""How often a process does something that others can make it do, without asking anybody."""

from __future__ import annotations

import threading


class TokenBucket:
    """At most ``size`` times in a row, and once more for each ``seconds`` since. Safe to share between threads."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        self._full_at = -float("inf")
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Whether once more is allowed now, in seconds of a clock that never jumps; if so, it is taken as done."""
        with self._lock:
            full_at = max(self._full_at, now) + self._seconds
            if full_at > now + self._size * self._seconds:
                return False
            self._full_at = full_at
            return True
