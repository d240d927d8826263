"""Those who write: partners and the operator, each of whom has one thing to say at one place, over and over, and says
it again until it is answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tests.support.census.house import bare
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.answer import Answer

Document = dict[str, Any]
Send = Any
"""``(caller, method, path, body) -> Answer``."""
RECEIVED, THEIRS, OWN = "/ocpi/emsp/2.1.1", "/ocpi/cpo/2.1.1/tokens/DE/EMA", "/operator/2.1.1"
FEW, SESSIONS = 3, 4
LATER = "2030-01-01T00:00:00Z"


class Caller(Protocol):
    """``said`` counts its writes that were answered well."""

    said: int

    def write(self, send: Send) -> None:
        """One more write, as often as it takes."""

    def holds(self, found: dict[str, Document]) -> list[str]:
        """What is wrong with what is stored in the end, by ``collection/id``."""


def insist(send: Send, caller: str, method: str, path: str, body: Any, *, gone: bool = False) -> None:
    """Until it is answered; a repeated DELETE may find nothing (``gone``)."""
    tries = 0
    while True:
        answer: Answer = send(caller, method, path, body)
        tries += 1
        if answer.status < 500:
            break
    told = json.loads(answer.body) if answer.body and not isinstance(body, bytes) else {}
    good = answer.status < 300 and told.get("status_code", 1000) == 1000
    assert good or (gone and answer.status == 404), (method, path, answer)


@dataclass
class Field:
    """A field of an object that only this caller changes, upwards, while others change other fields of it."""

    place: str
    caller: str
    path: str
    patch: Callable[[int], Document]
    read: Callable[[Document], Any]
    said: int = 0

    def write(self, send: Send) -> None:
        number = self.said + 1
        insist(send, self.caller, "PATCH", self.path, self.patch(number))
        self.said = number

    def holds(self, found: dict[str, Document]) -> list[str]:
        value = self.read(found[self.place])
        return [] if not self.said or value == self.said else [f"{self.place}: {value}, and {self.said} was said last"]


@dataclass
class Whole:
    """An object that only this caller writes: replaced, and now and then deleted where that is possible."""

    place: str
    caller: str
    path: str
    make: Callable[[int], Document]
    deletes: bool = False
    said: int = 0

    def write(self, send: Send) -> None:
        number = self.said + 1
        if self._is_there(number):
            insist(send, self.caller, "PUT", self.path, self.make(number))
        else:
            insist(send, self.caller, "DELETE", self.path, None, gone=True)
        self.said = number

    def _is_there(self, number: int) -> bool:
        return not self.deletes or number % 3 != 0

    def holds(self, found: dict[str, Document]) -> list[str]:
        there = found.get(self.place)
        if not self.said or not self._is_there(self.said):
            return [f"{self.place} is there"] if there is not None else []
        wanted = bare(self.make(self.said))
        return [] if there is not None and _same(wanted, bare(there)) else [f"{self.place} is not what was said last"]


@dataclass
class Once:
    """CDRs: each sent until it is answered, and some again, much later."""

    place: str
    caller: str
    method: str
    path: Callable[[str], str]
    random: Any
    said: int = 0
    again: int = 0
    _sent: list[str] = field(default_factory=list)

    def write(self, send: Send) -> None:
        name = f"C{self.said + 1}"
        insist(send, self.caller, self.method, self.path(name), _cdr(name))
        self._sent.append(name)
        self.said += 1
        if self.random.random() < 0.3:
            late = self.random.choice(self._sent)
            insist(send, self.caller, self.method, self.path(late), _cdr(late))
            self.again += 1

    def holds(self, found: dict[str, Document]) -> list[str]:
        there = {name for name in found if name.startswith(f"{self.place}/")}
        wanted = {f"{self.place}/{name.lower()}" for name in self._sent}
        return [f"{each} is missing or too much" for each in there ^ wanted]


@dataclass
class Bulk:
    """The operator's tariffs, all in one request."""

    said: int = 0

    def write(self, send: Send) -> None:
        number = self.said + 1
        body = "\n".join(json.dumps(_tariff(f"B{each}", number)) for each in range(8)).encode()
        insist(send, "operator", "POST", f"{OWN}/tariffs/bulk", body)
        self.said = number

    def holds(self, found: dict[str, Document]) -> list[str]:
        if not self.said:
            return []
        places = [f"own/tariffs/b{each}" for each in range(8)]
        return [f"{place} is old" for place in places if found[place]["tariff_alt_url"] != _url(self.said)]


def everybody(random: Any) -> list[Caller]:
    """All callers; those of one object come one after the other."""
    return [*_locations(), *_sessions(), *_wholes(), *_tokens(), Bulk(), *_cdrs(random)]


