"""A whole deployment in one process and one thread of time, with faults at every call: its store, its queue, everything
that works on deliveries, and its partners. Equal seeds give equal runs.
"""

from __future__ import annotations

import math
import random as chance
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from ocpi import strict_json
from ocpi.delivery.drain import Parts, drain
from ocpi.delivery.fan_out import FanOut
from ocpi.delivery.partner_changes import settings_changed
from ocpi.delivery.recipients import MODULES, is_for
from ocpi.delivery.retry import Retry
from ocpi.delivery.stream import own_keys
from ocpi.delivery.sweeping import sweep
from ocpi.delivery.upkeep import DeliveryUpkeep
from ocpi.delivery.wake_ups import WakeUp, wake
from ocpi.objects.waiting import Waiting
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Collection, Conflict, Key, PageQuery, Partner, PartnerChange, PartnerStatus
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.pushes import same
from tests.support.convergence.changes import PENDING_MINUTES, Changes
from tests.support.convergence.faults import Down, Faulty, FaultyQueue, Weather
from tests.support.convergence.receiver import Habits, Receiver
from tests.support.convergence.turns import Killed, Lock, Pool, Process, Turns
from tests.unit.commands.world import OpenVault
from tests.unit.delivery.ticking import Clock

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    import pytest

    from ocpi.store.sqlite import SQLiteStore
    from tests.support.convergence.faults import Message

PARTY = ("NL", "EXA")
RUN_SECONDS = 115.0
DELIVERERS = 10
LONGEST_BETWEEN_CHANGES = 1.0
HOUR = 3600.0
STREAM_TRIES = 10
SHARDS = 3

HABITS = {
    "EMSP": (
        Habits(),
        Habits(base64=True, merges_deeply=True, envelopes=False),
        Habits(slash=True, gives_location=False),
        Habits(patches=False),
    ),
    "CPO": (Habits(), Habits(base64=True, slash=True)),
}


@dataclass
class Report:
    """What came of a run. ``wrong`` is what must never be."""

    wrong: list[str]
    faults: Counter[str]
    changes: int
    requests: int
    deliveries: int
    simulated_seconds: float
    cdrs: int


