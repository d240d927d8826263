"""One round of a drain: some objects, a few at a time, and what became of each."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ocpi.delivery.diagnosis import MANY
from ocpi.delivery.outcome import Ending, Outcome
from ocpi.delivery.pacing import Paced
from ocpi.delivery.recording import Tried
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from ocpi.delivery.sending import Sender
    from ocpi.store.deliveries import Delivery
    from ocpi.store.port import Record

PARALLEL = 4
"""Requests to one partner at a time, each over a connection of its own, never two about one object."""
HEAD_START_SECONDS = 0.1
"""By so much an object goes ahead of the next one, unless it arrives sooner, where the order of objects is kept."""


@dataclass
class Round:
    """Sends until all is sent, or until a try shows that the partner is better left alone: nothing is begun then.
    ``healthy`` says whether the partner has just taken something; then one failure alone shows nothing. ``in_order``:
    objects are not only begun in order, but arrive so. ``parallel``: so many objects at a time.
    """

    sender: Sender
    at: str
    clock: Callable[[], float]
    healthy: bool
    threads: ThreadPoolExecutor
    in_order: bool = False
    parallel: int = PARALLEL
    _failures: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def send(self, items: Sequence[tuple[Delivery, Record | None]]) -> list[Tried]:
        """What was tried, in no particular order. What is not in there was not begun."""
        if len(items) == 1:
            results = [self._try(*items[0])]
        else:
            # An iterator for all threads: nothing waits behind an object that takes long, and order is kept.
            waiting, lock, before = iter(items), threading.Lock(), threading.Event()
            before.set()

            def work() -> list[Tried | None]:
                nonlocal before
                done: list[Tried | None] = []
                while True:
                    with lock:
                        item = next(waiting, None)
                        if self.in_order:
                            before.wait(HEAD_START_SECONDS)
                        before = ended = threading.Event()
                    if item is None:
                        return done
                    done.append(self._try(*item))
                    ended.set()

            futures = [self.threads.submit(work) for _ in range(min(self.parallel, len(items)))]
            results = [result for future in futures for result in future.result()]
        return [result for result in results if result is not None]

    def _try(self, delivery: Delivery, record: Record | None) -> Tried | None:
        if self._stop.is_set() or self.clock() > self.sender.latest:
            return None
        try:
            outcome = self.sender.send(delivery, record)
        except Paced:
            self._stop.set()
            return None
        except Exception as error:  # noqa: BLE001 - one object that we fail at must not keep a partner from all others
            # Neither message nor traceback: they may quote the object.
            logger.error("an object could not be sent", module=delivery.key.module, reason=type(error).__name__)
            outcome = Outcome(Ending.PASSING, message=f"an internal error: {type(error).__name__}", unsure=True)
        if outcome.ending is Ending.BEGUN:
            self._stop.set()
        if outcome.ending is not Ending.PASSING:
            self.healthy, self._failures = True, 0
            return Tried(delivery, record, self.at, outcome)
        self._failures += 1
        if not self.healthy or outcome.wait or not outcome.reached or self._failures >= MANY:
            self._stop.set()
        return Tried(delivery, record, self.at, outcome)
