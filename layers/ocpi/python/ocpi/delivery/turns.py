"""Turns under the rate limit for whoever asks a partner one question after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.delivery.pacing import Pace

MOST_PATIENCE_SECONDS = 70.0
"""For a request that a question needs besides its first one: more than there is between two requests under any limit.
Whoever gave up would begin with the first one again, for ever.
"""


@dataclass(slots=True)
class Turns:
    """``patience`` is how long the first request of a question may wait, in seconds; ``clock`` is in seconds since
    1970. ``pace`` is that of the partner at hand.
    """

    clock: Callable[[], float]
    patience: float
    pace: Pace | None = None
    _first: bool = field(default=True, init=False)

    def begin(self) -> None:
        """The next request is the first of a question."""
        self._first = True

    def take(self) -> None:
        """Wait for the turn of one request; raises :class:`~ocpi.delivery.pacing.Paced`."""
        patience = self.patience if self._first else MOST_PATIENCE_SECONDS
        self._first = False
        if self.pace is not None:
            self.pace.take(self.clock() + patience)
