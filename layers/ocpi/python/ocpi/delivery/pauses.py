"""How long to wait before something that failed in passing is tried again."""

from __future__ import annotations

import email.utils
import random
from datetime import UTC

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_ASKED_SECONDS = 86_400.0
"""A partner that asks for more is asked again after a day: it may have meant something else."""


def growing_pause(tries: int, longest: float = LONGEST_PAUSE_SECONDS) -> float:
    """Seconds after so many tries in vain: twice as many each time, a quarter of them by chance, so that what failed
    together does not come again together.
    """
    bound = min(longest, FIRST_PAUSE_SECONDS * 2.0 ** min(max(tries, 1) - 1, 30))
    return bound * random.uniform(0.75, 1.0)


def asked_pause(retry_after: str | None, now: float) -> float:
    """The seconds from now that ``Retry-After`` asks for: a number, or an HTTP date (RFC 9110, section 10.2.3); 0 for
    none, for one in the past and for what cannot be read.
    """
    if retry_after is None:
        return 0.0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]) if len(text) < 10 else LONGEST_ASKED_SECONDS, LONGEST_ASKED_SECONDS)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    # A date in "-0000" says nothing of a zone, and comes without one; HTTP knows UTC only.
    seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return max(0.0, min(seconds, LONGEST_ASKED_SECONDS))
