"""The sessions that go on at the demo's charge points, from the first reading of the meter to the CDR."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.demo.cdrs import cdr, cdr_id
from local.demo.charge_points.operator_api import RefusedError
from local.demo.charge_points.remote_visit import RemoteVisit
from local.demo.locations import locations
from local.demo.sessions import session
from local.demo.tokens import PARTNER, tokens
from local.demo.visits import visits
from local.operator_client import OperatorApiError

if TYPE_CHECKING:
    from local.demo.charge_points.operator_api import OperatorApi
    from local.demo.visits import Visit

Document = dict[str, Any]

SHORTEST = timedelta(minutes=1)
"""From plugging in to driving off."""
CHANGING = ("kwh", "charging_periods", "total_cost", "status", "end_datetime")
"""What of a session may change."""
READ_PLANNED_EVERY = timedelta(minutes=1)
SESSION_ID = re.compile(r"ZLD-S(?P<number>(?P<planned>\d+-\d\d)|[0-9a-f]{24})")

log = logging.getLogger("local.demo")


@dataclass(slots=True)
class Charge:
    """One session that goes on."""

    visit: Visit
    tariff: Document
    partner: str | None
    """Whose customer it is, as far as known."""
    is_open: bool
    """Whether the session has been written."""
    read_at: datetime | None = None
    """When the meter was read last."""

    @property
    def evse_uid(self) -> str:
        """Where."""
        uid: str = self.visit.site["evses"][0]["uid"]
        return uid

    @property
    def session_id(self) -> str:
        """``ZLD-S…``."""
        return f"ZLD-S{self.visit.number}"


class Charges:
    """All of them. ``meter_every`` is how often those begun by a command are brought up to date."""

    def __init__(self, api: OperatorApi, meter_every: timedelta) -> None:
        self._api = api
        self._meter_every = meter_every
        self._going_on: dict[str, Charge] = {}
        self._free_since: dict[str, datetime] = {}

    def at_evse(self, evse_uid: str) -> Charge | None:
        """What goes on there."""
        return next((charge for charge in self._going_on.values() if charge.evse_uid == evse_uid), None)

    def free_since(self, evse_uid: str) -> datetime | None:
        """When the last session there ended; ``None`` if none is known."""
        return self._free_since.get(evse_uid)

    def find(self, session_id: str) -> Charge | None:
        """One by its session."""
        return self._going_on.get(session_id)

    def begin(self, visit: RemoteVisit, tariff: Document, partner: str) -> None:
        """Begin; the next look writes it."""
        charge = Charge(visit, tariff, partner, is_open=False)
        self._going_on[charge.session_id] = charge

    def stop(self, charge: Charge, at: datetime) -> None:
        """Stop charging; the next look that finds the car gone ends the session."""
        visit = charge.visit
        charge.visit = visit.stopped(at, min(visit.left, max(at, visit.arrived + SHORTEST)))
        charge.read_at = None

    def look(self, now: datetime) -> None:
        """Bring every session up to date that is due, and end those whose cars have left.

        What fails is logged, and tried again when it is due again: each step may be repeated.
        """
        for charge in [each for each in self._going_on.values() if self._is_due(each, now)]:
            charge.read_at = now
            try:
                self._bring_up_to_date(charge, now)
            except OperatorApiError as error:
                log.warning("demo: session %s: %s", charge.session_id, error)

    def pick_up(self, party: Document) -> None:
        """Go on with the sessions that are ACTIVE, and write the CDRs that those which are over still lack."""
        written = {each["id"] for each in self._api.objects("cdrs")}
        for each in self._api.objects("sessions"):
            if not SESSION_ID.fullmatch(each["id"]):
                continue
            try:
                if each["status"] == "ACTIVE":
                    visit = _visit_of(each, party)
                    charge = Charge(visit, self.tariff_of(visit.connector), None, is_open=True)
                    self._going_on[charge.session_id] = charge
                elif each["status"] == "COMPLETED":
                    self._note_end(each)
                    if cdr_id(each["id"]) not in written:
                        self._write_cdr_of_past(each)
            except (LookupError, ValueError, RefusedError) as error:
                log.warning("demo: session %s is left alone: %r", each["id"], error)

    def tariff_of(self, connector: Document) -> Document:
        """The tariff that a connector names; raises :class:`RefusedError` if there is none, ``KeyError`` if it names
        none.
        """
        return self._api.tariff(connector["tariff_id"])

    def _is_due(self, charge: Charge, now: datetime) -> bool:
        every = self._meter_every if charge.visit.remote else READ_PLANNED_EVERY
        return charge.read_at is None or now >= charge.read_at + every or charge.read_at < charge.visit.left <= now

    def _bring_up_to_date(self, charge: Charge, now: datetime) -> None:
        until = min(now, charge.visit.left)
        current = session(charge.visit, charge.tariff, until)
        del current["last_updated"]
        try:
            self._write(charge, current)
            if current["status"] == "COMPLETED":
                self._api.put("cdrs", cdr(current, charge.tariff), charge.partner)
        except RefusedError as error:
            log.warning("demo: session %s is given up: %s", charge.session_id, error)
            self._end(charge, until)
        else:
            if current["status"] == "COMPLETED":
                self._end(charge, until)

    def _write(self, charge: Charge, current: Document) -> None:
        if charge.is_open:
            changing = {name: current[name] for name in CHANGING if name in current}
            charge.partner = self._api.patch_session(charge.session_id, changing)
            return
        self._api.set_status(charge.visit.site["id"], charge.evse_uid, "CHARGING")
        charge.partner = self._api.put("sessions", current, charge.partner)
        charge.is_open = True

    def _end(self, charge: Charge, at: datetime) -> None:
        """Free the EVSE, unless somebody has given it another status meanwhile."""
        try:
            self._api.set_status(charge.visit.site["id"], charge.evse_uid, "AVAILABLE", instead_of="CHARGING")
        except RefusedError as error:
            log.warning("demo: %s: %s", charge.evse_uid, error)
        self._free_since[charge.evse_uid] = at
        del self._going_on[charge.session_id]

    def _note_end(self, ended: Document) -> None:
        uid, at = ended["location"]["evses"][0]["uid"], datetime.fromisoformat(ended["end_datetime"])
        self._free_since[uid] = max(at, self._free_since.get(uid, at))

    def _write_cdr_of_past(self, ended: Document) -> None:
        tariff = self.tariff_of(ended["location"]["evses"][0]["connectors"][0])
        # Repeating what it says changes nothing and tells whose it is.
        partner = self._api.patch_session(ended["id"], {"status": "COMPLETED"})
        self._api.put("cdrs", cdr(ended, tariff), partner)


def _visit_of(going_on: Document, party: Document) -> Visit:
    """The visit of a Session: one of the demo's plan, or one that a command began."""
    match = SESSION_ID.fullmatch(going_on["id"])
    if match is None:
        raise ValueError("the id is none of ours")
    number = match["number"]
    if match["planned"] is None:
        return RemoteVisit.resumed(going_on, number)
    planned = visits(locations(party), tokens(PARTNER), datetime.fromisoformat(going_on["start_datetime"]))
    found = [visit for visit in planned if visit.number == number]
    if not found:
        raise LookupError("the plan has no such visit")
    return found[0]
