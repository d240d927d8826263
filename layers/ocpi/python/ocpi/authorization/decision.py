"""How we answer a real-time authorization of one of our tokens, as an eMSP (section 12.2.2.2)."""

from __future__ import annotations

from typing import Any

from ocpi.authorization.references import reduced

Document = dict[str, Any]


def decide(token: Document, rule: Document | None, asked: Document | None) -> Document | None:
    """The AuthorizationInfo (12.3.1), or ``None`` if it cannot be told without a location.

    ``rule`` is an :class:`~ocpi.authorization.rule_model.AuthorizationRule`; ``asked`` a reference. Without a rule a
    valid token is ``ALLOWED`` everywhere. One that is not valid never is, whatever the rule says.
    """
    rule = rule or {"allowed": "ALLOWED"}
    outcome = allowed_at_most(token, rule["allowed"])
    if outcome != "ALLOWED":
        return answer(outcome, info=rule.get("info"))
    places = rule.get("locations")
    if asked is None:
        needs_location = places is not None or rule.get("location_required")
        return None if needs_location else answer(outcome, info=rule.get("info"))
    location = reduced(asked, [asked] if places is None else places)
    return answer("NOT_ALLOWED" if location is None else outcome, location=location, info=rule.get("info"))


def allowed_at_most(token: Document, outcome: str) -> str:
    """The outcome, unless it would let a token charge that is not valid."""
    return "BLOCKED" if outcome == "ALLOWED" and not token["valid"] else outcome


def answer(outcome: str, *, location: Document | None = None, info: Document | None = None) -> Document:
    """An AuthorizationInfo without what is absent."""
    fields = {"allowed": outcome, "location": location, "info": info}
    return {name: value for name, value in fields.items() if value is not None}
