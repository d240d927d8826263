"""A deployment over SQLite, a partner in this process that holds objects, and a clock that a test moves."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.delivery.instants import instant_at
from ocpi.jobs.upkeep import JobUpkeep
from ocpi.jobs.working import Working
from ocpi.outbound.answer import Answer, Headers
from ocpi.reconciliation.reconciliation import KIND, RECONCILIATIONS
from ocpi.reconciliation.running import Reconciling
from ocpi.reconciliation.starting import Starting
from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState
from ocpi.store.port import Collection, Draft, Key, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from tests.support.party import fixture
from tests.unit.registration.killer import Killer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ocpi.reconciliation.comparing import LookUp
    from ocpi.reconciliation.reconciliation import ModuleComparison, Reconciliation
    from ocpi.store.port import Record

NOBODY = Killer(0, "before")
FIXTURES = {
    "locations": "location_max",
    "tariffs": "tariff_free",
    "sessions": "session_min",
    "cdrs": "cdr_max",
    "tokens": "token_max",
}
LONG_AGO, NOW = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def answer(data: Any = ..., status: int = 200, status_code: int | None = 1000, **headers: str) -> Answer:
    """An answer with an envelope; header names have ``_`` for ``-``."""
    body = {"status_code": status_code} if status_code is not None else {}
    body |= {} if data is ... else {"data": data}
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(status, Headers(fields), json.dumps(body).encode() if body else b"<html>")


@dataclass
class Holdings:
    """What a partner holds of ours, by module and id; ``respond``, if set, answers first."""

    objects: dict[tuple[str, str], Any] = field(default_factory=dict)
    respond: Callable[[str, str], Answer | Exception | None] = lambda _module, _id: None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    not_there: Answer = field(default_factory=lambda: answer(status=404, status_code=2001))
    before_each: Callable[[], None] = lambda: None

    def __call__(self, module: str, object_id: str, url: str | None) -> Answer:
        self.before_each()
        self.asked.append((module, object_id, url))
        special = self.respond(module, object_id)
        if isinstance(special, Exception):
            raise special
        if special is not None:
            return special
        held = self.objects.get((module, object_id))
        return self.not_there if held is None else answer(held)


@dataclass
class SentMessages:
    """A queue that keeps what was sent."""

    sent: list[tuple[Any, int]] = field(default_factory=list)

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self.sent.append((json.loads(body), delay_seconds))


@dataclass
class World:
    store: SQLiteStore
    partner: Partner
    holdings: Holdings = field(default_factory=Holdings)
    queue: SentMessages = field(default_factory=SentMessages)
    deliveries: SentMessages = field(default_factory=SentMessages)
    moved: float = 3600.0
    slept: list[float] = field(default_factory=list)
    each_step: float = 0.0
    """Seconds that pass whenever the worker looks at its clock."""
    ticks: float = 0.0

    @classmethod
    def at(cls, path: Path, role: Any = "EMSP", **settings: Any) -> World:
        store = SQLiteStore(path)
        modules = ("locations", "sessions", "cdrs", "tariffs") if role == "EMSP" else ("tokens",)
        partner = Partner(
            "partner-1",
            role,
            "Partner",
            PartnerStatus.REGISTERED,
            LONG_AGO,
            version="2.1.1",
            country_code="DE",
            party_id="ABC",
            endpoints=tuple({"identifier": name, "url": f"https://partner.example/{name}"} for name in modules),
            settings={"requests_per_minute": 60_000, **settings},
            registered_at=LONG_AGO,
        )
        return cls(store, store.partners.save(PartnerChange(partner, None, claim_party=True)))

    def clock(self) -> float:
        return time.time() + self.moved

    def now(self) -> str:
        return instant_at(self.clock())

    def monotonic(self) -> float:
        self.ticks += self.each_step
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moved += seconds

    def change(self, **changes: Any) -> None:
        """Change the partner."""
        self.partner = self.store.partners.save(PartnerChange(replace(self.partner, **changes), self.partner.revision))

    def write(self, module: str, identity: str, audience: str = "*", **changes: Any) -> Record:
        """Store one of our own objects."""
        rules = module_rules(module)
        assert rules is not None
        given = fixture(FIXTURES[module], **{"uid" if module == "tokens" else "id": identity, **changes})
        document = rules.check(strict_json.read(json.dumps(given)))
        draft = Draft("2.1.1", strict_json.write(document), document["last_updated"], audience=audience)
        written = update(self.store.objects, Key(Collection("own", module), rules.object_id(document)), lambda _: draft)
        assert written.after is not None
        return written.after

    def deliver(self, record: Record, state: str = "delivered", **changes: Any) -> Delivery:
        """Note what the partner got."""
        key = DeliveryKey(self.partner.id, record.key.collection.module, record.key.id)
        (known,) = self.store.deliveries.get_many([key])
        due = self.now() if state == "pending" else None
        holds = record.write if state == "delivered" else None
        revision = known.revision if known else 0
        given = Delivery(key, DeliveryState(state), self.now(), due=due, holds=holds, revision=revision)
        (written,) = self.store.deliveries.put_many([replace(given, **changes)])
        assert isinstance(written, Delivery)
        return written

    def give(self, module: str, identity: str, **changes: Any) -> Record:
        """Store one of our own objects, which the partner got and holds."""
        record = self.write(module, identity, **changes)
        self.deliver(record)
        self.holdings.objects[module, record.key.id] = json.loads(record.document)
        return record

    def held(self, module: str, identity: str) -> dict[str, Any]:
        """What the partner holds, to be changed."""
        held: dict[str, Any] = self.holdings.objects[module, identity]
        return held

    def lose(self, module: str, *identities: str) -> None:
        """The partner loses objects."""
        for identity in identities:
            del self.holdings.objects[module, identity]

    def delivery(self, module: str, identity: str) -> Delivery | None:
        (found,) = self.store.deliveries.get_many([DeliveryKey(self.partner.id, module, identity)])
        return found

    def upkeep(self, killer: Killer = NOBODY) -> JobUpkeep[Reconciliation]:
        return JobUpkeep(KIND, killer.around(self.store.objects), lambda: killer.around(self.queue), self.now)

    def starting(self, killer: Killer = NOBODY) -> Starting:
        return Starting(killer.around(self.store.objects), self.upkeep(killer), self.now)

    def reconciling(self, killer: Killer = NOBODY) -> Reconciling:
        objects, holdings = killer.around(self.store.objects), killer.around(self.holdings)

        def look_up_from(_: Partner, before_each: Callable[[], None]) -> LookUp:
            self.holdings.before_each = before_each
            look_up: LookUp = holdings.__getattr__("__call__")
            return look_up

        working = Working(KIND, objects, killer.around(self.queue), self.now, self.monotonic, self.sleep)
        return Reconciling(self.watched(killer), killer.around(self.deliveries), working, look_up_from, self.clock)

    def watched(self, killer: Killer) -> Any:
        class Watched:
            objects = killer.around(self.store.objects)
            partners = killer.around(self.store.partners)
            deliveries = killer.around(self.store.deliveries)
            channels = killer.around(self.store.channels)

        return Watched()

    def start(self, *modules: str, repair: bool = False) -> Reconciliation:
        return self.starting().by_hand(self.partner, modules or self.modules, repair=repair)

    @property
    def modules(self) -> list[str]:
        return [endpoint["identifier"] for endpoint in self.partner.endpoints]

    def reconcile(self, *modules: str, repair: bool = False) -> Reconciliation:
        """Start a reconciliation and see it through."""
        return self.through(self.start(*modules, repair=repair).id)

    def through(self, job_id: str, seconds: float = 60) -> Reconciliation:
        """See a reconciliation through, message after message; the clock moves by what each is delayed."""
        for _ in range(1000):
            self.queue.sent.clear()
            self.reconciling().work(job_id, seconds)
            if self.known(job_id).state != "running":
                break
            self.moved += self.queue.sent[-1][1]
        return self.known(job_id)

    def known(self, job_id: str) -> Reconciliation:
        found = KIND.load(self.store.objects, job_id)
        assert found is not None
        return found[0]

    def look_at_what_is_due(self) -> None:
        """What upkeep does about reconciliations."""
        for record in self.store.objects.due(self.now()[:19] + "Z", 100):
            if record.key.collection == RECONCILIATIONS:
                self.upkeep().look_at(record)


def counts(module: ModuleComparison) -> dict[str, int]:
    """The counts of a module that are not 0, without the sum."""
    names = ("same", "missing", "different", "unreadable", "not_expected", "pending", "repaired")
    return {name: getattr(module, name) for name in names if getattr(module, name)}


def problems(job: Reconciliation) -> list[tuple[str, str, str, bool]]:
    """Module, id, problem and whether it was repaired, of each difference."""
    return [(each.module, each.object_id, each.problem, each.repaired) for each in job.differences]
