"""A CPO and an eMSP, each a whole deployment of ours, and the network between them: what their operators do, and what
must hold while they do it and when it is quiet again.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.support.census.killing import ANY, Killed, Killing
from tests.support.party import fixture
from tests.support.twins.clock import Clock
from tests.support.twins.deployment import Deployment, Object
from tests.support.twins.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.answer import Answer
    from local.event import Request

LOCATIONS, TARIFFS, TOKENS, SESSIONS = ("L-1", "L-2"), ("T-1", "T-2"), ("U-1", "U-2", "U-3"), ("S-1", "S-2", "S-3")
STATUSES = ("AVAILABLE", "CHARGING", "BLOCKED", "OUTOFORDER", "INOPERATIVE")
RESULTS = ("ACCEPTED", "REJECTED", "TIMEOUT", "NOT_SUPPORTED")
QUIET_HOURS = 30.0
MODULES_OF_CPO = ("locations", "tariffs", "sessions", "cdrs")
_POSTED_RESULT = re.compile(r"/ocpi/emsp/2\.1\.1/commands/[A-Z_]+/([^/?]+)$")


class Wrong(AssertionError):
    """Something that must never be."""


class Twins:
    """To be closed. Used one story after the other; :meth:`begin` forgets the last one."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.network = Network(self.clock, Random(0))
        self.cpo, self.emsp = (Deployment(name, folder, self.clock) for name in ("cpo", "emsp"))
        self.both = {each.name: each for each in (self.cpo, self.emsp)}
        for each in self.both.values():
            self.network.connect(each.host, each.system)
        self.network.watch = self._watch
        self.killing = {name: Killing(each.system) for name, each in self.both.items()}

    def close(self) -> None:
        for each in self.both.values():
            each.close()

    def begin(self, seed: int) -> None:
        """Two deployments that have never heard of each other."""
        for each in self.both.values():
            each.put_back()
        self.clock.reset()
        self.network.begin(Random(seed))
        for each in self.both.values():
            each.rough.random, each.rough.strength = self.network.random, 0.0
            self.killing[each.name].plan(None)
        self._seen: dict[tuple[str, str, str], Object] = {}
        self._results: dict[str, set[str]] = {}
        self._sessions_ended: set[str] = set()
        self.commands: list[str] = []

    # The operators

    def register(self, inviting: str) -> bool:
        """One invites the other, which takes it up, as often as it needs in such a network; whether they are
        connected.
        """
        host, guest = self.both[inviting], self.both[self._other(inviting)]
        for each in (host, guest):
            for partner in each.operate("GET", "/partners")[1]["items"]:
                if partner["status"] != "UNREGISTERED":
                    each.operate("DELETE", f"/partners/{partner['id']}?force=true")
        invited = host.operate("POST", "/partners", {"role": guest.role, "name": guest.name})[1]
        body = {
            "role": host.role,
            "name": host.name,
            "versions_url": invited["versions_url"],
            "token": invited["token"],
        }
        for _ in range(3):
            if guest.operate("POST", "/partners", body)[0] == 201:
                break
        return self.connected()

    def connected(self) -> bool:
        """Whether both say that they are."""
        return all(each.partner() is not None for each in self.both.values())

    def renew(self, who: str) -> None:
        """An operator renews the credentials. Of one that failed nobody knows how far it came, and what it leaves opens
        for an hour: by then the operator has tried again, and succeeded.
        """
        for attempt in range(4):
            done = self._of_partner(who, "POST", "/credentials")
            if done is None or done[0] == 200:
                return
            self.wait(30)
            if attempt == 2:
                self.network.strength = 0.0
        raise Wrong(f"{who} cannot renew although nothing is in its way: {done}")

    def put_location(self, which: int, variant: int) -> None:
        location = fixture("location_max", id=LOCATIONS[which], name=f"Name {variant}", last_updated=...)
        for evse in location["evses"][: 1 + variant % 2]:
            evse.pop("last_updated", None)
            for connector in evse["connectors"]:
                connector.pop("last_updated", None)
        self.cpo.operate("PUT", f"/2.1.1/locations/{location['id']}", location)

    def set_status(self, which: int, status: str) -> None:
        self.cpo.operate("PATCH", f"/2.1.1/locations/{LOCATIONS[which]}/evses/E-100", {"status": status})

    def put_tariff(self, which: int, price: int) -> None:
        tariff = fixture("tariff_max", id=TARIFFS[which], last_updated=...)
        tariff["elements"][0]["price_components"][0]["price"] = price
        self.cpo.operate("PUT", f"/2.1.1/tariffs/{tariff['id']}", tariff)

    def delete_tariff(self, which: int) -> None:
        self.cpo.operate("DELETE", f"/2.1.1/tariffs/{TARIFFS[which]}")

    def put_token(self, which: int, *, valid: bool) -> None:
        uid = TOKENS[which]
        token = fixture("token_max", uid=uid, auth_id=f"A-{uid}", valid=valid, last_updated=...)
        self.emsp.operate("PUT", f"/2.1.1/tokens/{uid}", token)

    def charge(self, session: int, token: int) -> None:
        """A session begins, or goes on with whatever token it has."""
        found = self.cpo.objects("own", "sessions").get(SESSIONS[session])
        if found is not None:
            kwh = found.document["kwh"] + 1
            self.cpo.operate("PATCH", f"/2.1.1/sessions/{SESSIONS[session]}", {"kwh": kwh})
            return
        value = fixture("session_max", id=SESSIONS[session], auth_id=f"A-{TOKENS[token]}", status="ACTIVE", kwh=1)
        for name in ("end_datetime", "last_updated", "total_cost"):
            value.pop(name, None)
        self.cpo.operate("PUT", f"/2.1.1/sessions/{value['id']}", value)

    def finish(self, session: int) -> None:
        """A session ends, and there is a CDR of it."""
        found = self.cpo.objects("own", "sessions").get(SESSIONS[session])
        if found is None:
            return
        end = {"status": "COMPLETED", "end_datetime": self._now()}
        self.cpo.operate("PATCH", f"/2.1.1/sessions/{SESSIONS[session]}", end)
        cdr = fixture("cdr_max", id=f"C-{SESSIONS[session]}", auth_id=found.document["auth_id"], last_updated=...)
        self.cpo.operate("PUT", f"/2.1.1/cdrs/{cdr['id']}", cdr)

    def command(self, token: int, kind: str) -> None:
        """The eMSP sends a command; what it is told is kept."""
        card = self.emsp.objects("own", "tokens").get(f"RFID/{TOKENS[token]}")
        whole = card.document if card else fixture("token_max", uid=TOKENS[token], auth_id=f"A-{TOKENS[token]}")
        body = {"START_SESSION": {"token": whole, "location_id": "L-1"}, "STOP_SESSION": {"session_id": "S-1"}}[kind]
        status, answer = self._of_partner("emsp", "POST", f"/commands/{kind}", body, prefix="/2.1.1") or (0, None)
        if status == 201 and answer is not None:
            self.commands.append(answer["id"])

    def answer_commands(self, result: str) -> None:
        """The charge point system sees what waits, and answers the oldest."""
        pending = self.cpo.operate("GET", "/2.1.1/commands?state=pending")[1]["items"]
        for command in pending[:1]:
            self.cpo.operate("POST", f"/2.1.1/commands/{command['id']}/result", {"result": result})

    def sync(self, who: str, *, full: bool) -> None:
        self._of_partner(who, "POST", "/sync", {"full": full})

    def reconcile(self, who: str, *, repair: bool) -> None:
        self._of_partner(who, "POST", "/reconcile", {"repair": repair})

    def work(self, who: str, at_most: int) -> None:
        self._as_it_dies(self.both[who].work, at_most)

    def roughen(self, strength: float) -> None:
        """How streams and queues hand over what they hold."""
        for each in self.both.values():
            each.rough.strength = strength

    def kill(self, who: str, last: int) -> None:
        """The next invocation of this one's, whatever it is, dies after so many calls, if it makes so many."""
        self.killing[who].plan(ANY, last)

    def _as_it_dies(self, work: Callable[..., Any], *arguments: Any) -> None:
        """A worker's death is told nobody: what it had in its hands comes again."""
        with suppress(Killed):
            work(*arguments)

    def wait(self, seconds: float) -> None:
        """Time passes, and both work when they have something to do."""
        until = self.clock.now + seconds
        while True:
            self.network.arrive()
            for each in self.both.values():
                self._as_it_dies(each.keep_up)
                self._as_it_dies(each.work)
            following = min(self.network.next_at(), *(each.next_at() for each in self.both.values()))
            if following > until:
                break
            self.clock.now = max(self.clock.now + 0.001, following)
        self.clock.now = max(self.clock.now, until)

    # What must hold

    def look(self) -> None:
        """Nothing that one side has of the other ever goes back, and no CDR changes."""
        for holder, owner, modules in self._copies():
            for module in modules:
                for identity, found in holder.objects(owner.party, module).items():
                    self._compare((holder.name, module, identity), found)
        for command_id, results in self._results.items():
            if len(results) > 1:
                raise Wrong(f"command {command_id} had results {results}")

    def quiet(self) -> None:
        """No more faults; a day passes, then both must hold the same."""
        self.network.strength, self.network.down = 0.0, set()
        self.roughen(0.0)
        for each in self.killing.values():
            each.plan(None)
        if not self.connected() and not self.register("emsp"):
            raise Wrong("they cannot register although nothing is in their way")
        end = self.clock.now + QUIET_HOURS * 3600
        self.wait(60)
        while any(each.unfinished() for each in self.both.values()):
            if self.clock.now > end:
                left = {name: each.unfinished() for name, each in self.both.items()}
                raise Wrong(f"not done after {QUIET_HOURS} hours of quiet: {left}")
            self.wait(600)
        self.look()
        self._agree()

    def _agree(self) -> None:
        for holder, owner, modules in self._copies():
            for module in modules:
                theirs = {key: each.document for key, each in owner.objects("own", module).items()}
                ours = {key: each.document for key, each in holder.objects(owner.party, module).items()}
                if module in ("sessions", "cdrs"):
                    known = {each.document["auth_id"] for each in self.emsp.objects("own", "tokens").values()}
                    theirs = {key: each for key, each in theirs.items() if each["auth_id"] in known}
                if ours != theirs:
                    raise Wrong(f"{holder.name} holds other {module} than {owner.name}: {_difference(ours, theirs)}")
        self._agree_on_commands()
        for each in self.both.values():
            if dead := [letter for letter in each.dead_letters() if not self._is_explained(letter)]:
                raise Wrong(f"{each.name} has dead letters: {dead[:3]}")

    def _is_explained(self, letter: str) -> bool:
        """A result is nobody's if the partner has left, though it came back, or could not be reached for too long."""
        undeliverable = self.cpo.operate("GET", "/2.1.1/commands?state=undeliverable")[1]["items"]
        return "the partner has left" in letter or any(command["id"] in letter for command in undeliverable)

    def _agree_on_commands(self) -> None:
        for command_id in self.commands:
            sent = self.emsp.operate("GET", f"/2.1.1/commands/{command_id}")[1]
            if sent["state"] == "pending":
                raise Wrong(f"command {command_id} never came to an end: {sent}")
            came = self._results.get(command_id, set())
            if sent["state"] == "answered" and sent["result"] is not None and came != {sent["result"]}:
                raise Wrong(f"command {command_id} has result {sent['result']}, and {came} came")

    def _compare(self, key: tuple[str, str, str], found: Object) -> None:
        before = self._seen.get(key)
        self._seen[key] = found
        if before is None or before.created != found.created:
            return
        if found.last_updated < before.last_updated:
            raise Wrong(f"{key} went back from {before.last_updated} to {found.last_updated}")
        if key[1] == "cdrs" and found.document != before.document:
            raise Wrong(f"{key} was changed")
        if key[1] == "sessions" and found.document["kwh"] < before.document["kwh"]:
            raise Wrong(f"{key} has less energy than before")
        if key[1] == "sessions" and before.document["status"] == "COMPLETED" != found.document["status"]:
            raise Wrong(f"{key} has begun again")

    def _watch(self, host: str, request: Request, answer: Answer) -> None:
        """Every request that was carried out."""
        if answer.status >= 500 and not self.killing[host.partition(".")[0]].died:
            raise Wrong(
                f"{host} answered {answer.status} to {request.method} {request.raw_path}: {answer.body[:500]!r}"
            )
        posted = _POSTED_RESULT.search(request.raw_path)
        if posted is not None and request.method == "POST" and json.loads(answer.body)["status_code"] == 1000:
            self._results.setdefault(posted[1], set()).add(json.loads(request.body)["result"])

    def _copies(self) -> list[tuple[Deployment, Deployment, tuple[str, ...]]]:
        return [(self.emsp, self.cpo, MODULES_OF_CPO), (self.cpo, self.emsp, ("tokens",))]

    def _of_partner(
        self, who: str, method: str, path: str, body: Any = None, prefix: str = ""
    ) -> tuple[int, Any] | None:
        partner = self.both[who].partner()
        if partner is None:
            return None
        return self.both[who].operate(method, f"{prefix}/partners/{quote(partner['id'])}{path}", body)

    def _other(self, name: str) -> str:
        return "emsp" if name == "cpo" else "cpo"

    def _now(self) -> str:
        with self.cpo.system.at_work():
            now: str = self.cpo.system.module("ocpi.times").now_wire()
        return now


def _difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    return "; ".join(
        f"{key}: {json.dumps(ours.get(key))[:700]} / {json.dumps(theirs.get(key))[:700]}" for key in keys[:2]
    )
