"""What is between two deployments: it drops requests, drops answers of what was carried out, doubles, and delays."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.event import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from local.answer import Answer
    from tests.support.in_process import InProcess
    from tests.support.twins.clock import Clock

FAULTS = ("request lost", "answer lost", "doubled", "delayed", "5xx before", "5xx after", "cut off", "late")
LONGEST_DELAY_SECONDS = 60.0
LATEST_SECONDS = 1_800.0
"""After so long a request may still arrive whose sender gave it up."""
ROUND_TRIP_SECONDS = 0.02


@dataclass
class Network:
    """``strength`` is how likely a fault is, from 0 to 1; ``down`` are the hosts that nobody reaches."""

    clock: Clock
    random: Random
    hosts: dict[str, InProcess] = field(default_factory=dict)
    strength: float = 0.0
    down: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    carried: int = 0
    late: bool = False
    """Whether requests arrive that were given up, when their senders may have sent newer ones."""
    _on_its_way: list[tuple[float, str, Request]] = field(default_factory=list)
    watch: Callable[[str, Request, Answer], None] = lambda *_: None
    """Told of every request that was carried out, by host."""

    def begin(self, random: Random) -> None:
        """As if nothing had ever been sent; what is counted stays."""
        self.random, self.strength = random, 0.0
        self.down = set()
        self._on_its_way = []

    def arrive(self) -> None:
        """What is due of what was given up."""
        due = [each for each in self._on_its_way if each[0] <= self.clock.now]
        self._on_its_way = [each for each in self._on_its_way if each[0] > self.clock.now]
        for _, host, request in sorted(due, key=lambda each: each[0]):
            if host not in self.down:
                self._carry(host, request)

    def next_at(self) -> float:
        """When something arrives next; infinite if nothing is on its way."""
        return min((at for at, *_ in self._on_its_way), default=math.inf)

    def connect(self, host: str, system: InProcess) -> None:
        """Whatever this deployment sends goes through here from now on."""
        self.hosts[host] = system
        with system.at_work():
            client = system.module("ocpi.outbound.client")
            answer = system.module("ocpi.outbound.answer")

        def send(
            self_: Any,
            method: str,
            url: str,
            token: Any,
            encoding: Any,
            body: Any,
            headers: Any,
            deadline: float,
            _: int,
        ) -> Any:
            self_._read(url)
            credential = None if token is None else client.encoded(token, encoding)
            own = self_._headers(credential, has_body=body is not None)
            sent = [("Host", urlsplit(url).netloc), *own.items(), *headers.items()]
            payload = b"" if body is None else body.encode()
            try:
                raw = self.send(method, url, tuple(sent), payload, deadline)
            except Lost as lost:
                raise client.PartnerUnreachable(lost.kind, f"lost in the network: {lost.kind}") from None
            secrets = tuple(filter(None, (token, credential)))
            return answer.Answer(raw.status, answer.Headers(raw.headers), raw.body, secrets=secrets)

        client.PartnerClient._send = send

    def send(self, method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes, deadline: float) -> Answer:
        """The answer; raises :class:`Lost`."""
        parts = urlsplit(url)
        request = Request(method, parts.path, parts.query, headers, body, "192.0.2.9", 443)
        self.clock.pass_(ROUND_TRIP_SECONDS)
        host = parts.hostname or ""
        if host in self.down or host not in self.hosts:
            raise Lost("connect")
        faults = FAULTS if self.late else FAULTS[:-1]
        fault = self.random.choice(faults) if self.random.random() < self.strength else None
        if fault is not None:
            self.faults[fault] += 1
        if fault == "5xx before":
            return _page(503)
        if fault == "late":
            at = self.clock.now + deadline + self.random.uniform(0, LATEST_SECONDS)
            self._on_its_way.append((at, host, request))
        if fault in ("request lost", "late"):
            self.clock.pass_(deadline)
            raise Lost("timeout")
        answer = self._carry(host, request)
        if fault == "doubled":
            answer = self._carry(host, request)
        if fault == "5xx after":
            return _page(502)
        if fault == "cut off":
            raise Lost("broken")
        delay = self.random.uniform(0, LONGEST_DELAY_SECONDS) if fault == "delayed" else 0.0
        if fault == "answer lost" or delay > deadline:
            self.clock.pass_(deadline)
            raise Lost("timeout")
        self.clock.pass_(delay)
        return answer

    def _carry(self, host: str, request: Request) -> Answer:
        """In a thread of its own: whoever sends is itself in the midst of something that holds its thread's loop."""
        answers: list[Answer | BaseException] = []

        def run() -> None:
            try:
                answers.append(self.hosts[host].request(request))
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                answers.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        (answer,) = answers
        if isinstance(answer, BaseException):
            raise answer
        self.carried += 1
        self.watch(host, request, answer)
        return answer


class Lost(Exception):
    """No answer; ``kind`` as :class:`ocpi.outbound.unreachable.PartnerUnreachable` has it."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def _page(status: int) -> Answer:
    from local.answer import Answer as Page  # noqa: PLC0415 - a type above

    return Page(status, (("Content-Type", "text/html"),), b"<html>something in between failed</html>")
