"""What a command is about, looked up among our own objects before anybody's charge point hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi.objects.documents import read_document
from ocpi.objects.received import get_exact
from ocpi.store.port import OWN, Collection, Key
from ocpi.times import now_wire
from ocpi.v2_1_1.location_tree import find_connector, find_evse
from ocpi.v2_1_1.session_states import why_final

if TYPE_CHECKING:
    from ocpi.store.port import Objects

Document = dict[str, Any]

CAPABILITY = {
    "RESERVE_NOW": "RESERVABLE",
    "START_SESSION": "REMOTE_START_STOP_CAPABLE",
    "STOP_SESSION": "REMOTE_START_STOP_CAPABLE",
    "UNLOCK_CONNECTOR": "UNLOCK_CAPABLE",
}
"""What an EVSE must be able to do for a command (section 8.4.2)."""


class UnknownLocation(Exception):
    """The location, EVSE or connector that a command names is none of ours (status code 2003)."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """``audience`` is the party of the partner that commands: only its own sessions exist for it."""

    objects: Objects
    audience: str

    def objection(self, command_type: str, request: Document) -> str | None:
        """The word of CommandResponseType with which a command is turned down at once; ``None``: it may go on.

        Raises :class:`UnknownLocation`.
        """
        if command_type == "STOP_SESSION":
            return self._objection_to_stop(request)
        location = self._location(request["location_id"])
        if location is None:
            raise UnknownLocation("there is no such location")
        if command_type == "RESERVE_NOW" and request["expiry_date"] <= now_wire():
            return "REJECTED"
        if "connector_id" in request:
            self._require_connector(location, request)
        return _objection_of_evses(_evses(location, request.get("evse_uid")), CAPABILITY[command_type])

    def _objection_to_stop(self, request: Document) -> str | None:
        record = get_exact(self.objects, Key(Collection(OWN, "sessions"), request["session_id"]))
        # Somebody else's session is as unknown as one that does not exist.
        if record is None or record.audience != self.audience:
            return "UNKNOWN_SESSION"
        session = read_document(record)
        if why_final(session) is not None:
            return "REJECTED"
        charged_at = session["location"]
        location = self._location(charged_at["id"])
        uids = [evse["uid"] for evse in charged_at.get("evses", ())]
        evse = find_evse(location, uids[0]) if location is not None and len(uids) == 1 else None
        # A session at an EVSE that is not among our locations can be stopped as well: its system knows it.
        return None if evse is None or CAPABILITY["STOP_SESSION"] in evse.get("capabilities", ()) else "NOT_SUPPORTED"

    def _location(self, location_id: str) -> Document | None:
        record = get_exact(self.objects, Key(Collection(OWN, "locations"), location_id))
        return read_document(record) if record is not None else None

    @staticmethod
    def _require_connector(location: Document, request: Document) -> None:
        if find_connector(location, request["evse_uid"], request["connector_id"]) is None:
            raise UnknownLocation("there is no such EVSE or connector at this location")


def _evses(location: Document, uid: str | None) -> list[Document]:
    if uid is None:
        return list(location.get("evses", ()))
    evse = find_evse(location, uid)
    if evse is None:
        raise UnknownLocation("there is no such EVSE at this location")
    return [evse]


def _objection_of_evses(evses: list[Document], capability: str) -> str | None:
    """Why none of these EVSEs can do it; which of several does is the charge point system's choice."""
    present = [evse for evse in evses if evse["status"] != "REMOVED"]
    if not present:
        return "REJECTED"
    return None if any(capability in evse.get("capabilities", ()) for evse in present) else "NOT_SUPPORTED"
