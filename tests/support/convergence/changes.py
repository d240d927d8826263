"""What an operator and its charge points do all day: writes of our own objects, one as likely as it is in life."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.errors import NotFound, StateConflict
from ocpi.faults import Invalid
from ocpi.objects.own import OwnWrites, own_key
from ocpi.objects.received import delete_exact, taking
from ocpi.objects.tokens import token_key
from ocpi.objects.waiting import Waiting
from ocpi.store.port import Collection
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.taking_rules import require_rules
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Document = dict[str, Any]
STATUSES = ("AVAILABLE", "BLOCKED", "CHARGING", "INOPERATIVE", "OUTOFORDER", "RESERVED", "UNKNOWN")
PENDING_MINUTES = 10


@dataclass
class Changes:
    """Writes through a store. ``parties`` are those whose tokens our sessions name; half of their tokens are known from
    the start, and the others only later.
    """

    random: Random
    objects: Any
    parties: tuple[str, ...]
    locations: int = 12
    made: int = 0
    _sessions: list[str] = field(default_factory=list)
    _cdrs: int = 0

    def begin(self) -> None:
        """What is there before everything else."""
        for number in range(self.locations):
            self._put("locations", self._location(number))
        for party in self.parties:
            for number in range(4):
                self._token_of(party, number)

    def any(self) -> None:
        """One change."""
        self.made += 1
        kinds = list(self._kinds())
        change, _ = self.random.choices(kinds, [weight for _, weight in kinds])[0]
        with suppress(NotFound, StateConflict):  # somebody deleted it, or ended it, before
            change()

    def _kinds(self) -> list[tuple[Callable[[], Any], int]]:
        return [
            (self._status, 40),
            (self._statuses, 5),
            (self._connector, 6),
            (self._new_evse, 2),
            (self._whole_location, 4),
            (self._field, 5),
            (self._cleared, 4),
            (self._tariff, 5),
            (self._no_tariff, 3),
            (self._session, 5),
            (self._growing, 10),
            (self._cdr, 10),
            (self._own_token, 4),
            (self._their_token, 2),
        ]

    # Locations

    def _location(self, number: int) -> Document:
        evses = [self._evse(f"E{n}") for n in range(self.random.randint(1, 4))]
        whole = fixture("location_max", id=f"L{number}", evses=evses, last_updated=...)
        return {**whole, "name": self._word()}

    def _evse(self, uid: str) -> Document:
        connectors = [
            fixture("connector_min", id=str(n), last_updated=...) for n in range(1, self.random.randint(2, 3))
        ]
        return fixture("evse_min", uid=uid, status=self._any_status(), connectors=connectors, last_updated=...)

    def _status(self) -> None:
        self._patch_location({"evses": [{"uid": self._uid(), "status": self._any_status()}]})

    def _statuses(self) -> None:
        uids = self.random.sample([f"E{n}" for n in range(4)], 2)
        self._patch_location({"evses": [{"uid": uid, "status": self._any_status()} for uid in uids]})

    def _connector(self) -> None:
        change: Document = self.random.choice(
            [{"amperage": self.random.randint(16, 64)}, {"tariff_id": f"T{self._few()}"}]
        )
        self._patch_location({"evses": [{"uid": self._uid(), "connectors": [{**change, "id": "1"}]}]})

    def _new_evse(self) -> None:
        self._patch_location({"evses": [self._evse(f"E{self.random.randint(0, 6)}")]})

    def _whole_location(self) -> None:
        self._put("locations", self._location(self.random.randrange(self.locations)))

    def _field(self) -> None:
        change: Document = self.random.choice(
            [
                {"name": self._word()},
                {"facilities": self.random.sample(["HOTEL", "WIFI", "CAFE"], 2)},
                {"operator": {"name": self._word()}},
                {"operator": {"name": self._word(), "website": "https://cpo.example"}},
                {"name": self._word(), "evses": [{"uid": self._uid(), "status": self._any_status()}]},
            ]
        )
        self._patch_location(change)

    def _cleared(self) -> None:
        place: Document = self.random.choice([{"owner": None}, {"suboperator": None}, {"charging_when_closed": None}])
        evse = {"uid": self._uid(), self.random.choice(["floor_level", "physical_reference"]): None}
        given = {"uid": self._uid(), "floor_level": str(self._few())}
        self._patch_location(self.random.choice([place, {"evses": [evse]}, {"evses": [given]}]))

    def _patch_location(self, patch: Document) -> None:
        self._change("locations", f"L{self.random.randrange(self.locations)}", patch)

    # Tariffs

    def _tariff(self) -> None:
        price = self.random.randint(1, 90) / 100
        element = {"price_components": [{"type": "ENERGY", "price": price, "step_size": 1}]}
        self._put("tariffs", fixture("tariff_free", id=f"T{self._few()}", elements=[element], last_updated=...))

    def _no_tariff(self) -> None:
        rules = module_rules("tariffs")
        assert rules is not None
        delete_exact(self.objects, own_key(rules, f"T{self._few()}"))

    # Sessions and CDRs

    def _session(self) -> None:
        object_id = f"S{self.made}"
        status = self.random.choice(["PENDING", "ACTIVE"])
        session = fixture("session_min", id=object_id, auth_id=self._auth_id(), status=status, last_updated=...)
        self._put("sessions", session)
        self._sessions = [*self._sessions[-20:], object_id]

    def _growing(self) -> None:
        if not self._sessions:
            return
        change: Document = self.random.choice(
            [
                {"kwh": self.random.randint(1, 100), "status": "ACTIVE"},
                {"kwh": self.random.randint(1, 100), "total_cost": self.random.randint(1, 50)},
                {"status": "ACTIVE", "charging_periods": [self._period()]},
                {"status": "COMPLETED", "end_datetime": "2026-03-05T10:00:00Z", "kwh": self.random.randint(1, 100)},
            ]
        )
        self._change("sessions", self.random.choice(self._sessions), change)

    def _period(self) -> Document:
        start = f"2026-03-05T09:{self.random.randint(0, 59):02}:00Z"
        return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": self.random.randint(1, 9)}]}

    def _cdr(self) -> None:
        self._cdrs += 1
        self._put("cdrs", fixture("cdr_min", id=f"C{self._cdrs}", auth_id=self._auth_id(), last_updated=...))

    # Tokens

    def _own_token(self) -> None:
        kind = self.random.choice(["RFID", "OTHER"])
        uid = f"U{self.random.randint(1, 15)}"
        token = fixture("token_min", uid=uid, type=kind, valid=self.random.random() < 0.5, last_updated=...)
        self._put("tokens", {**token, "issuer": self._word()})

    def _their_token(self) -> None:
        self._token_of(self.random.choice(self.parties), self.random.randrange(8))

    def _token_of(self, party: str, number: int) -> None:
        """A partner gives us a token, which may decide whose sessions are that wait for it."""
        rules = require_rules("tokens")
        token = fixture("token_min", uid=f"{party}-{number}", type="RFID", auth_id=f"{party}-C{number}")
        key = token_key(Collection(party, "tokens"), "RFID", token["uid"])
        outcome = update(self.objects, key, taking(rules, key, token))
        if outcome.after is not None:
            Waiting(self.objects, module_rules, PENDING_MINUTES).settle(outcome.after)

    # What they share

    def _put(self, module: str, value: Document) -> None:
        rules = module_rules(module)
        assert rules is not None
        body = rules.check_own(_read(value))
        key = own_key(rules, rules.object_id(body))
        update(self.objects, key, OwnWrites(rules, self.objects, PENDING_MINUTES).put(key, body))

    def _change(self, module: str, object_id: str, change: Document) -> None:
        rules = module_rules(module)
        assert rules is not None
        key, patch = own_key(rules, object_id), rules.check_patch(_read(change))
        writes = OwnWrites(rules, self.objects, PENDING_MINUTES)
        with suppress(Invalid):  # a part of an EVSE or connector that is not there
            update(self.objects, key, writes.change(key, lambda stored: rules.merged(stored, patch)))

    def _auth_id(self) -> str:
        return f"{self.random.choice(self.parties)}-C{self.random.randrange(8)}"

    def _uid(self) -> str:
        return f"E{self.random.choice([0, 0, 0, 1, 1, 2, 3])}"

    def _any_status(self) -> str:
        return self.random.choice(STATUSES)

    def _few(self) -> int:
        return self.random.randint(1, 6)

    def _word(self) -> str:
        return f"Name {self.random.randint(1, 1000)}"


def _read(value: Document) -> Any:
    """As it comes from the wire."""
    return strict_json.read(json.dumps(value))
