"""Whose a session or CDR of ours is: the eMSP's whose token it names.

A token that a partner gave us is found by its ``auth_id`` through the store's lookup. An object whose token nobody has
given us yet waits under a lookup of its own, until the token arrives, or the regular look at what is due finds it:
an index may lag and a process may die between the two writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.objects.documents import read_document

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

Document = dict[str, Any]


def token_lookup(token: Document) -> str:
    """The lookup of a token that a partner gave us. Letter case of contract ids is not to be relied on."""
    return f"token/{token['auth_id'].lower()}"


def waiting_lookup(auth_id: str) -> str:
    """The lookup of our own objects that wait for a token of this ``auth_id``."""
    return f"waiting/{auth_id.lower()}"


def find_audience(objects: Objects, auth_id: str, stored: Record | None = None) -> str | None:
    """The party (``NL-TNM``) that gave us the token; ``None`` if nobody did.

    Of several parties the one that spells the ``auth_id`` just so, then one whose token is valid, then the one that
    gave it first: what a partner pushes about itself must not draw another's sessions and CDRs to it. ``stored`` is a
    token that was stored just now: the index behind the lookup may not show it yet.
    """
    lookup = token_lookup({"auth_id": auth_id})
    tokens = {token.key: token for token in objects.find(lookup)}
    if stored is not None and stored.lookup == lookup:
        tokens.setdefault(stored.key, stored)
    return min(tokens.values(), key=lambda token: _rank(token, auth_id)).key.collection.owner if tokens else None


def _rank(token: Record, auth_id: str) -> tuple[bool, bool, str, str]:
    document = read_document(token)
    return document["auth_id"] != auth_id, not document["valid"], token.created, token.key.collection.owner
