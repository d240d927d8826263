"""Two connected deployments with something of everything in them, one of whose invocations dies somewhere."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.event import Request
from tests.support.party import fixture
from tests.support.twins.world import Twins

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.twins.deployment import Deployment

FILES = ("ocpi.db", "queues.db")
LONGEST_HOURS = 6.0
PARTNER = ("name", "role", "status", "country_code", "party_id", "endpoints", "settings")
COMMAND = ("type", "direction", "state", "response", "result", "request")
"""What must come out the same."""
_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"  # times
    r"|\b[0-9a-f]{32,64}\b|[0-9a-f]{8}-[0-9a-f-]{27}"  # hashes and random ids
    r"|\b(cmd|partner|sync|job)[-_][A-Za-z0-9_-]{8,}"
)


@dataclass(frozen=True)
class Told:
    """An answer: HTTP status, OCPI status code where there is one, and what it holds."""

    status: int
    code: int | None
    body: Any

    @property
    def good(self) -> bool:
        return self.status < 400 and self.code in (None, 1000)


class House:
    """To be closed. :meth:`begin` puts everything back."""

    def __init__(self, folder: Path) -> None:
        self.twins = Twins(folder)
        self.twins.begin(0)
        # A crash of ours is what a partner sees as 5xx; the twins know none.
        self.twins.network.watch = lambda *_: None
        self.killing = self.twins.killing
        self._told: list[tuple[Any, str, Any]] = []
        self._files = [
            sqlite3.connect(folder / name / file, isolation_level=None) for name in self.twins.both for file in FILES
        ]
        self._kept = [sqlite3.connect(":memory:") for _ in self._files]
        self._fill()
        for file, kept in zip(self._files, self._kept, strict=True):
            file.backup(kept)
        self._at = self.twins.clock.now

    def close(self) -> None:
        for connection in (*self._files, *self._kept):
            connection.close()
        self.twins.close()

    def begin(self) -> None:
        """As it was in the beginning."""
        while self._told:
            object.__setattr__(*self._told.pop())
        self.twins.network.down = set()
        for each in self.twins.both.values():
            each.put_back()
        for file, kept in zip(self._files, self._kept, strict=True):
            kept.backup(file)
        self.twins.clock.now = self._at

    def deployment(self, name: str) -> Deployment:
        return self.twins.both[name]

    # Calls

    def operate(self, name: str, method: str, path: str, body: Any = None) -> Told:
        """A call of a deployment's operator."""
        return self._call(name, method, path, body, f"Bearer {self.deployment(name).system.operator_key}")

    def partner_calls(self, name: str, method: str, path: str, body: Any = None, token: str | None = None) -> Told:
        """A call to a deployment by the other one, with its token or another, but not through its outbound client."""
        return self._call(name, method, path, body, f"Token {token or self.tokens[name]}")

    def partner_opens(self, name: str, token: str) -> bool:
        """Whether a token of the other one's opens this deployment."""
        return self.partner_calls(name, "GET", f"/ocpi/{name}/2.1.1/credentials", None, token).good

    def _call(self, name: str, method: str, path: str, body: Any, authorization: str) -> Told:
        deployment = self.deployment(name)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = (("Host", deployment.host), ("Authorization", authorization), ("Content-Type", kind))
        payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        answer = deployment.system.request(Request(method, path, query, headers, payload, "192.0.2.1", 443))
        try:
            told = json.loads(answer.body) if answer.body else None
        except ValueError:
            told = answer.body.decode()
        return Told(answer.status, told.get("status_code") if isinstance(told, dict) else None, told)

    def partner_id(self, name: str) -> str:
        """Of the other one, as this one knew it in the beginning."""
        return self._partner_ids[name]

    # Time

    def quiet(self) -> None:
        """Until nothing is left to be done."""
        end = self.twins.clock.now + LONGEST_HOURS * 3600
        self.wait(1)
        while left := self._unfinished():
            assert self.twins.clock.now < end, f"not done after {LONGEST_HOURS} hours: {left}"
            self.wait(120)

    def wait(self, seconds: float) -> None:
        """Time passes; an invocation may die in it."""
        self.twins.wait(seconds)

    def _unfinished(self) -> list[str]:
        left = [each for one in self.twins.both.values() for each in one.unfinished()]
        for file in self._files[::2]:
            left += [f"{collection} {identity}" for collection, identity in file.execute(_JOBS)]
        return left

    # What goes wrong, and what is told to a deployment

    def lose_messages(self, name: str, queue: str) -> None:
        """All that wait in a queue."""
        with sqlite3.connect(self.deployment(name).system.data / "queues.db") as file:
            assert file.execute("DELETE FROM messages WHERE queue = ?", (queue,)).rowcount

    def tell(self, name: str, **settings: Any) -> None:
        """Other settings than it was made with, until the next beginning."""
        with self.deployment(name).system.at_work():
            told = self.deployment(name).system.module("ocpi.settings").settings()
            self.deployment(name).system.module("ocpi.deployment").authorization_hook.cache_clear()
        for setting, value in settings.items():
            self._told.append((told, setting, getattr(told, setting)))
            object.__setattr__(told, setting, value)

    # What is there

    def fingerprint(self) -> dict[str, list[str]]:
        """What both hold, without what no two runs share: times, random names, and how often something was tried. By
        deployment and collection or table.
        """
        found: dict[str, list[str]] = {}
        for name, file in zip(self.twins.both, self._files[::2], strict=True):
            for collection, identity, document, audience, waits in file.execute(_OBJECTS):
                seen = steady(f"{identity} for {audience} waits {waits}: {_telling(collection, document)}")
                found.setdefault(f"{name} {collection}", []).append(seen)
            for module, identity, state in file.execute("SELECT module, object_id, state FROM deliveries"):
                found.setdefault(f"{name} deliveries", []).append(f"{module} {identity} {state}")
            for (document,) in file.execute("SELECT document FROM partners"):
                if (partner := json.loads(document))["status"] not in ("REGISTERING", "UNREGISTERED"):
                    kept = {each: partner.get(each) for each in PARTNER}
                    found.setdefault(f"{name} partners", []).append(json.dumps(kept, sort_keys=True))
            found[f"{name} dead letters"] = self.deployment(name).dead_letters()
            found[f"{name} is let in"] = [str(self._is_let_in(name))]
        return {key: sorted(value) for key, value in found.items() if value}

    def _is_let_in(self, name: str) -> bool | None:
        """Whether the token that it has opens the other one; ``None``: it has none."""
        other = "emsp" if name == "cpo" else "cpo"
        token = self.token_of(name)
        return None if token is None else self.partner_opens(other, token)

    def _fill(self) -> None:
        assert self.twins.register("cpo")
        for name, module, value in (
            ("cpo", "tariffs", TARIFF),
            ("cpo", "locations", LOCATION),
            ("emsp", "tokens", TOKEN),
            ("cpo", "sessions", {**SESSION, "status": "ACTIVE"}),
            ("cpo", "sessions", {**SESSION, "id": "S-WAITS", "auth_id": WAITED_FOR}),
            ("cpo", "cdrs", CDR),
            ("cpo", "cdrs", {**CDR, "id": "C-WAITS", "auth_id": WAITED_FOR}),
        ):
            put = self.operate(name, "PUT", f"/operator/2.1.1/{module}/{value.get('id') or value['uid']}", value)
            assert put.good, put
            self.wait(2)
        self.tokens = {"cpo": str(self.token_of("emsp")), "emsp": str(self.token_of("cpo"))}
        known = {name: self.deployment(name).partner() for name in self.twins.both}
        self._partner_ids = {name: str(partner["id"]) for name, partner in known.items() if partner is not None}
        self.quiet()

    def token_of(self, name: str) -> str | None:
        """What a deployment uses on the other one."""
        system = self.deployment(name).system
        with system.at_work():
            deployment = system.module("ocpi.deployment")
            partners = [each for each in deployment.store().partners.list() if each.token is not None]
            return deployment.vault().open(partners[-1].token, about=partners[-1].id) if partners else None


