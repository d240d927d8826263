"""Where a driver wants to charge: LocationReferences, and the part of them that is permitted (section 12.4.2).

Here a reference is ``{"location_id": …}``, with ``evse_uids`` if single EVSEs are meant. ``connector_ids`` are
ambiguous, so they are neither looked at nor sent (reading A-27).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.v2_1_1 import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.transport.message import Call

Document = dict[str, Any]


def read_references(call: Call) -> Document | None:
    """The reference in a body. An empty body (its ``Content-Type`` does not matter), ``null`` and ``""`` have none
    (reading A-26). Raises :class:`~ocpi.faults.Invalid` and what :meth:`Call.json` raises.
    """
    if not call.body.strip():
        return None
    value = call.json()
    return None if value is None or value == "" else reference(models.check(models.LocationReferences, value))


def reference(location: Document) -> Document:
    """The reference in a valid LocationReferences."""
    return {name: location[name] for name in ("location_id", "evse_uids") if location.get(name)}


def reduced(asked: Document, permitted: Sequence[Document]) -> Document | None:
    """What of a reference is permitted, or ``None`` if nothing is.

    ``permitted`` are references themselves; one without ``evse_uids`` permits the whole location.
    """
    here = [place for place in permitted if place["location_id"] == asked["location_id"]]
    if not here:
        return None
    wanted = asked.get("evse_uids")
    if not all(place.get("evse_uids") for place in here):
        return reference(asked)
    uids = list(dict.fromkeys(uid for place in here for uid in place["evse_uids"]))
    left = uids if wanted is None else [uid for uid in wanted if uid in uids]
    return {"location_id": asked["location_id"], "evse_uids": left} if left else None
