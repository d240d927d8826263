"""May this token charge here: how a CPO finds that out, by whitelist or by asking (section 12.4.4, reading A-29)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ocpi.authorization.candidates import Candidate, connected_emsps, find_candidate
from ocpi.authorization.real_time import Asking, Question, Reply
from ocpi.authorization.whitelist import decided_here, decided_offline
from ocpi.objects.tokens import TOKEN_TYPES
from ocpi.registration.partner_api import endpoint_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Partner, Store

SECONDS = 3.0
"""For all of it: a driver stands at the charge point and waits."""

Document = dict[str, Any]
Source = Literal["whitelist", "realtime", "offline", "unknown"]


def authorize(
    store: Store, asking: Asking, uid: str, token_type: str | None, asked: Document | None, *, until: float
) -> Document:
    """``{"allowed", "location", "info", "source", "partner"}``, with ``None`` for what is absent.

    ``partner`` is the id of the partner whose token it is. ``asked`` is a reference or ``None``; ``until`` is on the
    monotonic clock.
    """
    emsps = connected_emsps(store.partners.list())
    candidate = find_candidate(store.objects, emsps, uid, token_type)
    if candidate is None:
        return _found_by_asking(asking, emsps, Question(uid, token_type or TOKEN_TYPES[0], asked, until))
    outcome = decided_here(candidate.token)
    if outcome is not None:
        return _result({"allowed": outcome}, "whitelist", candidate.partner)
    return _asked(asking, candidate, Question(uid, candidate.token["type"], asked, until))


def _asked(asking: Asking, candidate: Candidate, question: Question) -> Document:
    """The answer of the partner whose token it is."""
    partner = candidate.partner
    _, reply = next(asking.replies([partner], question), (partner, Reply("unreachable")))
    match reply.kind:
        case "answered" | "refused":
            return _result(reply.info, "realtime", partner)
        case "unknown":
            return _result(reply.info, "unknown", partner)
        case "unreachable":
            return _result({"allowed": decided_offline(candidate.token)}, "offline", partner)


def _found_by_asking(asking: Asking, emsps: Sequence[Partner], question: Question) -> Document:
    """A token that nobody gave us: whoever says ``ALLOWED`` first wins, or else who knows it at all."""
    known: Document | None = None
    serving = [partner for partner in emsps if endpoint_url(partner.endpoints, "tokens") is not None]
    for partner, reply in asking.replies(serving, question):
        if reply.kind != "answered":
            continue
        if reply.info["allowed"] == "ALLOWED":
            return _result(reply.info, "realtime", partner)
        known = known or _result(reply.info, "realtime", partner)
    return known or _result({"allowed": "NOT_ALLOWED"}, "unknown", None)


def _result(info: Document, source: Source, partner: Partner | None) -> Document:
    return {
        "allowed": info["allowed"],
        "location": info.get("location"),
        "info": info.get("info"),
        "source": source,
        "partner": partner.id if partner else None,
    }