_JOBS = (
    "SELECT collection, id FROM objects WHERE collection IN ('jobs/syncs', 'jobs/reconciliations')"
    " AND json_extract(document, '$.state') = 'running'"
)


def bare(value: Any) -> Any:
    """Without ``last_updated``, which is set for the operator."""
    if isinstance(value, dict):
        return {name: bare(member) for name, member in value.items() if name != "last_updated"}
    return [bare(member) for member in value] if isinstance(value, list) else value


CARD, CONTRACT, WAITED_FOR = "U-1", "CONTRACT-1", "CONTRACT-2"
LOCATION, TARIFF = bare(fixture("location_max")), bare(fixture("tariff_max"))
TOKEN = bare(fixture("token_max", uid=CARD, auth_id=CONTRACT))
SESSION = bare(fixture("session_max", auth_id=CONTRACT, end_datetime=...))
CDR = bare(fixture("cdr_max", auth_id=CONTRACT))

_OBJECTS = (
    "SELECT collection, id, document, audience, due IS NOT NULL FROM objects"
    " WHERE collection NOT LIKE 'jobs/%' ORDER BY collection, id"
)


def steady(text: str) -> str:
    """Without what no two runs share."""
    return _CHANGING.sub("~", text)


def _telling(collection: str, document: str) -> str:
    """Of a command how it ended, of a reservation that there is one: how many wishes it took is the callers' affair."""
    if collection == "own/reservations":
        return ""
    if collection.startswith("own/commands-"):
        command = json.loads(document)
        return json.dumps({each: command.get(each) for each in COMMAND}, sort_keys=True)
    return document
