"""A deployment over SQLite, a partner in this process that serves lists, and a clock that a test moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ocpi import strict_json
from ocpi.objects.received import received_collection, taking
from ocpi.objects.waiting import Waiting
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.pull.running import Pulling
from ocpi.pull.starting import Starting
from ocpi.pull.sync import load_sync
from ocpi.pull.upkeep import Errand, PullUpkeep
from ocpi.store.port import Key, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.taking_rules import require_rules
from tests.support.party import fixture
from tests.unit.registration.killer import Killer

if TYPE_CHECKING:
    from pathlib import Path

    from ocpi.pull.sync import ModulePull, Sync

URL = "https://partner.example/ocpi"
FIXTURES = ("location_max", "tariff_free", "session_min", "cdr_max", "token_max")
NOBODY = Killer(0, "before")
Respond = Callable[[str, dict[str, str]], Answer | Exception | None]


def answer(data: Any = ..., status: int = 200, status_code: int = 1000, **headers: Any) -> Answer:
    """An answer with an envelope; header names have ``_`` for ``-``, values are text."""
    envelope = {"status_code": status_code, "timestamp": "2026-01-01T00:00:00Z"}
    body = envelope if data is ... else {**envelope, "data": data}
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(status, Headers(fields), json.dumps(body).encode())


def listed(module: str, identity: str, **changes: Any) -> dict[str, Any]:
    """An object of a module with another id."""
    name = dict(
        zip(("locations", "tariffs", "sessions", "cdrs", "tokens"), FIXTURES, strict=True),
    )
    return fixture(name[module], **{"uid" if module == "tokens" else "id": identity, **changes})


def tariffs(*ids: str) -> list[dict[str, Any]]:
    """Tariffs of these ids."""
    return [listed("tariffs", identity) for identity in ids]


@dataclass
class Lists:
    """A partner that pages its lists by ``offset`` and ``limit``. ``respond``, if set, answers first."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    most: int = 1000
    links: bool = True
    totals: bool = True
    respond: Respond = lambda _module, _query: None
    asked: list[str] = field(default_factory=list)
    before_each: Callable[[], None] = lambda: None

    def __call__(self, url: str) -> Answer:
        """As a fetch."""
        self.before_each()
        self.asked.append(url)
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        module = parts.path.rpartition("/")[2]
        special = self.respond(module, query)
        if isinstance(special, Exception):
            raise special
        return special if special is not None else self.page(module, query)

    def page(self, module: str, query: dict[str, str]) -> Answer:
        """A page by the book."""
        objects = self.lists.get(module, [])
        if "date_from" in query:
            since = query["date_from"]
            objects = [each for each in objects if not isinstance(each, dict) or each["last_updated"] >= since]
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 100)), self.most)
        following = offset + limit
        rest = f"&date_from={query['date_from']}" if "date_from" in query else ""
        headers: dict[str, Any] = {"X_Limit": str(limit)}
        if self.totals:
            headers["X_Total_Count"] = str(len(objects))
        if self.links and following < len(objects):
            headers["Link"] = f'<{URL}/{module}?offset={following}&limit={limit}{rest}>; rel="next"'
        return answer(objects[offset:following], **headers)

    def queries(self, module: str) -> list[str]:
        """The queries that a list was asked with."""
        return [urlsplit(url).query for url in self.asked if urlsplit(url).path.endswith(f"/{module}")]


@dataclass
class SentMessages:
    """A queue that keeps what was sent."""

    sent: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        if self.broken:
            raise OSError
        self.sent.append((json.loads(body)["sync"], delay_seconds))


