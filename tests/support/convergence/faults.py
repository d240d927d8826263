"""Faults at every call: what a store, a queue or a vault does when it does not do what it is asked, or does it and the
answer is lost, or the process dies before or after it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from random import Random

    from tests.support.convergence.turns import Turns

CONDITIONAL = frozenset({"put", "put_many", "delete", "delete_many", "save"})
BATCHES = frozenset({"put_many", "delete_many"})
INDEXES = frozenset({"due", "find"})
LONGEST_STANDSTILL_SECONDS = 90.0


class Down(Exception):
    """The store or queue did not answer."""


@dataclass
class Weather:
    """How likely each fault is at a call; ``strength`` goes up and down, 0 is calm. ``count`` says what happened."""

    random: Random
    strength: float = 1.0
    count: Counter[str] = field(default_factory=Counter)

    def strikes(self, name: str, probability: float) -> bool:
        if self.random.random() >= probability * self.strength:
            return False
        self.count[name] += 1
        return True


class Faulty:
    """A part of the system whose calls may fail, and at each of which another process may go on."""

    def __init__(self, part: Any, name: str, weather: Weather, turns: Turns) -> None:
        self._part, self._name, self._weather, self._turns = part, name, weather, turns

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        return lambda *args, **kwargs: self._call(name, method, args, kwargs)

    def _call(self, name: str, method: Any, args: Any, kwargs: Any) -> Any:
        if name == "learn":
            return method(*args, **kwargs)  # under a lock: no other thread may go on here
        self._turns.step()
        weather, what = self._weather, self._name
        if weather.strikes(f"{what}: the process stands still before", 0.0005):
            self._turns.sleep(weather.random.uniform(1, LONGEST_STANDSTILL_SECONDS))
        if weather.strikes(f"{what}: the process dies before", 0.0005):
            self._turns.die()
        if weather.strikes(f"{what}: fails before", 0.004):
            raise Down(f"{what}.{name}")
        if name in BATCHES and len(args[0]) > 1 and weather.strikes(f"{what}: half of a batch", 0.004):
            method(args[0][: len(args[0]) // 2])
            raise Down(f"{what}.{name}")
        result = method(*args, **kwargs)
        if weather.strikes(f"{what}: the process dies after", 0.0005):
            self._turns.die()
        if weather.strikes(f"{what}: the answer is lost", 0.004):
            raise Down(f"{what}.{name}")
        if name in CONDITIONAL and weather.strikes(f"{what}: done, and repeated by the client in vain", 0.004):
            if name not in BATCHES:
                raise Conflict(name)
            return [Conflict(name) for _ in result]
        return self._lagging(name, result)

    def _lagging(self, name: str, result: Any) -> Any:
        """An index shows what was written a moment later."""
        random = self._weather.random
        if name in INDEXES and result and self._weather.strikes(f"{self._name}: an index lags", 0.02):
            return [each for each in result if random.random() < 0.5]
        if name == "page" and getattr(result, "deliveries", None) and self._weather.strikes("index lags", 0.02):
            return replace(result, deliveries=[each for each in result.deliveries if random.random() < 0.5])
        return result


@dataclass
class Message:
    body: str
    visible_at: float
    received: int = 0


VISIBILITY_SECONDS = 240.0
MOST_RECEIVED = 5


@dataclass
class FaultyQueue:
    """At least once, in any order, sometimes late; a message that fails each time is given up, as is one in a thousand
    that has done nothing to deserve it.
    """

    weather: Weather
    turns: Turns
    clock: Any
    messages: list[Message] = field(default_factory=list)

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self.turns.step()
        strikes = self.weather.strikes
        if strikes("queue: the process dies before", 0.001):
            self.turns.die()
        if strikes("queue: fails before", 0.01):
            raise Down("queue.send")
        late = self.weather.random.uniform(1, 60) if strikes("queue: a message is late", 0.03) else 0.0
        if not strikes("queue: a message is lost", 0.01):
            self.messages.append(Message(body, self.clock.now + delay_seconds + late))
        if strikes("queue: a message comes twice", 0.05):
            self.messages.append(Message(body, self.clock.now + delay_seconds))
        if strikes("queue: the answer is lost", 0.01):
            raise Down("queue.send")
        if strikes("queue: the process dies after", 0.001):
            self.turns.die()

    def visible_at(self) -> float:
        """When there is something to receive, as far as is known now."""
        return min((each.visible_at for each in self.messages), default=math.inf)

    def receive(self) -> Message | None:
        """Any message that is visible, hidden from now on."""
        visible = [each for each in self.messages if each.visible_at <= self.clock.now]
        if not visible:
            return None
        message = self.weather.random.choice(visible)
        message.received += 1
        if message.received > MOST_RECEIVED:
            self.messages.remove(message)
            self.weather.count["queue: a message is given up"] += 1
            return None
        message.visible_at = self.clock.now + VISIBILITY_SECONDS
        return message

    def delete(self, message: Message) -> None:
        if message in self.messages and not self.weather.strikes("queue: a message is not deleted", 0.02):
            self.messages.remove(message)
