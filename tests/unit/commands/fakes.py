"""A queue in memory that behaves as SQS does, and a partner that answers as it is told."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from ocpi.outbound.answer import Answer, Headers
from ocpi.queues.limits import check_message, check_visibility

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.commands.clock import Clock

VISIBILITY_SECONDS = 60.0
_receipts = count(1)


@dataclass
class Message:
    body: str
    visible_at: float
    sent_at: float
    receipt: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeQueue:
    """Implements :class:`ocpi.queues.port.Queue`, and what its consumer does."""

    clock: Clock
    messages: list[Message] = field(default_factory=list)

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        check_message(body, delay_seconds)
        self.messages.append(Message(body, self.clock.now + delay_seconds, self.clock.now))

    def postpone(self, receipt: str, seconds: int) -> None:
        check_visibility(seconds)
        for message in self.messages:
            if message.receipt == receipt:
                message.visible_at = self.clock.now + seconds

    def depth(self) -> int:
        return len(self.messages)

    def receive(self) -> Message | None:
        """The next message, hidden from now on."""
        for message in self.messages:
            if message.visible_at <= self.clock.now:
                message.visible_at = self.clock.now + VISIBILITY_SECONDS
                message.receipt = f"receipt-{next(_receipts)}"
                return message
        return None

    def bodies(self) -> list[Any]:
        """What the messages say."""
        return [message.json() for message in self.messages]


@dataclass(frozen=True)
class Sent:
    """A request to the partner; ``at`` is the clock's time."""

    at: float
    method: str
    url: str
    token: str | None
    body: Any


Step = Answer | Exception


class FakeClient:
    """Stands for :class:`ocpi.outbound.client.PartnerClient`; gives answers in order, the last again and again."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sent: list[Sent] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens while the partner has the request."""
        self._script: list[Step] = [answer()]
        self._lock = threading.Lock()

    def answers(self, *script: Step) -> None:
        """What the partner answers from now on."""
        self._script = list(script)

    def request(self, method: str, url: str, *, token: str | None, body: str | None = None, **_: Any) -> Answer:
        with self._lock:
            self.sent.append(Sent(self.clock.now, method, url, token, json.loads(body) if body else None))
            step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.meanwhile()
        if isinstance(step, Exception):
            raise step
        return step


def answer(status: int = 200, body: Any = ..., **headers: str) -> Answer:
    """An answer with a JSON body (bytes: as they are; none unless given)."""
    raw = b"" if body is ... else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, Headers((name.replace("_", "-"), value) for name, value in headers.items()), raw)


def enveloped(data: Any = ..., *, status_code: int = 1000, status: int = 200, **headers: str) -> Answer:
    """An answer in an envelope."""
    body = {"status_code": status_code, "timestamp": "2026-01-01T00:00:00Z"}
    return answer(status, body if data is ... else {**body, "data": data}, **headers)


def named(step: Step) -> str:
    """A step as the id of a test."""
    return str(step) if isinstance(step, Exception) else f"{step.http_status} {step.body.decode()[:20]}"