@dataclass
class World:
    store: SQLiteStore
    partner: Partner
    lists: Lists = field(default_factory=Lists)
    queue: SentMessages = field(default_factory=SentMessages)
    every: timedelta = timedelta(hours=6)
    moved: timedelta = timedelta()
    slept: list[float] = field(default_factory=list)
    errands: dict[str, Errand] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path, role: Any = "CPO", **settings: Any) -> World:
        store = SQLiteStore(path)
        modules = ("tariffs", "locations", "sessions", "cdrs") if role == "CPO" else ("tokens",)
        partner = Partner(
            "partner-1",
            role,
            "Partner",
            PartnerStatus.REGISTERED,
            "2026-01-01T00:00:00Z",
            version="2.1.1",
            country_code="DE",
            party_id="ABC",
            versions_url=f"{URL}/versions",
            endpoints=tuple({"identifier": module, "url": f"{URL}/{module}"} for module in modules),
            settings={"requests_per_minute": 60_000, **settings},
            registered_at="2026-01-01T00:00:00Z",
        )
        return cls(store, store.partners.save(PartnerChange(partner, None, claim_party=True)))

    def now(self) -> str:
        return f"{datetime.now(UTC) + self.moved:%Y-%m-%dT%H:%M:%S.%fZ}"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if (
            seconds >= 0.5
        ):  # less is the partner's limit on requests: the store's clock, which is the true one, stays near
            self.moved += timedelta(seconds=seconds)

    def change(self, **changes: Any) -> None:
        """Change the partner."""
        changed = replace(self.partner, **changes)
        self.partner = self.store.partners.save(PartnerChange(changed, self.partner.revision))

    def starting(self, killer: Killer = NOBODY) -> Starting:
        return Starting(killer.around(self.store.objects), lambda: killer.around(self.queue), self.every, self.now)

    def upkeep(self, killer: Killer = NOBODY) -> PullUpkeep:
        return PullUpkeep(self.watched(killer), self.starting(killer), self.errands, self.now)

    def pulling(self, killer: Killer = NOBODY) -> Pulling:
        waiting = Waiting(self.store.objects, module_rules, 30)
        lists = killer.around(self.lists)

        def fetch_from(_: Partner, before_each: Callable[[], None]) -> Callable[[str], Answer]:
            self.lists.before_each = before_each
            fetch: Callable[[str], Answer] = lists.__getattr__("__call__")
            return fetch

        return Pulling(
            self.watched(killer),
            killer.around(self.queue),
            fetch_from,
            require_rules,
            waiting.settle,
            self.every,
            self.now,
            lambda: 0.0,
            self.sleep,
        )

    def watched(self, killer: Killer) -> Any:
        class Watched:
            objects = killer.around(self.store.objects)
            partners = killer.around(self.store.partners)
            channels = killer.around(self.store.channels)

        return Watched()

    def start(self, *modules: str, full: bool = False) -> Sync:
        return self.starting().by_hand(self.partner, modules or list(self.modules), full=full)

    @property
    def modules(self) -> list[str]:
        return [endpoint["identifier"] for endpoint in self.partner.endpoints]

    def sync(self, *modules: str, full: bool = False) -> Sync:
        """Start a sync and see it through."""
        return self.through(self.start(*modules, full=full).id)

    def through(self, sync_id: str) -> Sync:
        """See a sync through, message after message."""
        for _ in range(1000):
            sent = len(self.queue.sent)
            self.pulling().work(sync_id, 60)
            if self.known(sync_id).state != "running":
                break
            self.moved += timedelta(seconds=sum(delay for _, delay in self.queue.sent[sent:]))
        return self.known(sync_id)

    def pull(self, module: str, *, full: bool = False) -> ModulePull:
        """How a sync of one module ends."""
        return self.sync(module, full=full).modules[module]

    def known(self, sync_id: str) -> Sync:
        found = load_sync(self.store.objects, sync_id)
        assert found is not None
        return found[0]

    def stored(self, module: str, identity: str) -> dict[str, Any] | None:
        """What is stored of the partner's."""
        record = self.store.objects.get(Key(received_collection(self.partner, module), identity))
        return json.loads(record.document) if record else None

    def push(self, module: str, value: dict[str, Any]) -> None:
        """The partner pushes an object."""
        rules = require_rules(module)
        document, _ = rules.check(strict_json.read(json.dumps(value)))
        key = Key(received_collection(self.partner, module), rules.object_id(document))
        update(self.store.objects, key, taking(rules, key, document))


def counts(pull: ModulePull) -> tuple[int, int, int, int]:
    """Received, stored, unchanged and skipped."""
    return pull.received, pull.stored, pull.unchanged, pull.skipped


UNREACHABLE = PartnerUnreachable("timeout", "no complete answer within 30 s")
