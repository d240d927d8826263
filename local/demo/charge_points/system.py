"""The charge point system: takes commands, answers them, and does what it said.

A command is answered first and acted upon then, so that nothing happens for which the answer came too late.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.demo.charge_points.charges import SESSION_ID, Charges
from local.demo.charge_points.operator_api import RefusedError
from local.demo.charge_points.remote_visit import RemoteVisit
from local.demo.charge_points.reservations import Reservation, Reservations, holder_of, name_of, reservation
from local.demo.locations import locations

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.demo.charge_points.operator_api import OperatorApi

Document = dict[str, Any]
Decision = tuple[str, "Callable[[], None]"]
"""A word of CommandResponseType, and what to do once it is said."""

log = logging.getLogger("local.demo")


class ChargePointSystem:
    """The fifty locations of the demo network; commands for any other are left to whose they are."""

    def __init__(
        self,
        api: OperatorApi,
        meter_every: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(microsecond=0),
    ) -> None:
        self._api = api
        self._now = now
        self._charges = Charges(api, meter_every)
        self._reservations = Reservations()
        self._sites: frozenset[str] | None = None

    def step(self) -> None:
        """Do all that is to be done now; raises :class:`OperatorApiError` if the operator API fails."""
        if self._sites is None:
            self._pick_up()
        for command in self._api.pending_commands():
            if not self._is_ours(command):
                continue
            result, act = self._decide(command)
            if self._api.answer(command, result):
                act()
        self._end_reservations()
        self._charges.look(self._now())

    def _decide(self, command: Document) -> Decision:
        try:
            match command["type"]:
                case "RESERVE_NOW":
                    return self._reserve(command)
                case "START_SESSION":
                    return self._start(command)
                case "STOP_SESSION":
                    return self._stop(command)
                case "UNLOCK_CONNECTOR":
                    return "ACCEPTED", _nothing
                case _:
                    return "NOT_SUPPORTED", _nothing
        except RefusedError as error:
            log.warning("demo: %s is turned down: %s", command["type"], error)
            return "REJECTED", _nothing

    def _is_ours(self, command: Document) -> bool:
        request = command["request"]
        if command["type"] == "STOP_SESSION":
            return SESSION_ID.fullmatch(request["session_id"]) is not None
        return self._sites is not None and request.get("location_id") in self._sites

    def _start(self, command: Document) -> Decision:
        location = self._api.location(command["request"]["location_id"])
        holder = holder_of(command)

        def suits(evse: Document) -> bool:
            kept = self._reservations.of_evse(evse["uid"])
            mine = kept is not None and kept.holder == holder and evse["status"] == "RESERVED"
            return mine or (kept is None and evse["status"] == "AVAILABLE")

        evse = self._choose(command, location, "REMOTE_START_STOP_CAPABLE", suits)
        tariff = self._tariff(evse)
        if evse is None or tariff is None:
            return "REJECTED", _nothing
        # Of a charger with two cables the first is taken, as most cars have that plug.
        site = {**location, "evses": [{**evse, "status": "CHARGING", "connectors": evse["connectors"][:1]}]}
        uid, partner = evse["uid"], command["partner"]

        def begin() -> None:
            kept = self._reservations.of_evse(uid)
            if kept is not None:
                self._reservations.remove(kept)
            visit = RemoteVisit.begin(command, site, self._now(), self._charges.free_since(uid))
            self._charges.begin(visit, tariff, partner)

        return "ACCEPTED", begin

    def _stop(self, command: Document) -> Decision:
        charge = self._charges.find(command["request"]["session_id"])
        if charge is None:
            return "UNKNOWN_SESSION", _nothing
        return "ACCEPTED", lambda: self._charges.stop(charge, self._now())

    def _reserve(self, command: Document) -> Decision:
        request, before = command["request"], self._reservations.find(name_of(command))

        def suits(evse: Document) -> bool:
            kept = self._reservations.of_evse(evse["uid"])
            return evse["status"] == "AVAILABLE" if kept is None else kept is before and evse["status"] == "RESERVED"

        evse = self._choose(command, self._api.location(request["location_id"]), "RESERVABLE", suits)
        if evse is None or datetime.fromisoformat(request["expiry_date"]) <= self._now():
            return "REJECTED", _nothing
        return "ACCEPTED", lambda: self._keep(reservation(command, evse["uid"]))

    def _keep(self, kept: Reservation) -> None:
        before = self._reservations.add(kept)
        self._set_status(kept, "RESERVED")
        if before is not None and before.evse_uid != kept.evse_uid:
            self._set_status(before, "AVAILABLE", instead_of="RESERVED")

    def _end_reservations(self) -> None:
        for over in self._reservations.expired(self._now()):
            self._set_status(over, "AVAILABLE", instead_of="RESERVED")
            self._reservations.remove(over)

    def _set_status(self, kept: Reservation, status: str, *, instead_of: str | None = None) -> None:
        try:
            self._api.set_status(kept.location_id, kept.evse_uid, status, instead_of=instead_of)
        except RefusedError as error:
            log.warning("demo: %s: %s", kept.evse_uid, error)

    def _choose(
        self, command: Document, location: Document, capability: str, suits: Callable[[Document], bool]
    ) -> Document | None:
        """The EVSE that a command names, or the best of its location if it names none; ``None`` if none is free."""
        uid = command["request"].get("evse_uid")
        free = [
            evse
            for evse in location.get("evses", ())
            if (uid is None or evse["uid"] == uid)
            and capability in evse.get("capabilities", ())
            and self._charges.at_evse(evse["uid"]) is None
            and suits(evse)
        ]
        # What is reserved for the one who asks comes before what is free for everybody.
        return min(free, key=lambda evse: evse["status"] != "RESERVED", default=None)

    def _tariff(self, evse: Document | None) -> Document | None:
        """What the EVSE's first connector costs; nobody charges where nobody knows."""
        try:
            return self._charges.tariff_of(evse["connectors"][0]) if evse is not None else None
        except (LookupError, RefusedError) as error:
            log.warning("demo: a charge point without a tariff: %r", error)
            return None

    def _pick_up(self) -> None:
        """Read back what was going on when this system ended last."""
        party, now = self._api.party(), self._now()
        self._charges.pick_up(party)
        for command in self._api.accepted_commands():
            if command["type"] == "STOP_SESSION":
                charge = self._charges.find(command["request"]["session_id"])
                if charge is not None:
                    self._charges.stop(charge, datetime.fromisoformat(command["answered_at"]))
            elif command["type"] == "RESERVE_NOW" and datetime.fromisoformat(command["request"]["expiry_date"]) > now:
                self._pick_up_reservation(command)
        self._sites = frozenset(location["id"] for location in locations(party))

    def _pick_up_reservation(self, command: Document) -> None:
        """Of a reservation only the command tells, and the EVSE that has been RESERVED since."""
        uid, since = command["request"].get("evse_uid"), datetime.fromisoformat(command["requested_at"])
        try:
            evses = self._api.location(command["request"]["location_id"]).get("evses", ())
        except RefusedError:
            return
        for evse in evses:
            kept = self._reservations.of_evse(evse["uid"])
            changed = datetime.fromisoformat(evse["last_updated"])
            free = kept is None or kept.name == name_of(command)
            if evse["status"] == "RESERVED" and uid in (None, evse["uid"]) and changed >= since and free:
                self._reservations.add(reservation(command, evse["uid"]))
                return


def _nothing() -> None:
    """A command was turned down, or needs no more than a word."""
