"""A deployment over SQLite with queues in memory: its partners, its charge point system, its worker and its upkeep."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ocpi.commands.answers import Answers, delivery_message
from ocpi.commands.changes import load_command
from ocpi.commands.delivering import Delivering
from ocpi.commands.receiving import Receiving
from ocpi.commands.sending import Sending
from ocpi.commands.upkeep import CommandUpkeep
from ocpi.store.port import Partner, PartnerChange, PartnerStatus
from tests.support.party import fixture
from tests.unit.commands.fakes import FakeClient, FakeQueue

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

    from ocpi.commands.command import Command
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.sqlite import SQLiteStore
    from ocpi.vault.port import Vault
    from tests.unit.commands.clock import Clock

WORKER = Path(__file__).resolve().parents[3] / "functions" / "command_results" / "app.py"
SECONDS = 30
"""A charge point has so long."""
UPKEEP_SECONDS = 300
RESPONSE_URL = "https://emsp.example/odd//path;x=1/%2F?q=a%20b&q=c"


class OpenVault:
    """A vault whose secrets are the words after ``sealed-``."""

    def seal(self, plain: str, *, about: str) -> str:
        return f"sealed-{plain}"

    def open(self, sealed: str, *, about: str) -> str:
        return sealed.removeprefix("sealed-")


def worker_module() -> ModuleType:
    """A copy of the worker on CommandResults, to be given parts of its own."""
    specification = importlib.util.spec_from_file_location("commands_worker_of_tests", WORKER)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@dataclass
class World:
    store: SQLiteStore
    clock: Clock
    worker: ModuleType
    client: FakeClient = field(init=False)
    requests: FakeQueue = field(init=False)
    results: FakeQueue = field(init=False)
    dead: FakeQueue = field(init=False)
    _next_upkeep: float = field(init=False)

    def __post_init__(self) -> None:
        self.client = FakeClient(self.clock)
        self.requests, self.results, self.dead = (FakeQueue(self.clock) for _ in range(3))
        self._next_upkeep = self.clock.now + UPKEEP_SECONDS

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the worker work here."""
        self.clock.install(monkeypatch)
        parts = {
            "store": self.store,
            "vault": OpenVault(),
            "partner_client": self.client,
            "command_results": self.results,
            "command_results_dead": self.dead,
        }
        for name, part in parts.items():
            monkeypatch.setattr(self.worker, name, lambda part=part: part)

    @property
    def objects(self) -> Any:
        return self.store.objects

    def partner(self, role: str, party_id: str, **changes: Any) -> Partner:
        """A registered partner."""
        host = "emsp.example" if role == "EMSP" else "cpo.example"
        partner = Partner(
            f"partner-{party_id.lower()}",
            cast("Any", role),
            party_id,
            PartnerStatus.REGISTERED,
            "2026-01-01T00:00:00Z",
            version="2.1.1",
            country_code="DE",
            party_id=party_id,
            versions_url=f"https://{host}/versions",
            endpoints=({"identifier": "commands", "url": f"https://{host}/2.1.1/commands"},),
            token=f"sealed-token-of-{party_id.lower()}",
            settings={"token_encoding": "plain"},
        )
        return self.store.partners.save(PartnerChange(replace(partner, **changes), expected=None))

    def change_partner(self, partner: Partner, **changes: Any) -> None:
        now = self.store.partners.get(partner.id)
        assert now is not None
        self.store.partners.save(PartnerChange(replace(now, **changes), expected=now.revision))

    def receiving(self, *, objects: Any = None, requests: Any = None, results: Any = None) -> Receiving:
        return Receiving(objects or self.objects, requests or self.requests, results or self.results, SECONDS, "2.1.1")

    def received(self, partner: Partner, command_type: str = "START_SESSION", **changes: Any) -> Command:
        """A command that a partner sent."""
        return self.receiving().take(partner, command_type, request(command_type, **changes))

    def answered(self, partner: Partner, result: str = "ACCEPTED") -> Command:
        """A command that the charge point has answered through the operator API."""
        command = self.received(partner)
        self.answer(command, result)
        return self.now(command)

    def answer(self, command: Command, result: str) -> None:
        """The charge point answers, as the operator API takes it."""
        taken = Answers(self.objects).take(command.id, result)
        if taken.is_due_for_delivery:
            self.results.send(delivery_message(taken))

    def delivering(self, *, objects: Any = None, client: Any = None) -> Delivering:
        return Delivering(
            objects or self.objects,
            self.store.partners,
            cast("Vault", OpenVault()),
            cast("PartnerClient", client or self.client),
        )

    def sending(self, *, objects: Any = None, client: Any = None) -> Sending:
        return Sending(
            objects or self.objects,
            cast("Vault", OpenVault()),
            cast("PartnerClient", client or self.client),
            "2.1.1",
            "https://us.example",
        )

    def now(self, command: Command) -> Command:
        """The command as it is stored."""
        stored = load_command(self.objects, command.key)
        assert stored is not None
        return stored

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """What the partner got: URL and body of every request."""
        return [(request.url, request.body) for request in self.client.sent]

    def keep_up(self) -> None:
        """One run of upkeep."""
        for record in self.objects.due(self.clock.wire(), 100):
            CommandUpkeep(self.objects, self.results).look_at(record)

    def run(self, seconds: float) -> None:
        """Let so much time pass: messages reach the worker when they are visible, upkeep runs every five minutes."""
        end = self.clock.now + seconds
        while True:
            while (message := self.results.receive()) is not None:
                try:
                    self.worker.work_on(message.body, message.receipt)
                except Exception:  # noqa: BLE001, S112 - as Lambda: the message comes again
                    continue
                self.results.messages.remove(message)
            coming = [message.visible_at for message in self.results.messages]
            self.clock.now = min([*coming, self._next_upkeep, end])
            if self.clock.now >= end:
                return
            if self.clock.now >= self._next_upkeep:
                self._next_upkeep += UPKEEP_SECONDS
                self.keep_up()


def request(command_type: str, **changes: Any) -> dict[str, Any]:
    """The body of a command; ``...`` as a value takes a field out."""
    return fixture(f"cmd_{command_type.lower()}", **{"response_url": RESPONSE_URL, **changes})