@dataclass
class Machine:
    """``refuses``: how likely a partner refuses a request for no good reason; what it refused is sent again when the
    operator asks for it at the end. Without ``repairs`` nothing is ever compared, neither regularly nor because
    something about a partner changed, and no batch of the stream is given up: what is marked and sent must do alone.
    """

    seed: int
    store: SQLiteStore
    refuses: float = 0.0
    repairs: bool = True
    random: Random = field(init=False)
    clock: SimulatedClock = field(init=False)
    partners: dict[str, Receiver] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        chance.seed(self.seed)
        self.clock = SimulatedClock()
        self.turns = Turns(self.random, self.clock)
        self.clock.turns = self.turns
        self.weather = Weather(self.random)
        self._shards: list[list[Any]] = [[] for _ in range(SHARDS)]
        self.queue = FaultyQueue(self.weather, self.turns, self.clock)
        names = ("objects", "partners", "deliveries", "channels")
        self.faulty: Any = SimpleNamespace(
            **{name: Faulty(getattr(self.store, name), name, self.weather, self.turns) for name in names}
        )
        for role, habits in HABITS.items():
            for number, each in enumerate(habits):
                self._register(role, number, each)
        parties = tuple(f"DE-E{number:02}" for number in range(len(HABITS["EMSP"])))
        self.changes = Changes(self.random, self.faulty.objects, parties)

    def run(self, changes: int) -> Report:
        """So many changes with faults, then quiet, then a look at what everybody holds."""
        self.weather.strength = 0.0
        began = self.clock.now
        first = Process("before everything else")
        begun = self.turns.start(first, self.changes.begin)
        self.turns.run(lambda: begun.done)
        processes = [self._change_forever, self._stream_forever, self._upkeep_forever, self._operate_forever]
        shards: list[Callable[[], None]] = [partial(self._shard_forever, number) for number in range(SHARDS)]
        for work in [*processes, *shards, self._deliver_forever, self._weather_forever]:
            self._keep_running(work)
        self.turns.run(lambda: self.changes.made >= changes)
        self._quiet()
        self.turns.end()
        return Report(
            list(self._wrong()),
            self.weather.count,
            self.changes.made,
            sum(partner.requests for partner in self.partners.values()),
            sum(
                self.store.deliveries.page(partner_id, None, 1, counted=True).total or 0 for partner_id in self.partners
            ),
            self.clock.now - began,
            sum(partner.posted.total() for partner in self.partners.values()),
        )

    # What goes on

    def _keep_running(self, work: Callable[[], None]) -> None:
        """A process, and another one in its place when it dies."""

        def run() -> None:
            try:
                work()
            except Killed:
                if not self._ended:
                    self._keep_running(work)
                raise

        self.turns.begin(getattr(work, "__name__", "shard"), run)

    _ended = False
    _calm = False
    _delivering = 0

    def _change_forever(self) -> None:
        while not self._calm:
            self.turns.sleep(self.random.uniform(0, LONGEST_BETWEEN_CHANGES))
            with _passing():
                self.changes.any()

    def _weather_forever(self) -> None:
        while not self._calm:
            self.weather.strength = self.random.choice([0.5, 1.0, 2.0, 8.0])
            self.turns.sleep(self.random.uniform(20, 120))

    def _stream_forever(self) -> None:
        """What is written becomes the stream's, each key in one shard."""
        written = self.store.changes.listener()
        while True:
            written.clear()
            changes = self.store.changes.pending(1_000)
            if not changes:
                self.turns.sleep_until(lambda: 0.0 if written.is_set() else math.inf)
                continue
            for change in changes:
                self._shards[crc32(f"{change.collection}/{change.id}".encode()) % SHARDS].append(change)
            self.store.changes.done(changes[-1].position)

    def _shard_forever(self, number: int) -> None:
        """As functions/push is fed from one shard, in its order and beside the others: in batches that end anywhere;
        what fails comes again, at first halved, at last given up; what went well may come again, wholly or in part.
        """
        shard, most, tries = self._shards[number], 100, 0
        while True:
            if not shard:
                self.turns.sleep_until(lambda: 0.0 if shard else math.inf)
                continue
            changes = shard[: self.random.randint(1, most)]
            keys = [key for each in changes for key in own_keys(_stream_record(each))]
            try:
                for partner_id, noted in FanOut(self.faulty, self.clock).mark(keys).items():
                    wake(self.faulty.channels, cast("Any", self.queue), partner_id, self.clock, noted)
            except (Down, Conflict):
                tries += 1
                if tries < STREAM_TRIES or not self.repairs:
                    most = max(1, len(changes) // 2)
                    self.turns.sleep(0.5)
                    continue
                self.weather.count["stream: given up"] += 1
            done = len(changes)
            if self.weather.strikes("stream: a batch comes twice", 0.05):
                done = self.random.randrange(done)
            del shard[:done]
            most, tries = 100, 0

    def _deliver_forever(self) -> None:
        """As functions/deliver is fed: a process for each message, so many at a time."""
        while True:
            self.turns.sleep_until(lambda: self.queue.visible_at() if self._delivering < DELIVERERS else math.inf)
            message = self.queue.receive()
            if message is not None:
                self.turns.begin("deliver", partial(self._deliver, message))

    def _deliver(self, message: Message) -> None:
        wake_up = WakeUp.read(message.body)
        self._delivering += 1
        try:
            with _passing():
                drain(self._parts(wake_up.partner_id), wake_up, self.clock.now + RUN_SECONDS)
                self.queue.delete(message)
        finally:
            self._delivering -= 1

    def _upkeep_forever(self) -> None:
        next_sweep = self.clock.now + HOUR
        while True:
            self.turns.sleep(60)
            with _passing():
                DeliveryUpkeep(self.faulty, cast("Any", self.queue), self.clock).wake()
            for record in self._due():
                with _passing():
                    Waiting(self.faulty.objects, module_rules, PENDING_MINUTES).look_at(record)
            if self.repairs and self.clock.now >= next_sweep:
                next_sweep = self.clock.now + HOUR
                for partner_id in self.partners:
                    self._sweep(partner_id, full=False)

    def _operate_forever(self) -> None:
        """The operator changes something about a partner; who is answered with an error does it again."""
        settings = [self._pause_push, self._suspend, self._renew, self._set] if self.repairs else []
        while not self._calm:
            self.turns.sleep(self.random.uniform(10, 60))
            partner_id = self.random.choice(list(self.partners))
            done = self.random.choice([self._go_down, self._call, *settings])
            with _passing():
                done(partner_id)
        while not self._everything_on():
            self.turns.sleep(1)

    def _pause_push(self, partner_id: str) -> None:
        module = self.random.choice(MODULES[self._partner(partner_id).role])
        self._save(partner_id, lambda partner: _pushing(partner, module, on=False))
        self.turns.sleep(self.random.uniform(5, 60))
        self._save(partner_id, lambda partner: _pushing(partner, module, on=True))

    def _suspend(self, partner_id: str) -> None:
        self._save(partner_id, lambda partner: replace(partner, status=PartnerStatus.SUSPENDED))
        self.turns.sleep(self.random.uniform(5, 60))
        self._save(partner_id, lambda partner: replace(partner, status=PartnerStatus.REGISTERED))

    def _renew(self, partner_id: str) -> None:
        host = f"https://{partner_id}-{self.random.randint(1, 99)}.example"
        slash = "/" if self.random.random() < 0.3 else ""
        self._save(partner_id, lambda partner: replace(partner, endpoints=_endpoints(host, slash)))

    def _go_down(self, partner_id: str) -> None:
        self.partners[partner_id].dead = True
        self.turns.sleep(self.random.uniform(5, 400))
        self.partners[partner_id].dead = False

    def _call(self, partner_id: str) -> None:
        WakeUp(partner_id, "called").send(cast("Any", self.queue))

    def _set(self, partner_id: str) -> None:
        name = self.random.choice(["patch", "explicit_nulls"])
        value = self.random.random() < 0.5
        self._save(partner_id, lambda partner: replace(partner, settings={**partner.settings, name: value}))

    def _everything_on(self) -> bool:
        """What the operator leaves behind: nobody suspended, nothing switched off."""
        for partner_id, receiver in self.partners.items():
            receiver.dead = False
            self._save(partner_id, _all_on)
        return True

    def _save(self, partner_id: str, change: Callable[[Partner], Partner]) -> None:
        """As ``PATCH /operator/partners/{id}``, again until it is answered well."""
        while True:
            try:
                before = self.faulty.partners.get(partner_id)
                after = change(before)
                if after != before:
                    after = self.faulty.partners.save(PartnerChange(after, expected=before.revision))
            except (Down, Conflict):
                self.turns.sleep(1)
                continue
            if after.status is PartnerStatus.REGISTERED and after != before:
                settings_changed(self.faulty, cast("Any", self.queue), after)
            return

    # Quiet

    def _quiet(self) -> None:
        """No more changes and no more faults. A day passes, in it the hourly comparisons and the weekly one."""
        self._calm, self.weather.strength = True, 0.0
        self._pass(3 * HOUR)
        if self.repairs:
            self.turns.begin("weekly", self._sweep_fully)
        self._pass(2 * HOUR)
        if self.refuses:
            for receiver in self.partners.values():
                receiver.refuses = 0.0
            self.turns.begin("retry", self._retry)
            self._pass(HOUR)
        self._ended = True

    def _sweep_fully(self) -> None:
        for partner_id in self.partners:
            self._sweep(partner_id, full=True)

    def _retry(self) -> None:
        for partner_id in self.partners:
            Retry(self.faulty, cast("Any", self.queue), self.clock).everything_missed(
                self._partner(partner_id), everything=False
            )

    def _pass(self, seconds: float) -> None:
        end = self.clock.now + seconds
        self.turns.run(lambda: self.clock.now >= end)

    def _sweep(self, partner_id: str, *, full: bool) -> None:
        with _passing():
            sweep(self.faulty, cast("Any", self.queue), self._partner(partner_id), self.clock, full=full)

    def _due(self) -> list[Any]:
        try:
            found: list[Any] = self.faulty.objects.due(self.clock.wire(), 100)
        except Down:
            return []
        return found

    # What is seen in the end

    def _wrong(self) -> Iterator[str]:
        for partner_id, receiver in self.partners.items():
            partner = self._partner(partner_id)
            yield from (f"{partner_id}: {each}" for each in receiver.violations)
            yield from (f"{partner_id}: {cdr} came {n} times" for cdr, n in receiver.posted.items() if n > 1)
            for module in MODULES[partner.role]:
                yield from self._wrong_of(partner, module, receiver)
            yield from self._unfinished(partner)

    def _wrong_of(self, partner: Partner, module: str, receiver: Receiver) -> Iterator[str]:
        held = {key[1]: value for key, value in receiver.objects.items() if key[0] == module}
        for record in self._own(module):
            if not is_for(partner, record):
                continue
            found = held.pop(record.key.id, None)
            if found is None:
                yield f"{partner.id}: {module} {record.key.id} is not there"
                continue
            for pointer in same(module, strict_json.read(record.document), found):
                yield f"{partner.id}: {module} {record.key.id} differs at {pointer}"
        yield from (f"{partner.id}: {module} {object_id} is too much" for object_id in held)

    def _unfinished(self, partner: Partner) -> Iterator[str]:
        for state in (DeliveryState.PENDING, DeliveryState.FAILED):
            for each in self.store.deliveries.page(partner.id, state, 1000).deliveries:
                yield f"{partner.id}: {each.key.module} {each.key.object_id} is {state}, due {each.due}: {each.message}"
        channel, now = self.store.channels.get(partner.id), self.clock.instant()
        for name in ("leased_until", "paused_until", "asked_until"):
            if (getattr(channel, name) or "") > now:
                yield f"{partner.id}: {name} {getattr(channel, name)}"
        for name in ("failures", "behind_since", "catch_up"):
            if getattr(channel, name):
                yield f"{partner.id}: {name} {getattr(channel, name)}"
        if partner.behind_since:
            yield f"{partner.id}: behind since {partner.behind_since}"

    def _own(self, module: str) -> list[Any]:
        collection = Collection("own", module)
        documents = self.store.objects.page(PageQuery(collection, limit=100_000, max_bytes=10**9)).documents
        rules = module_rules(module)
        assert rules is not None
        keys = [Key(collection, rules.object_id(strict_json.read(document))) for document in documents]
        return self.store.objects.get_many(keys)

    # Its parts

    def _parts(self, partner_id: str) -> Parts:
        return Parts(
            self.faulty,
            cast("Any", self.queue),
            cast("Any", Faulty(OpenVault(), "vault", self.weather, self.turns)),
            cast("Any", self.partners[partner_id]),
            PARTY,
            self.clock,
            self.clock.sleep,
        )

    def _partner(self, partner_id: str) -> Partner:
        found = self.store.partners.get(partner_id)
        assert found is not None
        return found

    def _register(self, role: str, number: int, habits: Habits) -> None:
        party_id = f"{role[0]}{number:02}"
        partner = Partner(
            f"partner-{party_id.lower()}",
            cast("Any", role),
            party_id,
            PartnerStatus.REGISTERED,
            "2026-01-01T00:00:00Z",
            version="2.1.1",
            country_code="DE",
            party_id=party_id,
            endpoints=_endpoints(f"https://{party_id.lower()}.example", ""),
            token=f"sealed-{party_id.lower()}",
            registered_at="2026-02-01T00:00:00Z",
            settings={"requests_per_minute": 60_000},
        )
        saved = self.store.partners.save(PartnerChange(partner, expected=None))
        self.partners[saved.id] = Receiver(
            party_id.lower(), PARTY, habits, self.weather, self.turns, self.clock, self.refuses
        )

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have everything follow the machine's clock and its turns."""
        self.clock.install(monkeypatch)
        monkeypatch.setattr("ocpi.objects.waiting.now_wire", self.clock.wire)
        monkeypatch.setattr("ocpi.delivery.drain.ThreadPoolExecutor", lambda *_args, **_options: Pool(self.turns))
        # The only lock that is held while the store is written to.
        monkeypatch.setattr("ocpi.delivery.pacing.threading", SimpleNamespace(Lock=lambda: Lock(self.turns)))
        sleeping = SimpleNamespace(sleep=self.clock.sleep)
        for module in ("ocpi.delivery.channel", "ocpi.store.update"):
            monkeypatch.setattr(f"{module}.time", sleeping)


class SimulatedClock(Clock):
    """Who sleeps lets others go on."""

    turns: Turns

    def sleep(self, seconds: float) -> None:
        self.turns.sleep(seconds)


@contextmanager
def _passing() -> Iterator[None]:
    """A process that failed goes on with the next thing."""
    with suppress(Down, Conflict):
        yield


def _stream_record(change: Any) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"pk": {"S": f"OBJECT#{change.collection}#{change.id.lower()}"}}}}


def _endpoints(host: str, slash: str) -> tuple[dict[str, str], ...]:
    modules = sorted({module for modules in MODULES.values() for module in modules})
    return tuple({"identifier": module, "url": f"{host}/2.1.1/{module}{slash}"} for module in modules)


def _pushing(partner: Partner, module: str, *, on: bool) -> Partner:
    push = {**partner.settings.get("push", {}), module: on}
    return replace(partner, settings={**partner.settings, "push": push})


def _all_on(partner: Partner) -> Partner:
    settings = {name: value for name, value in partner.settings.items() if name != "push"}
    return replace(partner, status=PartnerStatus.REGISTERED, settings=settings)
