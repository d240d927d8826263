"""How a partner is written down: one JSON text, so that a new field of :class:`Partner` needs no migration."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ocpi.store.port import Partner, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.store.port import Grant

NOTES = ("last_seen_at", "last_synced_at", "behind_since", "learned")
"""Fields that have methods of their own to set them, which touch neither the document nor the revision."""
APART = ("revision", *NOTES)
"""Fields that adapters keep beside the document."""


def partner_document(partner: Partner) -> str:
    """The partner as JSON, without the fields that are kept beside it."""
    fields = {name: value for name, value in asdict(partner).items() if name not in APART}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def partner_notes(partner: Partner) -> dict[str, str]:
    """The notes of a partner as text, those that say anything."""
    notes = {name: getattr(partner, name) for name in NOTES}
    return {**{name: note for name, note in notes.items() if note}, **learned_note(partner.learned)}


def learned_note(learned: Mapping[str, str]) -> dict[str, str]:
    """What was learned, as the text of one note; no note if it is nothing."""
    return {"learned": json.dumps(learned, ensure_ascii=False, separators=(",", ":"))} if learned else {}


def older_note(grant: Grant) -> str | None:
    """The tokens that a grant replaces and ends, as the text of one note; earlier releases knew only the first."""
    return " ".join(grant.older) or None


def older_from(note: str | None) -> dict[str, Any]:
    """The fields of a grant that are in such a note."""
    older = (note or "").split()
    return {"replaces": older[0] if older else None, "ends": tuple(older[1:])}


def partner_from(document: str, *, revision: int, notes: Mapping[str, str | None]) -> Partner:
    """The partner of a document and of notes that the functions above made."""
    # A document of an earlier release has fields in it that are kept apart now; none of them was ever set.
    fields: dict[str, Any] = {name: value for name, value in json.loads(document).items() if name not in APART}
    fields["status"] = PartnerStatus(fields["status"])
    fields["endpoints"] = tuple(fields["endpoints"])
    fields["grants"] = tuple(fields["grants"])
    learned = notes.get("learned")
    return Partner(
        **fields,
        revision=revision,
        last_seen_at=notes.get("last_seen_at"),
        last_synced_at=notes.get("last_synced_at"),
        behind_since=notes.get("behind_since"),
        learned=json.loads(learned) if learned else {},
    )
