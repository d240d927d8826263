"""The part of the store port that counts failed attempts to authenticate, so that all processes count together."""

from __future__ import annotations

from typing import Protocol


class Failures(Protocol):
    """Counts by source and window of time; nothing else is kept of an attempt."""

    def count(self, source: str, until: int, *, most: int) -> bool:
        """Count one more failure of a source in the window that ends ``until`` (seconds since 1970), unless ``most`` of
        them are counted already; whether it was counted. What belongs to a window is forgotten some time after it.
        """
