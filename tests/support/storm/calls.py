"""Calls to a deployment in a storm, by its operator and its partners, who ask until they are answered."""

from __future__ import annotations

import json
import secrets
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

from local.event import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from local.answer import Answer
    from tests.support.in_process import InProcess

MOST_TRIES = 200


class Calls:
    """``count`` is how many there were."""

    def __init__(self, system: InProcess) -> None:
        self.system = system
        self.count = 0

    def until_answered(self, ask: Callable[[], Answer]) -> Answer:
        for _ in range(MOST_TRIES):
            answer = ask()
            if answer.status < 500:
                return answer
        raise AssertionError(answer)

    def insist(self, method: str, path: str, body: Any, good: tuple[int, ...]) -> Any:
        answer = self.until_answered(lambda: self.operate(method, path, body))
        assert answer.status in good, (method, path, answer)
        return json.loads(answer.body) if answer.body else None

    def operate(self, method: str, path: str, body: Any) -> Answer:
        return self._send(method, f"/operator{path}", f"Bearer {self.system.operator_key}", body)

    def as_partner(self, method: str, path: str, token: str, body: Any) -> Answer:
        return self._send(method, path, f"Token {token}", body)

    def _send(self, method: str, path: str, authorization: str, body: Any) -> Answer:
        """In a thread of its own: it may come while another request is under way."""
        self.count += 1
        headers = (("Host", "us.example"), ("Authorization", authorization), ("Content-Type", "application/json"))
        path, _, query = path.partition("?")
        payload = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, query, headers, payload, "192.0.2.7", 443)
        answers: list[Any] = []

        def run() -> None:
            try:
                answers.append(self.system.request(request))
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                answers.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if isinstance(answers[0], BaseException):
            raise answers[0]
        answer: Answer = answers[0]
        return answer


def seeded_secrets(chance: Random) -> ModuleType:
    """Tokens and ids that a seed decides."""
    module = ModuleType("secrets")
    module.__dict__.update(vars(secrets))
    module.__dict__.update(
        token_hex=lambda size=32: chance.randbytes(size).hex(),
        token_urlsafe=lambda size=32: chance.randbytes(size).hex(),
    )
    return module
