"""Whose the token is that an eMSP has a charge point of ours start with: nobody charges on another's bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.objects.audience import find_audience, names_party
from ocpi.objects.documents import read_document
from ocpi.objects.received import received_collection
from ocpi.objects.tokens import token_key
from ocpi.store.port import OWN, Collection

if TYPE_CHECKING:
    from ocpi.store.port import Partner, Store

Document = dict[str, Any]


def names_anothers_token(store: Store, partner: Partner, own_party: str, request: Document) -> bool:
    """Whether a command names a token that is known to be another party's or our own (``own_party``: ``NL-EXA``).

    One that nobody gave us is nobody else's (reading A-58). One that another gave is that one's if its contract id says
    so: it then decides whose the session will be, whether or not the caller gives the same contract as well. The uid is
    what a charge point may know a token by, and of that any number may give one. Letter case separates neither.
    """
    token: Document | None = request.get("token")
    if token is None:
        return False
    whose = find_audience(store.objects, token["auth_id"])
    if whose not in (None, partner.party) and _says_so(token["auth_id"], whose, own_party):
        return True
    return _uid_is_anothers(store, partner, own_party, token)


def _uid_is_anothers(store: Store, partner: Partner, own_party: str, token: Document) -> bool:
    mine = received_collection(partner, "tokens")
    others = {received_collection(each, "tokens") for each in store.partners.list() if each.party is not None}
    holders = [mine, Collection(OWN, "tokens"), *(others - {mine})]
    held = store.objects.get_many([token_key(holder, token["type"], token["uid"]) for holder in holders])
    return held[0] is None and any(
        _says_so(read_document(record)["auth_id"], record.key.collection.owner, own_party) for record in held if record
    )


def _says_so(auth_id: str, owner: str | None, own_party: str) -> bool:
    return owner is not None and names_party(auth_id, own_party if owner == OWN else owner)
