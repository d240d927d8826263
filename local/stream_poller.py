"""Tells a function of what is written, as Lambda's event source mapping of a table's stream does: in order, a batch
after the other, and nothing after a record that failed until that one has been taken or given up.

A batch that the function raised for, or reported in a way that nobody can read, has failed as a whole, and is halved
where the mapping bisects. One of which it reported a record comes again from that record on, and is not halved
besides: "bisected at the returned sequence number" means just that
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). So a function that reports its
first record each time sees the whole rest of the batch given up with it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.batch_report import MalformedReportError, failed_items
from local.context import LambdaContext
from local.stream_event import given_up, sequence_number, stream_record

if TYPE_CHECKING:
    from local.functions import Handler
    from local.stream_source import StreamSource
    from local.template import Function
    from ocpi.queues.sqlite import SQLiteQueues
    from ocpi.store.sqlite_changes import Change, SQLiteChanges

# What this process writes is heard of at once; what another one writes is found by looking.
POLL_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

ALL = "all"
"""What is no sequence number: the batch failed as a whole."""

log = logging.getLogger("local")


@dataclass(slots=True)
class _Trial:
    """How it stands with the changes that are next."""

    size: int
    """How many are to be in the batch."""
    retries: int = 0
    """How often they have failed in this size beyond the first time."""


class StreamPoller:
    """One mapping: a thread that stands for the one shard of the stream, and for the execution environment."""

    def __init__(
        self, function: Function, source: StreamSource, handler: Handler, changes: SQLiteChanges, queues: SQLiteQueues
    ) -> None:
        self._function, self._source, self._handler = function, source, handler
        self._changes, self._queues = changes, queues
        self._arrived = changes.listener()
        self._ending = threading.Event()
        self._trial = _Trial(source.batch_size)
        # A daemon: a batch that does not end in time does not keep the process.
        self._thread = threading.Thread(target=self._run, name=source.name, daemon=True)

    def start(self) -> None:
        """Begin with what an earlier process has not done."""
        self._thread.start()

    def end(self) -> None:
        """Begin no more batches."""
        self._ending.set()
        self._arrived.set()

    def wait(self, deadline: float) -> None:
        """Until the batch under way has ended, or until then (``time.monotonic``)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            log.warning("%s: a batch was still under way at the end", self._source.name)

    def _run(self) -> None:
        # Functions may ask for the thread's event loop, and only the main thread ever had one by itself.
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            while not self._ending.is_set():
                try:
                    self._look()
                except Exception:  # the next look may go well
                    log.exception("%s: the changes cannot be read", self._source.name)
                    self._ending.wait(1)

    def _look(self) -> None:
        self._arrived.clear()
        changes = self._changes.pending(self._trial.size)
        if not changes:
            self._arrived.wait(POLL_SECONDS)
            return
        records = [stream_record(change, self._source.arn) for change in changes]
        records = [record for record in records if self._source.filter.passes(record)]
        context = LambdaContext(self._function.name, self._function.memory, self._function.timeout)
        failed = self._invoke(records, context) if records else None
        if failed is None:
            self._done(changes)
            return
        first = next((place for place, change in enumerate(changes) if sequence_number(change) == failed), None)
        self._go_on_from(first, changes, context)

    def _invoke(self, records: list[dict[str, Any]], context: LambdaContext) -> str | None:
        """The sequence number of the first record that was reported as failed; :data:`ALL` if the batch failed as a
        whole, ``None`` if it did not fail.
        """
        numbers: list[str] = [record["dynamodb"]["SequenceNumber"] for record in records]
        try:
            result = self._handler({"Records": records}, context)
        except (Exception, SystemExit):  # whatever a function raises is the function's failure, not ours
            log.exception("%s: %s failed", self._source.name, self._function.name)
            return ALL
        if not self._source.reports_failures:
            return None
        try:
            return min(failed_items(result, numbers), default=None)
        except MalformedReportError as error:
            log.error(  # noqa: TRY400 - the trace would be ours
                "%s: %s reported malformed: %s", self._source.name, self._function.name, error
            )
            return ALL

    def _go_on_from(self, first: int | None, changes: list[Change], context: LambdaContext) -> None:
        """What a failure of a batch leads to, its changes before ``first`` being done; ``None``: all of it failed."""
        if first is None and self._source.bisects and len(changes) > 1:
            self._trial = _Trial(len(changes) // 2)
            return
        rest = changes[first or 0 :]
        if first:
            self._changes.done(changes[first - 1].position)
            self._trial = _Trial(len(rest))
        if self._source.retries is not None and self._trial.retries >= self._source.retries:
            self._give_up(rest, context)
            return
        self._ending.wait(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._trial.retries, 10)))
        self._trial = _Trial(len(rest), self._trial.retries + 1)

    def _give_up(self, changes: list[Change], context: LambdaContext) -> None:
        log.error("%s: %d records given up from %s on", self._source.name, len(changes), sequence_number(changes[0]))
        if self._source.failures is not None:
            told = given_up(changes, self._source.arn, context, self._trial.retries + 1)
            self._queues.send(self._source.failures.name, told)
        self._done(changes)

    def _done(self, changes: list[Change]) -> None:
        self._changes.done(changes[-1].position)
        self._trial = _Trial(self._source.batch_size)
