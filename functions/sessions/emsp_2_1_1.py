"""Sessions that CPO partners push to us (OCPI 2.1.1, section 9.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.deployment import store
from ocpi.errors import StateConflict
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import get_exact, owned_collection, require, write
from ocpi.store.port import Key
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION
from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.model import check, check_patch
from ocpi.v2_1_1.session_findings import session_findings
from ocpi.v2_1_1.session_states import why_final
from ocpi.v2_1_1.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.update import Outcome
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def get_session(call: Call, caller: Caller) -> Answer:
    """The session as the partner gave it to us."""
    return success(require(get_exact(store().objects, _key(call, caller)), "session").document)


def put_session(call: Call, caller: Caller) -> Answer:
    """Create or replace a session."""
    key = _key(call, caller)
    session = check(Session, call.json())
    require_same_id(session, "id", key.id)
    outcome = _write(key, lambda _: session)
    return success(http_status=201 if outcome.before is None else 200)


def patch_session(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a session; charging periods are merged by their start (reading A-10)."""
    key = _key(call, caller)
    patch = check_patch(Session, call.json())
    require_same_id(patch, "id", key.id)
    _write(key, lambda stored: check(Session, merge(require(stored, "session"), patch)))
    return success()


def _write(key: Key, change: Callable[[Document | None], Document]) -> Outcome:
    """Store a session, unless the stored one has ended: what is final stays as it was billed (reading A-21). The same
    again is no change.
    """

    def guarded(stored: Document | None) -> Document:
        session = change(stored)
        if stored is None or session == stored:
            return stored or session
        final = why_final(stored)
        if final is not None:
            raise StateConflict(final)
        return session

    return write(store().objects, key, VERSION, guarded, findings=session_findings)


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
