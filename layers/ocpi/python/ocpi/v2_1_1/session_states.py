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
