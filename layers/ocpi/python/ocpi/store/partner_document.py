"""How a partner is written down: one JSON text, so that a new field of :class:`Partner` needs no migration."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ocpi.store.port import Partner, PartnerStatus

APART = ("revision", "last_seen_at")
"""Fields that adapters keep beside the document: ``seen`` changes one of them without the other."""


def partner_document(partner: Partner) -> str:
    """The partner as JSON, without the fields that are kept beside it."""
    fields = {name: value for name, value in asdict(partner).items() if name not in APART}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def partner_from(document: str, *, revision: int, last_seen_at: str | None) -> Partner:
    """The partner of a document that :func:`partner_document` made."""
    fields: dict[str, Any] = json.loads(document)
    fields["status"] = PartnerStatus(fields["status"])
    fields["endpoints"] = tuple(fields["endpoints"])
    fields["grants"] = tuple(fields["grants"])
    return Partner(**fields, revision=revision, last_seen_at=last_seen_at)
