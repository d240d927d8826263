"""A partner that takes pushes just as OCPI 2.1.1 says, keeps what it has, and whose line to us is bad."""

from __future__ import annotations

import base64
import copy
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from ocpi import strict_json
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.convergence.faults import Weather
    from tests.support.convergence.turns import Turns

Document = dict[str, Any]
_PARTS = (("evses", "uid"), ("connectors", "id"))
REQUEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Habits:
    """What a partner does its own way: how its tokens look, whether its URLs end with a slash, whether a PATCH replaces
    objects or merges into them, whether it knows PATCH at all, and whether it says where it keeps a CDR.
    """

    base64: bool = False
    slash: bool = False
    merges_deeply: bool = False
    patches: bool = True
    gives_location: bool = True
    envelopes: bool = True


@dataclass
class Receiver:
    """Stands for :class:`ocpi.outbound.client.PartnerClient` with the partner behind it. ``violations`` are what no
    partner should ever see. ``refuses`` is how likely it refuses what it gets for no good reason.
    """

    token: str
    party: tuple[str, str]
    habits: Habits
    weather: Weather
    turns: Turns
    clock: Any
    refuses: float = 0.0
    dead: bool = False
    requests: int = 0
    objects: dict[tuple[str, str], Document] = field(default_factory=dict)
    posted: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each request came."""
    _newest: defaultdict[tuple[str, ...], str] = field(default_factory=lambda: defaultdict(str))

    @contextmanager
    def keeping_connections(self) -> Iterator[Self]:
        yield self

    def may_call(self, url: str) -> bool:
        return url.startswith("https://")

    def request(self, method: str, url: str, *, token: str, encoding: str, body: str | None, **_: Any) -> Answer:
        self.turns.step()
        strikes = self.weather.strikes
        if self.dead:
            self.weather.count["partner: dead"] += 1
            raise PartnerUnreachable("connect", "nobody there")
        if strikes("partner: the process dies before", 0.002):
            self.turns.die()
        if strikes("partner: not reached", 0.02):
            raise PartnerUnreachable("dns" if self.weather.random.random() < 0.5 else "connect", "nobody there")
        self.requests += 1
        self.times.append(self.clock.now)
        self.turns.sleep(self.weather.random.uniform(0.01, 0.2))
        if (failure := self._not_done()) is not None:
            return failure
        given = base64.b64encode(self.token.encode()).decode() if self.habits.base64 else self.token
        sent = base64.b64encode(token.encode()).decode() if encoding == "base64" else token
        if sent != given:
            return self._answer(401, 2001)
        answer = self._served(method, url, strict_json.read(body) if body else None)
        if strikes("partner: the process dies after", 0.005):
            self.turns.die()
        if strikes("partner: slow", 0.02):
            self.turns.sleep(self.weather.random.uniform(1, REQUEST_SECONDS - 1))
        return self._answer_lost() or answer

    def _not_done(self) -> Answer | None:
        """A refusal that passes, before anything was done."""
        strikes = self.weather.strikes
        for status in (401, 403, 408, 425, 500, 503):
            if strikes(f"partner: HTTP {status} before", 0.005):
                return self._answer(status, None)
        if strikes("partner: HTTP 429", 0.003):
            return self._answer(429, 2000, **{"Retry-After": str(self.weather.random.randint(1, 30))})
        return self._answer(200, 3000) if strikes("partner: OCPI 3000 before", 0.01) else None

    def _answer_lost(self) -> Answer | None:
        """It was done, and we do not hear of it."""
        strikes = self.weather.strikes
        for kind in ("broken", "timeout"):
            if strikes(f"partner: {kind} after", 0.02):
                if kind == "timeout":
                    self.turns.sleep(REQUEST_SECONDS)
                raise PartnerUnreachable(kind, "no answer")
        for status in (408, 500, 502, 504):
            if strikes(f"partner: HTTP {status} after", 0.02):
                return self._answer(status, None)
        if strikes("partner: OCPI 3000 after", 0.02):
            return self._answer(200, 3000)
        if strikes("partner: cut off", 0.02):
            return Answer(200, Headers(), b'{"data": null, "status_co')
        return None

    def _served(self, method: str, url: str, body: Any) -> Answer:
        split = urlsplit(url)
        path = split.path.split("/2.1.1/", 1)[1]
        if path.endswith("/") is not self.habits.slash:
            return self._answer(404, 2003)
        module, *segments = (unquote(part) for part in path.strip("/").split("/"))
        if method != "GET" and self.refuses and self.weather.strikes("partner: refuses", self.refuses):
            if self.weather.random.random() < 0.5:
                return self._answer(200, 2001)
            return self._answer(400, 2001)
        if module == "cdrs":
            return self._cdr(method, url, segments, body)
        if tuple(segments[:2]) != self.party:
            self.violations.append(f"{method} {path}: not below our party")
        object_id, *part = segments[2:]
        if module == "tokens":
            object_id = f"{parse_qs(split.query).get('type', ['RFID'])[0]}/{object_id}"
            if method == "PUT":
                object_id = f"{body['type']}/{body['uid']}"
        return self._object(method, (module, object_id), part, body)

    def _cdr(self, method: str, url: str, segments: list[str], body: Any) -> Answer:
        if method == "POST":
            self.posted[body["id"]] += 1
            self.objects["cdrs", body["id"]] = body
            location = {"Location": f"{url.rstrip('/')}/{body['id']}{'/' if self.habits.slash else ''}"}
            return self._answer(201, 1000, **(location if self.habits.gives_location else {}))
        if method != "GET":
            self.violations.append(f"{method} of a CDR")
        found = self.objects.get(("cdrs", segments[-1]))
        return self._answer(200, 1000, found) if found else self._answer(404, 2003)

    def _object(self, method: str, key: tuple[str, str], part: list[str], body: Any) -> Answer:
        stored = self.objects.get(key)
        if method == "DELETE":
            self.objects.pop(key, None)
            return self._answer(200, 1000) if stored else self._answer(404, 2003)
        if method == "PUT" and not part:
            self.objects[key] = copy.deepcopy(body)
            self._watch(key)
            return self._answer(201, 1000)
        if stored is None:
            return self._answer(404, 2003)
        place = _find(stored, part[:-1] if method == "PUT" else part)
        if place is None:
            return self._answer(404, 2003)
        match method:
            case "PUT":
                name, identity = _PARTS[len(part) - 1]
                _put(place.setdefault(name, []), identity, copy.deepcopy(body))
            case "PATCH" if not self.habits.patches:
                return self._answer(405, None)
            case "PATCH":
                if "last_updated" not in body:
                    return self._answer(200, 2001)
                self._patch(place, body)
            case _:
                return self._answer(200, 1000, place)
        _raise_parents(stored)
        self._watch(key)
        return self._answer(200, 1000)

    def _patch(self, place: Document, body: Document) -> None:
        for name, value in body.items():
            if value is None:
                place.pop(name, None)
            elif self.habits.merges_deeply and isinstance(value, dict) and isinstance(place.get(name), dict):
                self._patch(place[name], value)
            else:
                place[name] = value

    def _watch(self, key: tuple[str, str]) -> None:
        """No ``last_updated`` may ever be older than it was at this place."""
        for place, time in _times(self.objects[key], key):
            if time < self._newest[place]:
                self.violations.append(f"{'/'.join(place)} went back from {self._newest[place]} to {time}")
            self._newest[place] = max(time, self._newest[place])

    def _answer(self, status: int, code: int | None, data: Any = None, **headers: str) -> Answer:
        envelope = {"data": data, "status_code": code, "timestamp": "2026-01-01T00:00:00Z"}
        if code == 1000 and data is None and not self.habits.envelopes:
            return Answer(status, Headers(headers.items()), b"")
        body = strict_json.write(envelope).encode() if code is not None else b"<html>"
        return Answer(status, Headers(headers.items()), body)


def _find(stored: Document, part: list[str]) -> Document | None:
    place: Document | None = stored
    for (name, identity), wanted in zip(_PARTS, part, strict=False):
        elements = place.get(name, []) if place else []
        place = next((element for element in elements if element[identity] == wanted), None)
    return place


def _put(elements: list[Document], identity: str, new: Document) -> None:
    for index, element in enumerate(elements):
        if element[identity] == new[identity]:
            elements[index] = new
            return
    elements.append(new)


def _raise_parents(stored: Document) -> None:
    """Section 8.3.1: ``last_updated`` of a location and an EVSE is also that of what is below."""
    for evse in stored.get("evses", ()):
        evse["last_updated"] = max(evse["last_updated"], *(each["last_updated"] for each in evse["connectors"]))
    if stored.get("evses"):
        stored["last_updated"] = max(stored["last_updated"], *(each["last_updated"] for each in stored["evses"]))


def _times(stored: Document, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    yield key, stored["last_updated"]
    for name, identity in _PARTS:
        for element in stored.get(name, ()):
            yield from _times(element, (*key, element[identity]))
