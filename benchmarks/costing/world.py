"""An operator with locations and partners, and the acts of its day, each carried out to its end: what is written is
pushed, what is pushed arrives, what is written is counted.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from network import Size, made_up

from costing.day import PAGE, TARIFFS
from costing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from costing.system import System

STATUSES = ("CHARGING", "AVAILABLE")


@dataclass
class Partner:
    """A registered eMSP."""

    id: str
    token: str
    number: int

    def card(self, number: int) -> dict[str, str]:
        """``uid`` and ``auth_id`` of a token, as ``partners.py`` has them."""
        return {"uid": f"04{self.number:02X}{number:08X}", "auth_id": f"DE-{self.number:03}-C{number:08}"}


@dataclass
class World:
    """``acts`` are filled by :meth:`measure`: what each takes, on average."""

    system: System
    partners: list[Partner] = field(default_factory=list)
    locations: list[dict[str, Any]] = field(default_factory=list)
    acts: dict[str, Tally] = field(default_factory=dict)
    _numbers: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def open_locations(self, number: int) -> None:
        """So many in all; a bulk import."""
        invented = made_up(Size(locations=number, tokens=1, sessions=0))
        for tariff in invented["tariffs"][:TARIFFS] if not self.locations else ():
            self.system.operator("PUT", f"/2.1.1/tariffs/{tariff['id']}", _undated(tariff), expect=201)
        more = [_undated(each) for each in invented["locations"][len(self.locations) :]]
        for start in range(0, len(more), 200):
            lines = "\n".join(json.dumps(each) for each in more[start : start + 200]).encode()
            self.system.operator("POST", "/2.1.1/locations/bulk", lines)
        self.locations += more
        self.system.settle(batch=100)

    def welcome(self, number: int, tokens: int) -> None:
        """So many partners with so many tokens each register and are pulled from."""
        self.system.partners.hold_tokens(tokens, 0)
        for place in range(1, number + 1):
            invited = self.system.operator("POST", "/partners", {"role": "EMSP", "name": f"P{place}"}, expect=201)
            ours = {
                "token": f"token-of-{place}",
                "url": f"{self.system.partners.url}/{place}/versions",
                "business_details": {"name": f"Partner {place}"},
                "country_code": "DE",
                "party_id": f"{place:03}",
            }
            data = self.system.partner("POST", "/ocpi/cpo/2.1.1/credentials", invited["token"], ours)
            settings = {"settings": {"requests_per_minute": 60_000}}
            self.system.operator("PATCH", f"/partners/{invited['id']}", settings)
            self.partners.append(Partner(invited["id"], data["token"], place))
            self.system.settle(batch=100)
        for _ in range(2):
            self.upkeep()
            self.system.settle(batch=100)

    def measure(self, name: str, act: Callable[[], object], times: int, *, first: bool = True) -> Tally:
        """What an act takes on average of so many times; a first one, which finds nothing made yet, is not counted."""
        meter = self.system.meter
        if first:
            act()
            self.system.settle()
        meter.tally.clear()
        for _ in range(times):
            act()
            self.system.settle()
        self.acts[name] = Tally(meter.tally).times(1 / times)
        return self.acts[name]

    # Acts of the operator

    def change_status(self) -> None:
        """An EVSE starts or ends charging."""
        number = self._next("status")
        location = self.locations[number % len(self.locations)]
        evse = location["evses"][0]["uid"]
        status = STATUSES[number // len(self.locations) % 2]
        if number < len(self.locations) and location["evses"][0]["status"] == status:
            status = "BLOCKED"
        self.system.operator("PATCH", f"/2.1.1/locations/{location['id']}/evses/{evse}", {"status": status})

    def start_session(self) -> None:
        """A session of some partner's card."""
        number = self._next("session")
        self.system.operator("PUT", f"/2.1.1/sessions/S{number}", self._session(number), expect=201)

    def update_session(self) -> None:
        """Its meter is read; each time of another session."""
        number = self._next("update")
        kwh = round(1.5 + number / 10, 1)
        period = {"start_date_time": _now(), "dimensions": [{"type": "ENERGY", "volume": kwh}]}
        body = {"kwh": kwh, "total_cost": kwh, "charging_periods": [period]}
        self.system.operator("PATCH", f"/2.1.1/sessions/S{number}", body)

    def stop_session(self) -> None:
        """It ends."""
        number = self._next("stop")
        body = {"status": "COMPLETED", "end_datetime": _now(), "kwh": 20.5, "total_cost": 8.2}
        self.system.operator("PATCH", f"/2.1.1/sessions/S{number}", body)

    def bill_session(self) -> None:
        """Its CDR."""
        number = self._next("cdr")
        session = self._session(number)
        cdr = {name: session[name] for name in ("auth_id", "auth_method", "location", "currency")}
        dimensions = [{"type": "ENERGY", "volume": 20.5}, {"type": "TIME", "volume": 0.5921}]
        tariff = _undated(made_up(Size(locations=1, tokens=1, sessions=0))["tariffs"][1])
        cdr |= {
            "id": f"C{number}",
            "start_date_time": _now(-36),
            "stop_date_time": _now(),
            "tariffs": [{**tariff, "last_updated": _now(-600)}],
            "charging_periods": [{"start_date_time": _now(-36), "dimensions": dimensions}],
            "total_cost": 8.2,
            "total_energy": 20.5,
            "total_time": 0.5921,
        }
        self.system.operator("PUT", f"/2.1.1/cdrs/C{number}", cdr, expect=201)

    def authorize(self, card: int = 0) -> None:
        """A card is held to a charge point; card 16 has to be asked for."""
        partner = self._someone("authorize")
        uid = partner.card(card)["uid"]
        answer = self.system.operator("POST", f"/2.1.1/tokens/{uid}/authorize?type=RFID")
        if answer["source"] != ("realtime" if card == 16 else "whitelist"):
            raise ValueError(answer)

    def answer_command(self) -> None:
        """A partner sends START_SESSION, and the charge point accepts."""
        partner = self._someone("command")
        location = self.locations[0]
        number = self._next("response")
        body = {
            "response_url": f"{self.system.partners.url}/{partner.number}/commands/START_SESSION/{number}",
            "token": {
                **partner.card(1),
                "type": "RFID",
                "issuer": "Synthetic Mobility (test data)",
                "valid": True,
                "whitelist": "ALLOWED",
                "last_updated": "2026-01-01T00:00:00Z",
            },
            "location_id": location["id"],
            "evse_uid": location["evses"][0]["uid"],
        }
        self.system.partner("POST", "/ocpi/cpo/2.1.1/commands/START_SESSION", partner.token, body)
        asked = next(json.loads(body) for _, body in self.system.meter.messages if '"request"' in body)
        deadline = next(each for each in self.system.meter.messages if '"timeout"' in each[1])
        self.system.meter.messages.remove(deadline)
        path = f"/2.1.1/commands/{asked['command_id']}/result"
        self.system.operator("POST", path, {"result": "ACCEPTED"}, expect=202)
        # What arrives half a minute later.
        self.system.meter.messages.append(deadline)

    # Acts of partners

    def push_token(self) -> None:
        """A partner changes a card."""
        partner, number = self._someone("push"), self._next("token")
        card = partner.card(number % 10)
        token = {
            **card,
            "type": "RFID",
            "visual_number": f"CHANGED-{number}",
            "issuer": "Synthetic Mobility (test data)",
            "valid": True,
            "whitelist": "ALLOWED",
            "last_updated": _now(),
        }
        path = f"/ocpi/cpo/2.1.1/tokens/DE/{partner.number:03}/{card['uid']}"
        self.system.partner("PUT", path, partner.token, token)

    def poll(self, module: str = "locations", *, since_now: bool = False) -> None:
        """A partner asks for all, page after page, or for what changed since a moment to come: nothing."""
        partner = self._someone("poll")
        since = f"&date_from={quote(_now(60))}" if since_now else ""
        offset, found = 0, [None] * PAGE
        while len(found) == PAGE:
            path = f"/ocpi/cpo/2.1.1/{module}?limit={PAGE}&offset={offset}{since}"
            found = self.system.partner("GET", path, partner.token) or []
            offset += len(found)

    def pull(self) -> None:
        """We ask a partner for tokens that changed."""
        partner = self._someone("pull")
        self.system.operator("POST", f"/partners/{partner.id}/sync", {"modules": ["tokens"]}, expect=202)

    # By the clock

    def upkeep(self) -> None:
        """A minute passes."""
        told = self.system.scheduled("UpkeepFunction")
        if told["failed"]:
            raise ValueError(told)

    def sweep(self, *, full: bool, at: float | None = None) -> None:
        """What one partner has is compared with what was written of late, or with everything; ``at`` is the time."""
        from ocpi.delivery.sweeping import sweep  # noqa: PLC0415 - of the layer, on the path by now
        from ocpi.deployment import deliveries, store  # noqa: PLC0415 - as above

        self.system.meter.function = "UpkeepFunction"
        partner = store().partners.get(self._someone("sweep").id)
        if partner is not None:
            sweep(store(), deliveries(), partner, lambda: at or time.time(), full=full)

    def reconcile(self) -> None:
        """What a partner holds is compared with what we have."""
        partner = self._someone("reconcile")
        self.system.operator("POST", f"/partners/{partner.id}/reconcile", {"modules": ["locations"]}, expect=202)

    def _session(self, number: int) -> dict[str, Any]:
        partner = self.partners[number % len(self.partners)]
        location = self.locations[number % len(self.locations)]
        evse = location["evses"][0]
        reduced = {**location, "evses": [{**evse, "connectors": evse["connectors"][:1]}]}
        return {
            "id": f"S{number}",
            "start_datetime": _now(-36),
            "kwh": 0.5,
            "auth_id": partner.card(2)["auth_id"],
            "auth_method": "WHITELIST",
            "location": reduced,
            "currency": "EUR",
            "charging_periods": [
                {"start_date_time": _now(-36), "dimensions": [{"type": "ENERGY", "volume": 0.5}]},
            ],
            "total_cost": 0.2,
            "status": "ACTIVE",
        }

    def _next(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what] - 1

    def _someone(self, what: str) -> Partner:
        return self.partners[self._next(f"partner of {what}") % len(self.partners)]


def _now(minutes: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _undated(value: Any) -> Any:
    """Without ``last_updated``, which the server sets."""
    if isinstance(value, dict):
        return {name: _undated(each) for name, each in value.items() if name != "last_updated"}
    return [_undated(each) for each in value] if isinstance(value, list) else value
