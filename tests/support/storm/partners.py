"""Partners in a storm over DynamoDB: they register and are registered with, renew, call, are suspended, set, and leave,
from both sides, while every save and every read of partners, tokens and channels may fail before or after it was done,
and something else of the same partner may come in between. Who is not answered asks again.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, cast

from tests.support.in_process import InProcess
from tests.support.storm.calls import MOST_TRIES, Calls, seeded_secrets
from tests.support.storm.machine import ENVIRON, TABLE
from tests.support.storm.peer import Peer
from tests.support.storm.table import StormyTable
from tests.support.twins.clock import Clock
from tests.support.twins.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from local.answer import Answer

READS, WRITES = 0.06, 0.3
"""A registration takes dozens of calls, and must be possible."""
PEERS, MEANWHILE, LONGEST_PAUSE, OVERLAP = 4, 0.1, 90.0, 3601.0
LULL = 12
"""After so many tries of a renewal the storm pauses: each leaves a token that the next one has to read."""
LOOK_EVERY = 25
"""So many actions between looks at everything, with a pause of the storm."""


@dataclass(frozen=True)
class PartnersOutcome:
    """``saves`` are actions that were answered well, by kind."""

    saves: Counter[str]
    requests: int
    between: int
    faults: Counter[str]
    wrong: list[str]


class PartnersStorm:
    """To be closed. One run each."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        random.seed(seed)
        self.clock = Clock()
        public = {"OCPI_PUBLIC_URL": "https://us.example", "OCPI_ROLES": "CPO,EMSP"}
        self.system = InProcess(
            folder, {**ENVIRON, **public}, instead={**self.clock.modules(), "secrets": seeded_secrets(self.random)}
        )
        self.table = StormyTable(self.random)
        self.network = Network(self.clock, self.random)
        self.network.connect("us.example", self.system)
        self.calls = Calls(self.system)
        self.saves: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._between = 0
        self._nested = False
        with self.system.at_work():
            self._store = self.system.module("ocpi.store.dynamodb").DynamoDBStore(TABLE, self.table)
            here = self.system.module("ocpi.deployment").store()
            here.partners, here.channels = self._store.partners, self._store.channels
        roles = ("EMSP", "CPO")
        self.peers = [Peer(n, roles[n % 2], self.calls.as_partner) for n in range(PEERS)]
        for each in self.peers:
            self.network.hosts[each.host] = cast("Any", each)  # as much of one as is asked for
        self._ids: dict[int, str] = {}
        self._said: dict[int, int] = {}
        self._channels: dict[str, list[int]] = {}
        self._busy: set[int] = set()

    def close(self) -> None:
        self.system.close()

    def run(self, saves: int) -> PartnersOutcome:
        """So many actions in a storm, and then quiet."""
        actions = 0
        while self.saves.total() < saves and not self.wrong:
            peer = self.random.choice(self.peers)
            self._act(peer)
            self.clock.pass_(self.random.uniform(0, LONGEST_PAUSE))
            actions += 1
            if actions % LOOK_EVERY == 0:
                self._look()
        self._look()
        return PartnersOutcome(self.saves, self.calls.count, self._between, self.table.faults, self.wrong)

    # What they do

    def _act(self, peer: Peer) -> None:
        self._storms(True)
        self._busy.add(peer.number)
        if peer.token is None:
            self.random.choice([self._peer_registers, self._we_register])(peer)
        else:
            choice = self.random.choices(
                [self._peer_renews, self._we_renew, self._uses, self._suspended, self._peer_leaves, self._we_leave],
                [4, 4, 6, 1, 1, 1],
            )[0]
            choice(peer)
        self._busy.discard(peer.number)

    def _come_between(self) -> None:
        """Settings and channels of anybody, and what another partner does."""
        if self._nested or self.random.random() >= MEANWHILE:
            return
        self._nested, self._between = True, self._between + 1
        idle = [each for each in self.peers if each.number not in self._busy]
        if idle and self.random.random() < 0.3:
            self._act(self.random.choice(idle))
        elif self._ids:
            number = self.random.choice(list(self._ids))
            self.random.choice([self._set, self._channel])(self.peers[number])
        self._nested = False

    def _peer_registers(self, peer: Peer) -> None:
        while True:
            invited = self._invited(peer)
            peer.note(invited["token"])
            if self._registers_with(peer, invited["token"]):
                break
            self._remove_leftovers(peer)
        self._ids[peer.number] = invited["id"]
        self._connected(peer, "registered by the partner")

    def _invited(self, peer: Peer) -> Any:
        body = {"role": peer.role, "name": peer.host}
        return self.calls.insist("POST", "/partners", body, (201,))

    def _registers_with(self, peer: Peer, token: str) -> bool:
        """Whether it was answered well; if not, the invitation may have been used up all the same."""
        answer = self._with_credentials(peer, "POST", token)
        return answer is not None and answer.status == 200

    def _with_credentials(self, peer: Peer, method: str, token: str) -> Answer | None:
        """POST or PUT, until it is no 5xx. Each time with a token of its own."""
        for tries in range(1, MOST_TRIES):
            self._storms(tries < LULL)
            offered = peer.issue()
            answer = self.calls.as_partner(method, f"{peer.tree}/2.1.1/credentials", token, peer.credentials(offered))
            if answer.status < 500:
                told = json.loads(answer.body)
                if answer.status == 200 and told["status_code"] == 1000:
                    peer.ours, peer.tries = offered, tries
                    peer.take(told["data"]["token"])
                    return answer
                return replace(answer, status=400) if answer.status == 200 else answer
        return None

    def _we_register(self, peer: Peer) -> None:
        """The operator, who asks for a new invitation where the last one may be used up."""
        for _ in range(MOST_TRIES):
            body = {"role": peer.role, "name": peer.host, "versions_url": peer.versions_url, "token": peer.invite()}
            answer = self.calls.operate("POST", "/partners", body)
            if answer.status == 201:
                self._ids[peer.number] = json.loads(answer.body)["id"]
                self._connected(peer, "registered by us")
                return
            self._remove_leftovers(peer)
            peer.forget()
            # What we offered opens our versions for minutes, whatever became of it.
            peer.abandoned, peer.given = [*peer.abandoned, *peer.given], []
        raise AssertionError(answer)

    def _connected(self, peer: Peer, how: str) -> None:
        self._said[peer.number] = 0
        peer.tries = 1
        self._settled(peer, how)

    def _settled(self, peer: Peer, how: str) -> None:
        """Both sides have been answered: what we hold is what it issued last."""
        self.saves[how] += 1
        peer.accepted = {str(peer.ours)}
        if peer.tries > 1:
            peer.unclear_until = self.clock.now + OVERLAP
        with self._calm():
            partner = self._store.partners.get(self._ids[peer.number])
            held = self.system.module("ocpi.deployment").vault().open(partner.token, about=partner.id)
        if held != peer.ours:
            self.wrong.append(f"{how}: we do not hold the token that {peer.host} has given us last")

    def _peer_renews(self, peer: Peer) -> None:
        answer = self._with_credentials(peer, "PUT", str(peer.token))
        if answer is None or answer.status != 200:
            self.wrong.append(f"{peer.host} cannot renew: {answer}")
            return
        self._settled(peer, "renewed by the partner")

    def _we_renew(self, peer: Peer) -> None:
        """409: something else of the partner was changed at the same moment, and the operator looks again."""
        for tries in range(1, MOST_TRIES):
            self._storms(tries < LULL)
            answer = self.calls.operate("POST", f"/partners/{self._ids[peer.number]}/credentials", None)
            if answer.status == 200:
                peer.tries = tries
                self._settled(peer, "renewed by us")
                return
            if answer.status < 500 and answer.status != 409:
                break
        self.wrong.append(f"we cannot renew with {peer.host}: {answer}")

    def _uses(self, peer: Peer) -> None:
        """It calls with its newest token, which ends those before it: at once where each renewal was answered at once,
        and all within the hour: an offer whose renewal failed may be what its partner took, and has an end of its own.
        """
        self._let_in(peer, 200)
        self.saves["used"] += 1
        if self.clock.now < peer.unclear_until or self._nested:
            return
        for token in self._open(peer):
            if token != peer.token:
                self.wrong.append(f"{peer.host} is let in with {peer.given.index(token)} of {len(peer.given)}")

    def _let_in(self, peer: Peer, status: int) -> None:
        answer = self.calls.until_answered(
            lambda: self.calls.as_partner("GET", f"{peer.tree}/2.1.1/credentials", str(peer.token), None)
        )
        if answer.status != status:
            self.wrong.append(f"{peer.host} got {answer.status} with its newest token, not {status}")

    def _suspended(self, peer: Peer) -> None:
        path = f"/partners/{self._ids[peer.number]}"
        self.calls.insist("PATCH", path, {"status": "SUSPENDED"}, (200,))
        self._let_in(peer, 403)
        self.calls.insist("PATCH", path, {"status": "REGISTERED"}, (200,))
        self._let_in(peer, 200)
        self.saves["suspended and let in again"] += 1

    def _set(self, peer: Peer) -> None:
        """Settings that only this caller writes, upwards; the partner may leave meanwhile."""
        partner_id, number = self._ids[peer.number], self._said[peer.number] + 1
        body = {"name": f"Name {number}", "settings": {"requests_per_minute": number}}
        answer = self.calls.until_answered(lambda: self.calls.operate("PATCH", f"/partners/{partner_id}", body))
        if answer.status == 200 and self._ids.get(peer.number) == partner_id:
            self._said[peer.number] = number
            self.saves["set"] += 1

    def _channel(self, peer: Peer) -> None:
        """Two count in one channel, each in a field of its own."""
        partner_id, which = self._ids[peer.number], self.random.randrange(2)
        numbers = self._channels.setdefault(partner_id, [0, 0])
        name, number = ("failures", "called")[which], numbers[which] + 1
        if self._insist_here(partner_id, lambda: self._write_channel(partner_id, name, number)):
            numbers[which] = number
            self.saves["channel written"] += 1

    def _write_channel(self, partner_id: str, name: str, number: int) -> None:
        change = self.system.module("ocpi.delivery.channel").change_channel
        change(self._store.channels, partner_id, lambda channel: replace_in(channel, name, number))

    def _peer_leaves(self, peer: Peer) -> None:
        answer = self.calls.until_answered(
            lambda: self.calls.as_partner("DELETE", f"{peer.tree}/2.1.1/credentials", str(peer.token), None)
        )
        # Asked again after it was done, it is not known any more.
        if answer.status not in (200, 401):
            self.wrong.append(f"{peer.host} cannot leave: {answer}")
        self._left(peer, "left by the partner")

    def _we_leave(self, peer: Peer) -> None:
        path, force = f"/partners/{self._ids[peer.number]}", ""
        for _ in range(MOST_TRIES):
            answer = self.calls.operate("DELETE", path + force, None)
            if answer.status < 500 and answer.status != 409:
                break
            force = "?force=true"  # it has let go of us already, and does not know us any more
        if answer.status not in (204, 404):
            self.wrong.append(f"we cannot leave {peer.host}: {answer}")
        self._left(peer, "left by us")

    def _left(self, peer: Peer, how: str) -> None:
        peer.forget()
        self.saves[how] += 1
        if still := self._open(peer):
            self.wrong.append(f"{how}: {peer.host} is let in with {len(still)} of {len(peer.given)} tokens")
        peer.given, peer.unclear_until = [], 0.0
        self._ids.pop(peer.number, None)

    def _remove_leftovers(self, peer: Peer) -> None:
        """What a registration that was answered badly may have left, removed by the operator."""
        found = json.loads(
            self.calls.until_answered(lambda: self.calls.operate("GET", "/partners?limit=1000", None)).body
        )["items"]
        for each in found:
            theirs = each["name"] == peer.host or (each["country_code"], each["party_id"]) == peer.party
            # Of one that was left the record stays, and says so.
            while theirs and each["status"] != "UNREGISTERED":
                if self.calls.operate("DELETE", f"/partners/{each['id']}?force=true", None).status in (204, 404, 409):
                    break

    def _insist_here(self, partner_id: str, write: Callable[[], None]) -> bool:
        """Until it is done; or not at all, of a partner that is gone."""
        with self.system.at_work():
            for _ in range(MOST_TRIES):
                try:
                    write()
                except Exception:  # noqa: BLE001 - whatever it was, it is asked again
                    if self._is_gone(partner_id):
                        return False
                else:
                    return True
        raise AssertionError("a channel cannot be written")

    def _is_gone(self, partner_id: str) -> bool:
        with self._calm():
            return self._store.partners.get(partner_id) is None

    # What must hold

    def _storms(self, on: bool) -> None:
        self.table.reads, self.table.writes = (READS, WRITES) if on else (0.0, 0.0)
        self.table.meanwhile = self._come_between if on else lambda: None

    def _calm(self) -> Any:
        return _Calm(self)

    def _open(self, peer: Peer) -> list[str]:
        """Which of its tokens open us; the newest is asked first, and ends those before it."""
        newest_first = sorted(peer.given, key=lambda token: token != peer.token)
        with self._calm():
            asked = [
                (token, self.calls.as_partner("GET", f"{peer.tree}/versions", token, None)) for token in newest_first
            ]
        return [token for token, answer in asked if answer.status != 401]

    def _look(self) -> None:
        """At everything, in a pause of the storm, an hour after the last renewal."""
        self._storms(False)
        self.clock.pass_(OVERLAP)
        for peer in self.peers:
            wanted = [] if peer.token is None else [peer.token]
            peer.given, peer.abandoned = [*peer.abandoned, *peer.given], []
            if self._open(peer) != wanted:
                self.wrong.append(f"{peer.host} is not let in with just its newest token")
        self.wrong += [*self._badly_set(), *self._diagnosed()]

    def _badly_set(self) -> Iterator[str]:
        with self._calm():
            for number, partner_id in self._ids.items():
                partner, said = self._store.partners.get(partner_id), self._said[number]
                if said and (partner.name, partner.settings.get("requests_per_minute")) != (f"Name {said}", said):
                    yield f"{partner_id}: {partner.name} {partner.settings}, and {said} was said last"
            for partner_id, wanted in self._channels.items():
                channel = self._store.channels.get(partner_id)
                said_last = [0, 0] if self._is_gone(partner_id) else wanted
                if [channel.failures, channel.called] != said_last:
                    yield f"channel of {partner_id}: {channel}, and {said_last} was said last"

    def _diagnosed(self) -> Iterator[str]:
        """What the doctor finds: of partners, tokens and claims each must agree with the others."""
        with self._calm():
            shelf = self.system.module("ocpi.doctor.dynamodb_shelf").DynamoDBShelf(TABLE, self.table, 1e9)
            found = self.system.module("ocpi.doctor.examination").Examination(shelf, 0.0).findings()
            for entry, flaws in found:
                yield from (f"{entry.kind} {flaw.what}" for flaw in flaws)


class _Calm:
    """The storm pauses, and what is called runs as the deployment."""

    def __init__(self, storm: PartnersStorm) -> None:
        self._storm = storm

    def __enter__(self) -> None:
        table = self._storm.table
        self._before = table.reads, table.writes, table.meanwhile
        self._storm._storms(False)
        self._at_work = self._storm.system.at_work()
        self._at_work.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at_work.__exit__(kind, error, trace)
        table = self._storm.table
        table.reads, table.writes, table.meanwhile = self._before


def replace_in(channel: Any, name: str, number: int) -> Any:
    """The channel with another number, unless it has it already."""
    return None if getattr(channel, name) == number else replace(channel, **{name: number})
