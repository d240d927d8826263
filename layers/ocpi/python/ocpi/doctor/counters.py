"""The counters of a store, as :mod:`ocpi.store.check_counters` checks and builds them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ocpi.doctor.entry import Finding, Flaw
from ocpi.store.check_counters import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.store.check_counters import Counters


@dataclass(frozen=True, slots=True)
class CounterChecks:
    """``wait`` is in seconds, between looks: what is written meanwhile may not be counted yet."""

    counters: Counters
    wait: float

    def findings(self) -> Iterator[Finding]:
        """A finding for each collection that is not counted right."""
        for collection in self.counters.collections():
            wrong = self._wrong(collection)
            if wrong:
                flaw = Flaw(wrong, "build them anew", partial(self._rebuilt, collection))
                yield Finding(f"counters of {collection}", flaw)

    def _wrong(self, collection: str) -> str | None:
        wrong: str | None = None
        for look in range(LOOKS):
            if look:
                time.sleep(self.wait)
            try:
                places = len(self.counters.check(collection))
            except Exception as error:  # noqa: BLE001 - what cannot be read is wrong, whatever it is
                wrong = f"cannot be read ({type(error).__name__})"
            else:
                # How many and not what: keys of tokens are uids of cards.
                wrong = f"are wrong in {places} places" if places else None
            if wrong is None:
                return None
        return wrong

    def _rebuilt(self, collection: str) -> bool:
        self.counters.rebuild(collection)
        return self._wrong(collection) is None
