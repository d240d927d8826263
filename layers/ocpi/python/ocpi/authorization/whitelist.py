"""What a CPO may decide by the token that the eMSP gave it, and when it has to ask (section 12.4.4, reading A-29).

whitelist        valid  decided here   otherwise real time, and offline
ALWAYS           yes    ALLOWED
ALWAYS           no     BLOCKED
ALLOWED          yes    ALLOWED
ALLOWED          no                    NOT_ALLOWED
ALLOWED_OFFLINE  yes                   ALLOWED
ALLOWED_OFFLINE  no                    NOT_ALLOWED
NEVER            any                   NOT_ALLOWED
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def decided_here(token: Document) -> str | None:
    """The outcome that needs no eMSP, or ``None`` if it must be asked."""
    match token["whitelist"], token["valid"]:
        case (("ALWAYS" | "ALLOWED"), True):
            return "ALLOWED"
        case "ALWAYS", False:
            return "BLOCKED"
        case _:
            return None


def decided_offline(token: Document) -> str:
    """The outcome of a token whose eMSP must be asked and cannot be reached."""
    return "ALLOWED" if token["whitelist"] == "ALLOWED_OFFLINE" and token["valid"] else "NOT_ALLOWED"
