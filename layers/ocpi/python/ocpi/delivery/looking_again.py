"""Whether what was noted may be missing in the index of what is due, which may lag, and is to be looked for again.

Of what a wake-up names nothing is missed: what the index did not show is read by its key, which never lags. Only where
something was noted that nobody names, somebody has to look a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.delivery.instants import instant_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.delivery.wake_ups import WakeUp
    from ocpi.store.deliveries import Deliveries, Delivery, DeliveryKey

LOOK_AGAIN_SECONDS = 2.0
"""What was noted so long ago the index shows."""


@dataclass(slots=True)
class LookingAgain:
    """Of one worker. Times are in seconds since 1970; ``told_at``: something was noted that nobody named, this late;
    ``looked_at``: the index showed nothing any more.
    """

    woken_at: float
    noted: tuple[DeliveryKey, ...]
    told_at: float | None = None
    looked_at: float | None = None

    @classmethod
    def woken(cls, wake_up: WakeUp, now: float) -> LookingAgain:
        """By a message that something was noted, or may have been."""
        unnamed = wake_up.why in ("change", "retry") and not wake_up.noted
        return cls(now, wake_up.noted, told_at=now if unnamed else None)

    def saw(self, due: Sequence[Delivery]) -> None:
        """The index showed these."""
        if self.noted:
            seen = {_folded(each.key) for each in due}
            self.noted = tuple(key for key in self.noted if _folded(key) not in seen)

    def unseen(self, deliveries: Deliveries, now: float) -> list[Delivery]:
        """Of what was named, what is due now and was not shown; asked for once."""
        found, at = deliveries.get_many(self.noted) if self.noted else [], instant_at(now)
        self.noted = ()
        due = [each for each in found if each is not None and each.due is not None and each.due <= at]
        if len(due) > 1:
            # One is sent at once; of more, some may have to wait for their turn.
            self.told_at = now
        return due

    def next_look(self, wake_at: float | None) -> float | None:
        """When to look again; ``wake_at`` is when somebody is woken anyway."""
        told_at = max(self.told_at or 0.0, self.woken_at) if self.noted else self.told_at
        if told_at is None:
            return None
        seen_by = told_at + LOOK_AGAIN_SECONDS
        looked_at = wake_at if self.looked_at is None else self.looked_at
        return seen_by if looked_at is not None and looked_at < seen_by else None


def _folded(key: DeliveryKey) -> tuple[str, str]:
    return key.module, key.folded_id