def beginnings() -> Iterator[tuple[str, str, str, Document]]:
    """What is there before: caller, method, path, body."""
    for n in range(FEW):
        yield "cpo", "PUT", f"{RECEIVED}/locations/DE/CPA/L{n}", _location(n)
        yield "operator", "PUT", f"{OWN}/locations/L{n}", bare(_location(n))
        yield "emsp", "PUT", f"{THEIRS}/U{n}", fixture("token_max", uid=f"U{n}", auth_id=f"A{n}")
    for n in range(SESSIONS):
        zero = {"kwh": 0, "total_cost": 0, "end_datetime": ...}
        session = fixture("session_max", id=f"S{n}", auth_id="A0", status="ACTIVE", **zero)
        yield "cpo", "PUT", f"{RECEIVED}/sessions/DE/CPA/S{n}", session
        yield "operator", "PUT", f"{OWN}/sessions/S{n}", bare(session)


def _location(number: int) -> Document:
    location = fixture("location_max", id=f"L{number}")
    for evse in location["evses"]:
        for connector in evse["connectors"]:
            connector["amperage"] = 0
    return location


def _locations() -> Iterator[Caller]:
    evse = fixture("location_max")["evses"][0]["uid"]
    fields: list[tuple[str, Any, Any]] = [
        ("", lambda n: {"name": str(n)}, lambda it: _number(it["name"])),
        (
            f"/{evse}",
            lambda n: {"physical_reference": str(n)},
            lambda it: _number(it["evses"][0]["physical_reference"]),
        ),
        (f"/{evse}/1", lambda n: {"amperage": n}, lambda it: it["evses"][0]["connectors"][0]["amperage"]),
    ]
    for n in range(FEW):
        for part, patch, read in fields:
            received = _stamped(patch)
            yield Field(f"de-cpa/locations/l{n}", "cpo", f"{RECEIVED}/locations/DE/CPA/L{n}{part}", received, read)
            own = part.replace(f"/{evse}", f"/evses/{evse}").replace(f"{evse}/1", f"{evse}/connectors/1")
            yield Field(f"own/locations/l{n}", "operator", f"{OWN}/locations/L{n}{own}", patch, read)


def _sessions() -> Iterator[Caller]:
    fields: list[tuple[Any, Any]] = [
        (lambda n: {"kwh": n}, lambda it: it["kwh"]),
        (lambda n: {"total_cost": n}, lambda it: it.get("total_cost")),
    ]
    for n in range(SESSIONS):
        for patch, read in fields:
            path = f"{RECEIVED}/sessions/DE/CPA/S{n}"
            yield Field(f"de-cpa/sessions/s{n}", "cpo", path, _stamped(patch), read)
            yield Field(f"own/sessions/s{n}", "operator", f"{OWN}/sessions/S{n}", patch, read)


def _wholes() -> Iterator[Caller]:
    for n in range(FEW):
        received, own = f"{RECEIVED}/tariffs/DE/CPA/T{n}", f"{OWN}/tariffs/T{n}"
        yield Whole(f"de-cpa/tariffs/t{n}", "cpo", received, _tariff_named(f"T{n}"), deletes=True)
        yield Whole(f"own/tariffs/t{n}", "operator", own, _tariff_named(f"T{n}"), deletes=True)


def _tokens() -> Iterator[Caller]:
    for n in range(FEW):
        place = f"de-ema/tokens/rfid/u{n}"
        patch = _stamped(lambda n: {"issuer": str(n)})
        yield Field(place, "emsp", f"{THEIRS}/U{n}", patch, lambda it: _number(it["issuer"]))


def _cdrs(random: Any) -> Iterator[Caller]:
    for _ in range(1):
        yield Once("de-cpa/cdrs", "cpo", "POST", lambda _: f"{RECEIVED}/cdrs", random)
        yield Once("own/cdrs", "operator", "PUT", lambda name: f"{OWN}/cdrs/{name}", random)


def _stamped(patch: Callable[[int], Document]) -> Callable[[int], Document]:
    return lambda number: {**patch(number), "last_updated": LATER}


def _tariff_named(name: str) -> Callable[[int], Document]:
    return lambda number: _tariff(name, number)


def _tariff(name: str, number: int) -> Document:
    return fixture("tariff_max", id=name, tariff_alt_url=_url(number))


def _cdr(name: str) -> Document:
    return fixture("cdr_max", id=name, auth_id="A0")


def _url(number: int) -> str:
    return f"https://cpo.example/{number}"


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _same(wanted: Any, found: Any) -> bool:
    return bool(json.dumps(wanted, sort_keys=True) == json.dumps(found, sort_keys=True))
