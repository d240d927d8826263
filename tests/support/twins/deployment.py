"""One of the two deployments: its operator, and all that works in it when nobody calls."""

from __future__ import annotations

import json
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.batch_report import failed_items
from local.event import Request
from local.schedule import scheduled_event
from local.sqs_event import sqs_event
from local.stream_event import sequence_number, stream_record
from tests.support.in_process import InProcess
from tests.support.twins.feeding import Roughness, Shards, mixed, not_heard_of, shake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.event_source import EventSource
    from local.stream_source import StreamSource
    from local.template import Function
    from tests.support.twins.clock import Clock

FILES = ("ocpi.db", "queues.db")
PARTIES = {"cpo": ("CPO", "NL", "CPA"), "emsp": ("EMSP", "DE", "EMA")}
BOOKKEEPING = ("exchanges", "failures")


@dataclass(frozen=True)
class Object:
    """What is stored of an object, its document read."""

    last_updated: str
    created: str
    document: dict[str, Any]


class Deployment:
    """``name`` is ``cpo`` or ``emsp``; its host is that with ``.example``. To be closed."""

    def __init__(self, name: str, folder: Path, clock: Clock) -> None:
        self.name, self.host, self._clock = name, f"{name}.example", clock
        role, self.country_code, self.party_id = PARTIES[name]
        environ = {
            "OCPI_COUNTRY_CODE": self.country_code,
            "OCPI_PARTY_ID": self.party_id,
            "OCPI_ROLES": role,
            "OCPI_PUBLIC_URL": f"https://{self.host}",
            "OCPI_ALLOW_PRIVATE_ADDRESSES": "0",
            "OCPI_FAILED_AUTHENTICATIONS": "0",
            "POWERTOOLS_LOG_LEVEL": "ERROR",
        }
        self.role, self.party = role, f"{self.country_code}-{self.party_id}"
        self.system = InProcess(folder / name, environ, instead=clock.modules())
        with self._quietly():
            deployment = self.system.module("ocpi.deployment")
            self._store, self._queues = deployment.store(), self._open_queues()
            self._store.signing_key()
            # Its modules are in their places for one deployment at a time, so nothing may go on beside a request.
            self.system.module("ocpi.delivery.drain").ThreadPoolExecutor = lambda *_, **__: ThreadPoolExecutor(1)
        self._files = {file: sqlite3.connect(folder / name / file, isolation_level=None) for file in FILES}
        self._kept = {file: sqlite3.connect(":memory:") for file in FILES}
        for file, connection in self._files.items():
            connection.backup(self._kept[file])
        self._ran: dict[str, float] = {}
        self.rough = Roughness()
        self._shards = Shards(self.rough)

    def close(self) -> None:
        """Close all files."""
        for connection in (*self._files.values(), *self._kept.values()):
            connection.close()
        self.system.close()

    def put_back(self) -> None:
        """Nothing has ever happened."""
        for file, connection in self._files.items():
            self._kept[file].backup(connection)
        with self._quietly():
            # The one clock of the process only ever goes on, and this one begins anew.
            self.system.module("ocpi.store.clock")._last = 0
        self._ran = {}
        self._shards.clear()

    # The operator

    def operate(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of the operator API; status and body."""
        headers = (("Host", self.host), ("Authorization", f"Bearer {self.system.operator_key}"))
        payload = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        request = Request(method, f"/operator{path}", query, headers, payload, "192.0.2.1", 443)
        answer = self.system.request(request)
        if method == "GET" and answer.status == 502:
            answer = self.system.request(request)  # it died, and who asks for something asks again
        assert answer.status < 500 or answer.status == 502, (answer.status, method, path, answer.body[:2000])
        return answer.status, json.loads(answer.body) if answer.body else None

    def partner(self) -> dict[str, Any] | None:
        """The one that is registered, if there is one."""
        partners = self.operate("GET", "/partners")[1]["items"]
        found = [each for each in partners if each["status"] == "REGISTERED"]
        assert len(found) <= 1, partners
        return found[0] if found else None

    # What works by itself

    def work(self, at_most: int = 1_000) -> int:
        """Work on what waits now: changes, then messages, each invocation for itself; how many there were."""
        done = 0
        while done < at_most and (self._hand_on_changes() or self._take_a_message()):
            done += 1
        return done

    def keep_up(self) -> None:
        """Run what its schedule says is due."""
        for function in self.system.template.functions:
            for schedule in function.schedules:
                if self._clock.now >= self._ran.get(schedule.name, 0) + schedule.interval:
                    self._ran[schedule.name] = self._clock.now
                    self._invoke(function, scheduled_event(schedule, self._clock.now))

    def next_at(self) -> float:
        """When there is something to do next, by messages and schedules."""
        rows: Any = self._files["queues.db"].execute("SELECT queue, min(visible_at) FROM messages GROUP BY queue")
        visible: list[float] = [at for queue, at in rows if queue in self._fed()]
        intervals = {s.name: s.interval for f in self.system.template.functions for s in f.schedules}
        due = [self._ran.get(name, 0) + interval for name, interval in intervals.items()]
        return min([*due, *visible])

    def unfinished(self) -> list[str]:
        """What is still to be done, but for what is done regularly."""
        store, queues = self._files["ocpi.db"], self._files["queues.db"]
        partner = self.partner()
        # What there was before a partner registered comes by the first pull, which may have to be repeated.
        left = ["the first pull"] if partner is not None and partner["last_synced_at"] is None else []
        left += [f"{count} changes" for (count,) in store.execute("SELECT count(*) FROM changes") if count]
        left += [f"{len(self._shards)} records of the stream"] if len(self._shards) else []
        left += [
            f"delivery of {each}"
            for each in store.execute("SELECT module, object_id FROM deliveries WHERE due NOT NULL")
        ]
        left += [
            f"message in {queue}" for (queue,) in queues.execute("SELECT queue FROM messages") if queue in self._fed()
        ]
        for collection in ("own/commands-received", "own/commands-sent"):
            rows = store.execute("SELECT id FROM objects WHERE collection = ? AND due NOT NULL", (collection,))
            left += [f"{collection} {identity}" for (identity,) in rows]
        return left

    # What is there

    def objects(self, owner: str, module: str) -> dict[str, Object]:
        """``owner``: a party, or ``own``."""
        rows = self._files["ocpi.db"].execute(
            "SELECT id, last_updated, created, document FROM objects WHERE collection = ?", (f"{owner}/{module}",)
        )
        return {row[0]: Object(row[1], row[2], json.loads(row[3])) for row in rows}

    def dead_letters(self) -> list[str]:
        """Messages that nobody works on any more."""
        fed = self._fed()
        rows = self._files["queues.db"].execute("SELECT queue, body FROM messages").fetchall()
        return [f"{queue}: {body}" for queue, body in rows if queue not in fed and "Dead" in queue]

    # Within

    def _fed(self) -> set[str]:
        return {source.queue.name for function in self.system.template.functions for source in function.event_sources}

    def _open_queues(self) -> Any:
        queues = self.system.module("ocpi.queues.sqlite")
        opened = queues.queues_in(self.system.data / "queues.db")
        by_arn = {queue.arn: queue for queue in self.system.template.queues}
        for queue in by_arn.values():
            dead = by_arn.get(queue.dead_letter_arn or "")
            attributes = queues.QueueAttributes(
                delay_seconds=queue.delay_seconds,
                retention_seconds=queue.retention_seconds,
                dead_letter_queue=dead.name if dead else None,
                max_receive_count=queue.max_receive_count,
            )
            opened.declare(queue.name, attributes)
        return opened

    def _hand_on_changes(self) -> bool:
        for function in self.system.template.functions:
            for source in function.streams:
                self._fill_shards()
                batch = self._shards.batch(source.batch_size)
                if not batch:
                    return False
                self._hand_on(function, source, batch)
                return True
        return False

    def _fill_shards(self) -> None:
        """What is written becomes the stream's, which loses nothing."""
        with self._quietly():
            changes = self._store.changes.pending(10_000)
            if changes:
                self._shards.add(changes)
                self._store.changes.done(changes[-1].position)

    def _hand_on(self, function: Function, source: StreamSource, batch: list[Any]) -> None:
        records = [stream_record(change, source.arn) for change in batch]
        passing = [record for record in records if source.filter.passes(record)]
        failed = self._invoke(function, {"Records": passing}) if passing else {"batchItemFailures": []}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in passing]
        first = min((int(number) for number in failed_items(failed, numbers)), default=None)
        places = [place for place, change in enumerate(batch) if first == int(sequence_number(change))]
        self._shards.done(batch, places[0] if places else None)

    def _take_a_message(self) -> bool:
        for function in self.system.template.functions:
            for source in function.event_sources:
                if self._take(function, source):
                    return True
        return False

    def _take(self, function: Function, source: EventSource) -> bool:
        name, rough = source.queue.name, self.rough
        if rough.strength:
            shake(self._files["queues.db"], name, self._clock.now, rough)
        limit = rough.random.randint(1, source.batch_size) if rough.strength else 1
        with self._quietly():
            messages = mixed(self._queues.receive(name, limit, int(source.queue.visibility_seconds)), rough)
        if not messages:
            return False
        report = self._invoke(function, sqs_event(messages, source.queue.arn))
        failed = set(failed_items(report, [message.id for message in messages]))
        if not_heard_of(messages, rough):
            return True
        with self._quietly():
            self._queues.delete([message.receipt for message in messages if message.id not in failed])
        return True

    def _invoke(self, function: Function, event: dict[str, Any]) -> Any:
        with self._quietly():
            return self.system.invoke(function, event)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Failures are what this is about; none is logged."""
        with self.system.at_work():
            logging.disable(logging.CRITICAL)
            try:
                yield
            finally:
                logging.disable(logging.NOTSET)
