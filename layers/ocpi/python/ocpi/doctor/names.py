"""What an entry is called in a finding: enough to find it by, without a token or the uid of a card."""

from __future__ import annotations

import re

PLAIN = frozenset({"locations", "sessions", "cdrs", "tariffs", "commands-received", "commands-sent", "reservations"})
"""Modules whose ids identify no driver; ids of all others are masked."""
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?Z")
PRECISE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
WIRE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def object_name(collection: object, object_id: object, created: object) -> str:
    """``own/locations/HQ1``; of a token ``own/tokens/RFID/… (created 2026-01-01T00:00:00.000000Z)``."""
    return f"{collection}/{_id(str(collection).rpartition('/')[2], str(collection), object_id, created)}"


def delivery_name(partner_id: object, module: object, object_id: object, since: object) -> str:
    """``delivery to <partner> of locations/HQ1``."""
    return f"delivery to {partner_id} of {module}/{_id(str(module), 'own', object_id, since)}"


def grant_name(token_hash: object) -> str:
    """The first characters of the hash: enough to tell one from another."""
    return f"token {str(token_hash)[:8]}…"


def _id(module: str, collection: str, object_id: object, instant: object) -> str:
    if module in PLAIN or collection.startswith("jobs/"):
        return str(object_id)
    token_type = str(object_id).partition("/")[0]
    shown = f"{token_type}/…" if token_type in ("RFID", "OTHER", "rfid", "other") else "…"
    return f"{shown} (of {instant})" if INSTANT.fullmatch(str(instant)) else shown
