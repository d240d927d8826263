"""How a channel is written down: one JSON text, so that a new field of :class:`Channel` needs no migration."""

from __future__ import annotations

import json
from dataclasses import asdict

from ocpi.store.deliveries import Channel

APART = ("partner_id", "revision")
"""Fields that adapters keep beside the document, because they are found and compared by them."""


def channel_document(channel: Channel) -> str:
    """The channel as JSON, without the fields that are kept beside it and without those that say nothing."""
    fields = {name: value for name, value in asdict(channel).items() if name not in APART and value is not None}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def channel_from(partner_id: str, document: str, *, revision: int) -> Channel:
    """The channel of a document that :func:`channel_document` made."""
    return Channel(partner_id=partner_id, revision=revision, **json.loads(document))
