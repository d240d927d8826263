"""A deployment over SQLite with its queue in memory, and the partners that it pushes to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ocpi import strict_json
from ocpi.delivery.drain import Parts, drain
from ocpi.delivery.fan_out import FanOut
from ocpi.delivery.upkeep import DeliveryUpkeep
from ocpi.delivery.wake_ups import WakeUp, wake
from ocpi.objects.own import OwnWrites, own_key
from ocpi.objects.received import delete_exact
from ocpi.store.deliveries import DeliveryKey, DeliveryState
from ocpi.store.port import Collection, Key, Partner, PartnerChange, PartnerStatus
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from tests.support.party import fixture
from tests.unit.commands.fakes import FakeQueue
from tests.unit.commands.world import OpenVault
from tests.unit.delivery.played import HOST, Played

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.deliveries import Delivery
    from ocpi.store.port import Record
    from ocpi.store.sqlite import SQLiteStore
    from tests.unit.delivery.ticking import Clock

RUN_SECONDS = 120.0
MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens")
NAMES = {"locations": "location_max", "sessions": "session_max", "cdrs": "cdr_max", "tariffs": "tariff_max"}
PARTY = ("NL", "EXA")


@dataclass
class World:
    """``around`` is put around every part of the system that a worker uses, so that it may die at any call."""

    store: SQLiteStore
    clock: Clock
    queue: FakeQueue = field(init=False)
    partner: Partner = field(init=False)
    client: Played = field(init=False)
    clients: dict[str, Played] = field(default_factory=dict)
    around: Callable[[Any], Any] = lambda part: part

    def __post_init__(self) -> None:
        self.queue = FakeQueue(cast("Any", self.clock))
        self.partner = self.register("EMSP", "EMS")
        self.client = self.clients[self.partner.id]

    def register(self, role: str, party_id: str, *, modules: tuple[str, ...] = MODULES, **changes: Any) -> Partner:
        partner = Partner(
            f"partner-{party_id.lower()}",
            cast("Any", role),
            party_id,
            PartnerStatus.REGISTERED,
            "2026-01-01T00:00:00Z",
            version="2.1.1",
            country_code="DE",
            party_id=party_id,
            versions_url=f"{HOST}/versions",
            endpoints=endpoints(*modules),
            token=f"sealed-token-of-{party_id.lower()}",
            registered_at="2026-02-01T00:00:00Z",
            settings={"requests_per_minute": 60_000},
        )
        saved = self.store.partners.save(PartnerChange(replace(partner, **changes), expected=None))
        self.clients[saved.id] = Played(self.clock)
        return saved

    def change_partner(self, **changes: Any) -> Partner:
        now = self.now(self.partner)
        self.partner = self.store.partners.save(PartnerChange(replace(now, **changes), expected=now.revision))
        return self.partner

    def set(self, **settings: Any) -> None:
        self.change_partner(settings={**self.partner.settings, **settings})

    def now(self, partner: Partner) -> Partner:
        found = self.store.partners.get(partner.id)
        assert found is not None
        return found

    def messages_from_now_on(self) -> list[str]:
        """What is sent to the queue from now on, whether it is still there or not."""
        sent: list[str] = []
        send = self.queue.send

        def send_and_note(body: str, *, delay_seconds: int = 0) -> None:
            sent.append(body)
            send(body, delay_seconds=delay_seconds)

        self.queue.send = send_and_note  # type: ignore[method-assign] # what is watched
        return sent

    # The operator

    def put(self, module: str, *, audience: str | None = None, stream: bool = True, **changes: Any) -> Record:
        """Write an own object; the stream tells of it."""
        rules = module_rules(module)
        assert rules is not None
        value = fixture(NAMES.get(module, "token_max"), **{"last_updated": ..., **changes})
        body = rules.check_own(strict_json.read(json.dumps(value)))
        if module in ("sessions", "cdrs"):
            audience = audience or "DE-EMS"
        writes = OwnWrites(rules, self.store.objects, 30, audience=audience)
        key = own_key(rules, rules.object_id(body))
        outcome = update(self.store.objects, key, writes.put(key, body))
        if stream and outcome.changed:
            self.stream(key)
        assert outcome.after is not None
        return outcome.after

    def set_status(self, status: str, *, location_id: str = "L-1", stream: bool = True) -> Record:
        rules = module_rules("locations")
        assert rules is not None
        key = own_key(rules, location_id)
        writes = OwnWrites(rules, self.store.objects, 30)
        patch = {"evses": [{"uid": "E-100", "status": status}]}
        outcome = update(self.store.objects, key, writes.change(key, lambda stored: rules.merged(stored, patch)))
        if stream and outcome.changed:
            self.stream(key)
        assert outcome.after is not None
        return outcome.after

    def delete(self, module: str, object_id: str) -> None:
        key = Key(Collection("own", module), object_id)
        assert delete_exact(self.store.objects, key) is not None
        self.stream(key)

    # The workers

    def stream(self, *keys: Key) -> None:
        """What functions/push does; dies and is repeated until it does not."""
        store = self.watched_store()
        for partner_id, noted in FanOut(store, self.clock).mark(keys).items():
            wake(store.channels, self.around(self.queue), partner_id, self.clock, noted)

    def work(self, why: str | None = None, partner: Partner | None = None) -> None:
        """One message: the next in the queue, or one of our own."""
        to = (partner or self.partner).id
        wake_up = WakeUp(to, cast("Any", why or "change"))
        drain(self.parts(to), wake_up, self.clock.now + RUN_SECONDS)

    def watched_store(self) -> Any:
        """The store, every part of it with ``around`` around it."""
        names = ("objects", "partners", "deliveries", "channels")
        return SimpleNamespace(**{name: self.around(getattr(self.store, name)) for name in names})

    def parts(self, partner_id: str) -> Parts:
        return Parts(
            self.watched_store(),
            self.around(self.queue),
            cast("Any", self.around(OpenVault())),
            cast("Any", Watching(self.around(self.clients[partner_id]), self.clients[partner_id])),
            PARTY,
            self.clock,
            self.clock.sleep,
        )

    def run(self, seconds: float = 0.0) -> None:
        """Let so much time pass; messages are worked on when they are visible, upkeep runs every minute."""
        end = self.clock.now + seconds
        upkeep_at = self.clock.now + 60.0
        while True:
            while (message := self.queue.receive()) is not None:
                wake_up = WakeUp.read(message.body)
                drain(self.parts(wake_up.partner_id), wake_up, self.clock.now + RUN_SECONDS)
                self.queue.messages.remove(message)
            coming = [message.visible_at for message in self.queue.messages]
            self.clock.now = max(self.clock.now, min([*coming, upkeep_at, end]))
            if self.clock.now >= end and not any(
                message.visible_at <= self.clock.now for message in self.queue.messages
            ):
                return
            if self.clock.now >= upkeep_at:
                upkeep_at = self.clock.now + 60.0
                self.keep_up()

    def keep_up(self) -> None:
        DeliveryUpkeep(self.store, self.queue, self.clock).wake()

    # What is seen

    def delivery(self, module: str, object_id: str, partner: Partner | None = None) -> Delivery | None:
        return self.store.deliveries.get_many([DeliveryKey((partner or self.partner).id, module, object_id)])[0]

    def state(self, module: str, object_id: str) -> DeliveryState | None:
        found = self.delivery(module, object_id)
        return found.state if found else None

    @property
    def requests(self) -> list[str]:
        return self.client.requests


class Watching:
    """A client whose calls are steps, but for what is no call."""

    def __init__(self, watched: Any, played: Played) -> None:
        self._watched, self._played = watched, played

    def keeping_connections(self) -> Any:
        return _Kept(self)

    def may_call(self, url: str) -> bool:
        return self._played.may_call(url)

    def request(self, *args: Any, **kwargs: Any) -> Any:
        return self._watched.request(*args, **kwargs)


class _Kept:
    def __init__(self, client: Watching) -> None:
        self._client = client

    def __enter__(self) -> Watching:
        return self._client

    def __exit__(self, *_: object) -> None:
        return None


def endpoints(*modules: str, host: str = HOST) -> tuple[dict[str, str], ...]:
    return tuple({"identifier": module, "url": f"{host}/2.1.1/{module}"} for module in modules)
