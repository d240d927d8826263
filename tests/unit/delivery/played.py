"""A partner in memory: it keeps what it is given, as a receiver of OCPI 2.1.1 does, and misbehaves as it is told."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from ocpi import strict_json
from tests.unit.commands.fakes import answer, enveloped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.ticking import Clock

HOST = "https://partner.example"


@dataclass(frozen=True)
class Asked:
    """A request as the partner got it; ``at`` is the clock's time."""

    at: float
    method: str
    url: str
    encoding: str
    body: Any


@dataclass
class Played:
    """Stands for :class:`ocpi.outbound.client.PartnerClient`, with the partner's side of it. ``spoil`` is asked first:
    what it returns is answered, what it raises is raised; ``after`` the same once the request was carried out.
    """

    clock: Clock
    asked: list[Asked] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)
    """Objects by the path of their URL."""
    posted: list[Any] = field(default_factory=list)
    spoil: Callable[[Asked], Answer | None] = lambda _: None
    after: Callable[[Asked], Answer | None] = lambda _: None
    gives_location: bool = True
    times: dict[str, list[str]] = field(default_factory=dict)
    """Each ``last_updated`` that an object had here, in order."""
    _lock: Any = field(default_factory=threading.Lock)

    @contextmanager
    def keeping_connections(self) -> Iterator[Self]:
        yield self

    def may_call(self, url: str) -> bool:
        return url.startswith(("https://", "http://"))

    def request(self, method: str, url: str, *, token: str | None, encoding: str, body: str | None, **_: Any) -> Answer:
        asked = Asked(self.clock.now, method, url, encoding, strict_json.read(body) if body else None)
        with self._lock:
            self.asked.append(asked)
        spoiled = self.spoil(asked)
        if spoiled is not None:
            return spoiled
        with self._lock:
            done = self._carry_out(asked)
        return self.after(asked) or done

    @property
    def requests(self) -> list[str]:
        """``PUT locations/NL/EXA/LOC1`` and so on."""
        return [f"{each.method} {_path(each.url)}" for each in self.asked]

    def _carry_out(self, asked: Asked) -> Answer:
        path = _path(asked.url).rstrip("/")
        match asked.method:
            case "PUT":
                return self._put(path, asked.body)
            case "PATCH":
                return self._patch(path, asked.body)
            case "POST":
                self.posted.append(asked.body)
                self.held[f"{path}/{asked.body['id']}"] = asked.body
                location: Any = {"Location": f"{HOST}/{path}/{asked.body['id']}"} if self.gives_location else {}
                return enveloped(status=201, **location)
            case "DELETE":
                return enveloped() if self.held.pop(path, None) else _missing()
            case _:
                found = self._find(path)
                return _shown(found) if found is not None else _missing()

    def _put(self, path: str, body: Any) -> Answer:
        place, key = self._place(path)
        if place is None:
            return _missing()
        place[key] = body
        if place is self.held:
            self._note(path)
        return enveloped(status=201)

    def _patch(self, path: str, body: Any) -> Answer:
        found = self._find(path)
        if found is None:
            return _missing()
        found.update({name: value for name, value in body.items() if value is not None})
        if path in self.held:
            self._note(path)
        return enveloped()

    def _note(self, path: str) -> None:
        self.times.setdefault(path, []).append(self.held[path]["last_updated"])

    def _find(self, path: str) -> Any:
        place, key = self._place(path)
        return None if place is None else place.get(key)

    def _place(self, path: str) -> tuple[Any, str]:
        """Where an object, an EVSE or a connector is kept."""
        parts = path.split("/")
        if parts[0] != "locations" or len(parts) < 5:
            return self.held, path
        place: Any = self.held.get("/".join(parts[:4]))
        for name, identity, part in zip(("evses", "connectors"), ("uid", "id"), parts[4:], strict=False):
            if place is None:
                return None, ""
            place = _Parts(place.setdefault(name, []), identity)
            if part != parts[-1] or (len(parts) == 6 and name == "evses"):
                place = place.get(part)
        return place, parts[-1]


class _Parts:
    def __init__(self, parts: list[Any], identity: str) -> None:
        self.parts, self.identity = parts, identity

    def get(self, key: str) -> Any:
        return next((part for part in self.parts if part[self.identity] == key), None)

    def __setitem__(self, key: str, value: Any) -> None:
        self.parts[:] = [part for part in self.parts if part[self.identity] != key] + [value]


def _path(url: str) -> str:
    """What comes after the version: the module, our party, the id."""
    return unquote(urlsplit(url).path.removeprefix("/2.1.1/"))


def _shown(value: Any) -> Answer:
    envelope = {"data": value, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}
    return answer(200, strict_json.write(envelope).encode())


def _missing() -> Answer:
    return answer(404, {"status_code": 2001, "timestamp": "2026-01-01T00:00:00Z"})
