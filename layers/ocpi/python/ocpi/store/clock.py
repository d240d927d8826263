"""The instants that the store itself stamps on records."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0


def instant() -> str:
    """Now in UTC, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, and later than every answer before it in this process.

    Records are listed in order of arrival, so two that arrive within one microsecond, or while the
    system's clock is set back, must not tie or swap.
    """
    global _last  # noqa: PLW0603 - one clock for the process is the point
    with _lock:
        _last = micros = max(time.time_ns() // 1000, _last + 1)
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"
