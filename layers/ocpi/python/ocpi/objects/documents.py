"""Between a document as a dictionary, which the rules work on, and as canonical text, which is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.store.port import Draft, Record

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_document(record: Record) -> dict[str, Any]:
    """The object of a record."""
    document: dict[str, Any] = strict_json.read(record.document)
    return document


def sound_document(record: Record) -> dict[str, Any] | None:
    """The object of a record, or ``None`` if it was ruined: what replaces it as a whole must not fail on that."""
    try:
        document = strict_json.read(record.document)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return None
    return document if isinstance(document, dict) else None


def draft(
    version: str,
    document: dict[str, Any],
    *,
    audience: str | None = None,
    lookup: str | None = None,
    due: str | None = None,
    findings: Iterable[str] = (),
    journal: str = "",
) -> Draft:
    """A valid, canonical object, ready to be stored; what goes with it as in :class:`ocpi.store.port.Draft`."""
    return Draft(
        version=version,
        document=strict_json.write(document),
        last_updated=document["last_updated"],
        audience=audience,
        lookup=lookup,
        due=due,
        findings=tuple(findings),
        journal=journal,
    )
