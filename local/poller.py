"""Feeds functions with messages and with what is written to the store, as Lambda's event source mappings do."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from local.batch_report import MalformedReportError, failed_items
from local.context import LambdaContext
from local.sqs_event import sqs_event
from local.stream_poller import StreamPoller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from local.event_source import EventSource
    from local.functions import Handler
    from local.template import Function
    from ocpi.queues.sqlite import Message, SQLiteQueues
    from ocpi.store.sqlite_changes import SQLiteChanges

# How long batches that are under way at the end may still take.
GRACE_SECONDS = 5.0
# What this process sends is heard of at once; what another one sends is found by looking.
POLL_SECONDS = 0.1

log = logging.getLogger("local")


class Pollers:
    """All event source mappings of a template, working while the block lasts.

    At the start, what an earlier process was working on is taken up again at once: nobody can be working on it any
    more, and it need not wait for its visibility timeout as it would in AWS.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        handlers: Mapping[str, Handler],
        queues: SQLiteQueues,
        changes: SQLiteChanges,
        *,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """``handlers`` by function name; ``grace``: seconds that the end of the block waits for batches under way."""
        self._grace = grace
        self._queues = queues
        self._streams = [
            StreamPoller(function, source, handlers[function.name], changes, queues)
            for function in functions
            for source in function.streams
        ]
        self._pollers = [
            _Poller(function, source, handlers[function.name], queues)
            for function in functions
            for source in function.event_sources
        ]

    def __enter__(self) -> Self:
        for name in {poller.source.queue.name for poller in self._pollers}:
            self._queues.release(name)
        for poller in self._all():
            poller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + self._grace
        for poller in self._all():
            poller.end()
        for poller in self._all():
            poller.wait(deadline)

    def _all(self) -> list[_Poller | StreamPoller]:
        return [*self._streams, *self._pollers]


class _Poller:
    """One mapping of a queue: a thread that receives, and threads that call the function, as many as batches may be
    worked on at once; each stands for one of Lambda's execution environments.
    """

    def __init__(self, function: Function, source: EventSource, handler: Handler, queues: SQLiteQueues) -> None:
        self.source = source
        self._function, self._handler, self._queues = function, handler, queues
        self._arrived = queues.listener(source.queue.name)
        self._free = threading.Semaphore(source.concurrency)
        self._batches: SimpleQueue[list[Message] | None] = SimpleQueue()
        self._ending = threading.Event()
        # Daemons: a batch that does not end in time does not keep the process.
        self._threads = [
            threading.Thread(target=target, name=source.name, daemon=True)
            for target in (self._poll, *[self._work] * source.concurrency)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Begin no more batches."""
        self._ending.set()
        self._arrived.set()

    def wait(self, deadline: float) -> None:
        """Until every batch has ended, or until then."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            log.warning("%s: a batch was still under way at the end", self.source.name)

    def _poll(self) -> None:
        while not self._ending.is_set():
            if not self._free.acquire(timeout=POLL_SECONDS):
                continue
            batch = self._next_batch()
            # What was received in the moment of the end comes again at the next start.
            if batch and not self._ending.is_set():
                self._batches.put(batch)
            else:
                self._free.release()
        for _ in range(self.source.concurrency):
            self._batches.put(None)

    def _next_batch(self) -> list[Message]:
        """The messages of one invocation; none if there is nothing for a while."""
        batch: list[Message] = []
        try:
            batch += self._receive(self.source.batch_size)
            if not batch:
                self._wait(POLL_SECONDS)
                return []
            until = time.monotonic() + self.source.window_seconds
            while len(batch) < self.source.batch_size and not self._ending.is_set():
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._wait(min(POLL_SECONDS, left))
                batch += self._receive(self.source.batch_size - len(batch))
        except Exception:  # the next look at the queue may go well
            log.exception("%s: the queue cannot be read", self.source.name)
            self._ending.wait(1)
        return batch

    def _receive(self, limit: int) -> list[Message]:
        self._arrived.clear()
        # Only looking costs no write, and most looks find nothing.
        visible_at = self._queues.next_visible_at(self.source.queue.name)
        if visible_at is None or visible_at > time.time():
            return []
        return self._queues.receive(self.source.queue.name, limit, self.source.queue.visibility_seconds)

    def _wait(self, seconds: float) -> None:
        """Until something arrives or becomes visible, and at most so long."""
        visible_at = self._queues.next_visible_at(self.source.queue.name)
        if visible_at is not None:
            seconds = max(0.0, min(seconds, visible_at - time.time()))
        self._arrived.wait(seconds)

    def _work(self) -> None:
        # Functions may ask for the thread's event loop, and only the main thread ever had one by itself.
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            while (batch := self._batches.get()) is not None:
                self._work_on(batch)
                self._free.release()

    def _work_on(self, batch: list[Message]) -> None:
        done = self._invoke(batch)
        try:
            if done:
                self._queues.delete(message.receipt for message in done)
        except Exception:  # then all of them come again
            log.exception("%s: messages cannot be deleted", self.source.name)

    def _invoke(self, batch: list[Message]) -> list[Message]:
        """The messages of the batch that are done."""
        function = self._function
        context = LambdaContext(function.name, function.memory, function.timeout)
        try:
            result = self._handler(sqs_event(batch, self.source.queue.arn), context)
        except (Exception, SystemExit):  # whatever a function raises is the function's failure, not ours
            log.exception("%s: %s failed", self.source.name, function.name)
            return []
        if not self.source.reports_failures:
            return batch
        try:
            failed = failed_items(result, {message.id for message in batch})
        except MalformedReportError as error:
            log.error(  # noqa: TRY400 - the trace would be ours
                "%s: %s reported malformed: %s", self.source.name, function.name, error
            )
            return []
        return [message for message in batch if message.id not in failed]
