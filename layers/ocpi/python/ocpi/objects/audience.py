"""Whose a session or CDR of ours is: that of whose token it names.

A token is found by its ``auth_id`` through the store's lookup, ours as those that partners gave us. An object whose
token nobody has given us yet waits under a lookup of its own, until the token arrives, or the regular look at what is
due finds it: an index may lag and a process may die between the two writes. One that names a token of our own is
nobody's else for good, and kept under a third lookup that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.store.port import OWN
from ocpi.times import now_precise

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

Document = dict[str, Any]
_OURS = "ours/"


def token_lookup(token: Document) -> str:
    """The lookup of a token, whoever gave it. Letter case of contract ids is not to be relied on."""
    return f"token/{token['auth_id'].lower()}"


def waiting_lookup(auth_id: str) -> str:
    """The lookup of our own objects that wait for a token of this ``auth_id``."""
    return f"waiting/{auth_id.lower()}"


def ours_lookup(auth_id: str) -> str:
    """The lookup of our own objects that named a token of our own when they were settled."""
    return f"{_OURS}{auth_id.lower()}"


def is_ours(record: Record) -> bool:
    """Whether a session or CDR was settled as one of our own customers'."""
    return record.lookup is not None and record.lookup.startswith(_OURS)


def find_audience(objects: Objects, auth_id: str, stored: Record | None = None) -> str | None:
    """Whose the token is: ``OWN``, or the party (``NL-TNM``) that gave it to us; ``None`` if nobody did.

    One of our own is ours, but where a party gives the very card (type and uid): a contract id may be guessed, and who
    knows both is told what it knows. Of several parties it is the one that gave it first, whatever case it is spelled
    in and whether or not it is valid: nothing that a partner does later draws another's sessions and CDRs to it.
    ``stored`` is a token that was stored just now: the index behind the lookup may not show it yet.
    """
    lookup = token_lookup({"auth_id": auth_id})
    tokens = {token.key: token for token in objects.find(lookup)}
    if stored is not None and stored.lookup == lookup:
        tokens.setdefault(stored.key, stored)
    ours = {key.id.lower() for key in tokens if key.collection.owner == OWN}
    counted = [token for key, token in tokens.items() if not ours or key.id.lower() in ours]
    return min(counted, key=_rank).key.collection.owner if counted else None


def _rank(token: Record) -> tuple[bool, str, str]:
    owner = token.key.collection.owner
    return owner == OWN, token.journal or token.created, owner


def names_party(auth_id: str, party: str) -> bool:
    """Whether a contract id begins with a party (``NL-TNM``), with or without separators, as those of ISO 15118 do."""
    return "".join(filter(str.isalnum, auth_id)).lower().startswith(party.replace("-", "").lower())


def claimed_at(record: Record | None, lookup: str) -> str:
    """What is kept as the journal of a token that a partner gives us: since when it names its ``auth_id`` (as
    ``created`` of a record), or nothing if it always has. ``record`` is the one that is stored.

    Without it, an old token that is given another's ``auth_id`` would have had that first.
    """
    if record is None:
        return ""
    return record.journal if record.lookup == lookup else now_precise()
