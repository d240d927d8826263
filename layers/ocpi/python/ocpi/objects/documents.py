"""Between a document as a dictionary, which the rules work on, and as canonical text, which is stored."""

from __future__ import annotations

from typing import Any

from ocpi import strict_json
from ocpi.store.port import Draft, Record


def read_document(record: Record) -> dict[str, Any]:
    """The object of a record."""
    document: dict[str, Any] = strict_json.read(record.document)
    return document


def draft(version: str, document: dict[str, Any], *, audience: str | None = None) -> Draft:
    """A valid, canonical object, ready to be stored."""
    return Draft(
        version=version,
        document=strict_json.write(document),
        last_updated=document["last_updated"],
        audience=audience,
    )
