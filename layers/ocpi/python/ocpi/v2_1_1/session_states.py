"""The states of a session (section 9.4.1): it begins PENDING or ACTIVE and ends COMPLETED or INVALID."""

from __future__ import annotations

from typing import Any

FINAL = frozenset({"COMPLETED", "INVALID"})


def is_pending(session: dict[str, Any]) -> bool:
    """Whether it has not begun; a session that never begins must end as INVALID."""
    return bool(session["status"] == "PENDING")


def why_final(session: dict[str, Any]) -> str | None:
    """Why it cannot change any more (reading A-21); ``None``: it can."""
    status = session["status"]
    return f"the session is {status}, which is final" if status in FINAL else None


def why_not(stored: dict[str, Any], new: dict[str, Any]) -> str | None:
    """Why a session of ours cannot become another; ``None``: it can. One that has begun cannot be pending again: it
    would be taken for one that never began.
    """
    if is_pending(new) and not is_pending(stored):
        return why_final(stored) or f"the session is {stored['status']} and cannot be PENDING again"
    return why_final(stored)
