"""A Location with its EVSEs and Connectors: finding and changing one of them. Functions return new documents."""

from __future__ import annotations

from typing import Any

from ocpi.v2_1_1.merge import merge

PARTS = {"evses": "uid", "connectors": "id"}
"""The lists of a Location whose elements have an identity and a ``last_updated`` of their own."""

Document = dict[str, Any]


def find_evse(location: Document, uid: str) -> Document | None:
    """The EVSE with this uid (never its evse_id)."""
    return next((evse for evse in location.get("evses", ()) if evse["uid"] == uid), None)


def find_connector(location: Document, uid: str, connector_id: str) -> Document | None:
    """The connector with this id at the EVSE with this uid."""
    evse = find_evse(location, uid) or {}
    return next((connector for connector in evse.get("connectors", ()) if connector["id"] == connector_id), None)


def put_evse(location: Document, evse: Document) -> Document:
    """With this EVSE in the place of the one that has its uid, or after the last."""
    return {**location, "evses": _placed(location.get("evses", ()), evse, "uid")}


def put_connector(location: Document, uid: str, connector: Document) -> Document:
    """With this connector at a known EVSE, in the place of the one that has its id, or after the last."""
    evse = find_evse(location, uid) or {}
    return put_evse(location, {**evse, "connectors": _placed(evse.get("connectors", ()), connector, "id")})


def patch_location(location: Document, patch: Document) -> Document:
    """With the fields of a patch; EVSEs and connectors in it are merged by uid and id (reading A-10)."""
    return merge(location, patch, keyed=PARTS)


def patch_of_evse(uid: str, patch: Document) -> Document:
    """A patch of one EVSE as a patch of its Location."""
    return {"evses": [{**patch, "uid": uid}]}


def patch_of_connector(uid: str, connector_id: str, patch: Document) -> Document:
    """A patch of one connector as a patch of its Location."""
    return patch_of_evse(uid, {"connectors": [{**patch, "id": connector_id}]})


def replaced(stored: Document, location: Document) -> Document:
    """A whole new version of a location. EVSEs that it leaves out stay, as ``REMOVED``: an EVSE never disappears
    (section 8.1, reading A-51). One that was not removed before has no ``last_updated``: it changes with the rest.
    """
    kept = {evse["uid"].lower() for evse in location.get("evses", ())}
    vanished = [_removed(evse) for evse in stored.get("evses", ()) if evse["uid"].lower() not in kept]
    return {**location, "evses": [*location.get("evses", ()), *vanished]} if vanished else location


def taken(stored: Document, location: Document) -> Document:
    """The same, complete: EVSEs that vanished with this version of the location carry its time."""
    new = replaced(stored, location)
    if "evses" not in new:
        return new
    evses = [{**evse, "last_updated": evse.get("last_updated", new["last_updated"])} for evse in new["evses"]]
    return {**new, "evses": evses}


def all_removed(location: Document) -> Document:
    """With every EVSE ``REMOVED``. All times stay: when that happened only the owner knows, and if the location comes
    back it may well be as old as it was.
    """
    if "evses" not in location:
        return location
    return {**location, "evses": [{**evse, "status": "REMOVED"} for evse in location["evses"]]}


def _removed(evse: Document) -> Document:
    if evse["status"] == "REMOVED":
        return evse
    return {name: value for name, value in evse.items() if name != "last_updated"} | {"status": "REMOVED"}


def raise_parents(location: Document) -> Document:
    """With ``last_updated`` of EVSEs and Location not older than what is below them (section 8.2.1.1)."""
    evses = [
        {**evse, "last_updated": max(evse["last_updated"], *(part["last_updated"] for part in evse["connectors"]))}
        for evse in location.get("evses", ())
    ]
    newest = max((location["last_updated"], *(evse["last_updated"] for evse in evses)))
    return {**location, **({"evses": evses} if evses else {}), "last_updated": newest}


def _placed(parts: Any, part: Document, identity: str) -> list[Document]:
    placed = [part if known[identity] == part[identity] else known for known in parts]
    return placed if part in placed else [*placed, part]
