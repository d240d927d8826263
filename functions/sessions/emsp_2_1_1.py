"""Sessions that CPO partners push to us (OCPI 2.1.1, section 9.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.deployment import store
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import get_exact, owned_collection, require, taking, write
from ocpi.store.port import Key
from ocpi.store.update import update
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION, models
from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def get_session(call: Call, caller: Caller) -> Answer:
    """The session as the partner gave it to us."""
    return success(require(get_exact(store().objects, _key(call, caller)), "session").document)


def put_session(call: Call, caller: Caller) -> Answer:
    """Create or replace a session."""
    key = _key(call, caller)
    session = models.check(models.Session, call.json())
    require_same_id(session, "id", key.id)
    outcome = update(store().objects, key, taking(require_rules("sessions"), key, session))
    return success(http_status=201 if outcome.before is None else 200)


def patch_session(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a session; charging periods are merged by their start (reading A-10)."""
    key = _key(call, caller)
    patch = models.check_patch(models.Session, call.json())
    require_same_id(patch, "id", key.id)

    rules = require_rules("sessions")

    def change(stored: Document | None) -> Document:
        known = require(stored, "session")
        return rules.becomes(known, models.check(models.Session, merge(known, patch)))

    write(store().objects, key, VERSION, change, findings=rules.findings)
    return success()


def _key(call: Call, caller: Caller) -> Key:
    return Key(owned_collection(caller.partner, call.path, "sessions"), call.path["session_id"])


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/sessions"),
    OcpiResource(
        "EMSP",
        "2.1.1/sessions/{country_code:segment}/{party_id:segment}/{session_id:segment}",
        GET=get_session,
        PUT=put_session,
        PATCH=patch_session,
    ),
]
