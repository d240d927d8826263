"""Functions of a deployment over a DynamoDB in a storm: partners and operator write, everybody at once, the counters
follow the stream, and then it is quiet.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Self
from zlib import crc32

from local.event import Request
from tests.support.in_process import InProcess
from tests.support.storm.callers import Once, beginnings, everybody
from tests.support.storm.table import StormyTable
from tests.support.twins.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.answer import Answer
    from tests.support.storm.callers import Caller

READS, WRITES, MEANWHILE, DEEPEST = 0.25, 0.6, 0.1, 2
"""How likely a read and a write of the table have a fault, and a write has another one come in between, of which so
many may nest."""
CDRS = 0.15
"""The share of CDRs among what is written."""
FOLLOW, TWICE = 0.2, 0.2
"""How often the counters are told after a write, and how often of a batch that they have had."""
SHARDS = 3
PARTIES = {"cpo": ("DE", "CPA"), "emsp": ("DE", "EMA")}
TABLE = "storm"
MAY_BE_DELETED = "tariff_alt_url"
"""Where tariffs have their number, each third of which is that it is gone."""
ENVIRON = {
    "OCPI_COUNTRY_CODE": "NL",
    "OCPI_PARTY_ID": "EXA",
    "OCPI_FAILED_AUTHENTICATIONS": "0",
    "OCPI_EXCHANGE_DAYS": "0",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}


@dataclass(frozen=True)
class Outcome:
    """``wrong`` is what must never be. ``requests`` counts tries, ``writes`` what was answered well."""

    writes: int
    requests: int
    between: int
    cdrs: int
    late: int
    faults: Counter[str]
    wrong: list[str]


class Storm:
    """To be closed. One run each."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        # Pauses between tries are drawn from here.
        random.seed(seed)
        self.system = InProcess(folder, ENVIRON, instead=Clock().modules())
        self.table = StormyTable(self.random)
        self._requests = self._between = self._depth = self._sharded = 0
        self._shards: list[list[Any]] = [[] for _ in range(SHARDS)]
        self._followed = [0] * SHARDS
        self._busy: list[Caller] = []
        self._told_again: Counter[str] = Counter()
        self._callers = {"operator": f"Bearer {self.system.operator_key}"}
        with self.system.at_work():
            for name in PARTIES:
                self._callers[name] = f"Token {self._register(name)}"
            self._over_the_table()
        self.callers = everybody(self.random)
        self._cdrs = [each for each in self.callers if isinstance(each, Once)]

    def close(self) -> None:
        self.system.close()

    def run(self, writes: int) -> Outcome:
        """So many writes in a storm, and then quiet."""
        for caller, method, path, body in beginnings():
            answer = self.send(caller, method, path, body)
            assert answer.status < 300, answer
        self.table.reads, self.table.writes, self.table.meanwhile = READS, WRITES, self._come_between
        while sum(each.said for each in self.callers) < writes:
            self._write(self.random.choice(self._cdrs if self.random.random() < CDRS else self.callers))
            if self.random.random() < FOLLOW:
                self._follow()
        self.table.reads, self.table.writes, self.table.meanwhile = 0.0, 0.0, lambda: None
        while self._follow():
            pass
        cdrs = self._cdrs
        return Outcome(
            sum(each.said for each in self.callers),
            self._requests,
            self._between,
            sum(each.said for each in cdrs),
            sum(each.again for each in cdrs),
            self.table.faults + self._told_again,
            list(self._wrong()),
        )

    def send(self, caller: str, method: str, path: str, body: Any) -> Answer:
        """In a thread of its own: it may come while another request is under way."""
        self._requests += 1
        many = isinstance(body, bytes)
        payload = body if many else b"" if body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if many else "application/json"
        headers = (("Host", "us.example"), ("Authorization", self._callers[caller]), ("Content-Type", kind))
        answers: list[Any] = []

        def run() -> None:
            try:
                answers.append(self.system.request(Request(method, path, "", headers, payload, "192.0.2.7", 443)))
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                answers.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if isinstance(answers[0], BaseException):
            raise answers[0]
        answer: Answer = answers[0]
        return answer

    def _write(self, caller: Caller) -> None:
        self._busy.append(caller)
        caller.write(self.send)
        self._busy.remove(caller)

    def _come_between(self) -> None:
        idle = [each for each in self.callers if each not in self._busy]
        if self._depth < DEEPEST and idle and self.random.random() < MEANWHILE:
            self._depth, self._between = self._depth + 1, self._between + 1
            self._write(self.random.choice(idle))
            self._depth -= 1

    def _follow(self) -> bool:
        """What the function ``counters`` gets: of one shard, in its order, a batch that ends anywhere, again until it
        goes well, and some of them once more. Between shards there is no order. Whether there was anything.
        """
        stream = self.table.table.stream
        for record in stream[self._sharded :]:
            self._shards[crc32(record["dynamodb"]["Keys"]["pk"]["S"].encode()) % SHARDS].append(record)
        self._sharded = len(stream)
        left = [number for number, shard in enumerate(self._shards) if self._followed[number] < len(shard)]
        if not left:
            return False
        number = self.random.choice(left)
        start = self._followed[number]
        if start and self.random.random() < TWICE:
            start = self.random.randrange(max(0, start - 20), start)
            self._told_again["stream: records come again"] += 1
        batch = self._shards[number][start : start + self.random.randint(1, 40)]
        self._count(batch)
        self._followed[number] = max(self._followed[number], start + len(batch))
        return True

    def _count(self, batch: list[Any]) -> None:
        before, self.table.meanwhile = self.table.meanwhile, lambda: None
        while True:
            with self.system.at_work():
                try:
                    self._store.follow(batch)
                except Exception as error:
                    if not self.table.writes:
                        raise
                    if type(error).__name__ == "Uncounted":
                        self._gave_up.append(repr(error))
                        break
                    continue
            break
        self.table.meanwhile = before

    # What must hold

    def _wrong(self) -> Iterator[str]:
        found = {}
        with self.system.at_work():
            record_from = self.system.module("ocpi.store.dynamodb_items").record_from
            for (pk, _), item in self.table.table.items.items():
                if pk.startswith("OBJECT#"):
                    record = record_from(item)
                    found[f"{str(record.key.collection).lower()}/{record.key.folded_id}"] = json.loads(record.document)
        for caller in self.callers:
            yield from caller.holds(found)
        yield from self._backwards()
        yield from self._miscounted(found)
        yield from self._gave_up

    def _backwards(self) -> Iterator[str]:
        """In the order in which the table was written: every revision once, no CDR again, no number down or out."""
        revisions: defaultdict[str, int] = defaultdict(int)
        numbers: dict[tuple[str, str], float] = {}
        with self.system.at_work():
            record_from = self.system.module("ocpi.store.dynamodb_items").record_from
            for each in self.table.table.stream:
                pk, image = each["dynamodb"]["Keys"]["pk"]["S"], each["dynamodb"].get("NewImage")
                if image is None:
                    revisions[pk] = 0
                    continue
                record = record_from(image)
                if record.revision != revisions[pk] + 1:
                    yield f"{pk} went from revision {revisions[pk]} to {record.revision}"
                revisions[pk] = record.revision
                if "/cdrs#" in pk and record.revision > 1:
                    yield f"{pk} was accepted again"
                counted = () if "/cdrs#" in pk else _numbers(json.loads(record.document))
                for name, number in counted:
                    before = numbers.get((pk, name), 0)
                    if number < before:
                        yield f"{pk} {name} went back from {before} to {number}"
                    # Who counts goes on when it was answered, so what it said before has been there.
                    if number > before + 1 and name != MAY_BE_DELETED:
                        yield f"{pk} {name} never was what was answered between {before} and {number}"
                    numbers[pk, name] = number

    def _miscounted(self, found: dict[str, Any]) -> Iterator[str]:
        """Pages and totals are of what there is."""
        with self.system.at_work():
            port = self.system.module("ocpi.store.port")
            for owner, module in {tuple(place.split("/")[:2]) for place in found}:
                there = [place for place in found if place.startswith(f"{owner}/{module}/")]
                collection = port.Collection(owner if owner == "own" else owner.upper(), module)
                page = self._store.objects.page(port.PageQuery(collection, 10_000))
                if (page.total, len(page.documents)) != (len(there), len(there)):
                    yield f"{collection}: {len(there)} are there, {page.total} counted, {len(page.documents)} listed"

    # Its parts

    def _over_the_table(self) -> None:
        dynamodb = self.system.module("ocpi.store.dynamodb")
        for name in ("dynamodb_objects", "dynamodb_requests"):
            # One after the other, so that a seed decides.
            self.system.module(f"ocpi.store.{name}").ThreadPoolExecutor = _OneByOne
        self._gave_up: list[str] = []
        self._store = dynamodb.DynamoDBStore(TABLE, self.table)
        self.system.module("ocpi.deployment").store().objects = self._store.objects

    def _register(self, name: str) -> str:
        """A partner whose token is known; it is stored in SQLite, where there is no storm."""
        port, deployment = self.system.module("ocpi.store.port"), self.system.module("ocpi.deployment")
        token = f"token-of-{name}"
        hashed = self.system.module("ocpi.transport.authentication").token_hash(token)
        country_code, party_id = PARTIES[name]
        partner = port.Partner(
            id=f"partner-{name}",
            role=name.upper(),
            name=name,
            status=port.PartnerStatus.REGISTERED,
            invited_at="2026-01-01T00:00:00Z",
            grants=(hashed,),
            version="2.1.1",
            country_code=country_code,
            party_id=party_id,
        )
        grant = port.Grant(hashed, partner.id, "registered")
        deployment.store().partners.save(port.PartnerChange(partner, None, put_grants=(grant,), claim_party=True))
        deployment.store().partners.seen(partner.id, "9999-01-01T00:00:00.000000Z")
        return token


class _OneByOne:
    """Stands for a ``ThreadPoolExecutor``."""

    def __init__(self, _: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


def _numbers(document: Any) -> Iterator[tuple[str, float]]:
    """What callers count upwards in it."""
    for name in ("kwh", "total_cost", "name", "issuer", MAY_BE_DELETED):
        text = str(document.get(name, "")).rpartition("/")[2]
        if text.replace(".", "", 1).isdigit():
            yield name, float(text)
    for evse in document.get("evses", ()):
        if str(evse.get("physical_reference", "")).isdigit():
            yield evse["uid"], float(evse["physical_reference"])
        for connector in evse["connectors"]:
            yield f"{evse['uid']}/{connector['id']}", float(connector["amperage"])
