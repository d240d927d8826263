"""Which of the tokens that eMSP partners gave us is meant by a uid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi.objects.documents import read_document
from ocpi.objects.received import received_collection
from ocpi.objects.tokens import TOKEN_TYPES, token_key
from ocpi.store.port import Objects, Partner, PartnerStatus, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token and the partner that gave it to us."""

    partner: Partner
    token: dict[str, Any]


def connected_emsps(partners: Iterable[Partner]) -> list[Partner]:
    """The eMSP partners that count: a suspended one is neither asked nor believed."""
    return [
        partner
        for partner in partners
        if partner.role == "EMSP" and partner.status is PartnerStatus.REGISTERED and partner.party is not None
    ]


def find_candidate(objects: Objects, emsps: Sequence[Partner], uid: str, token_type: str | None) -> Candidate | None:
    """The token of this uid and type, without a type the RFID token or else the other. Of several partners' the valid
    one that was updated last counts, or the one updated last if none is valid.
    """
    for wanted in [token_type] if token_type else TOKEN_TYPES:
        keys = [token_key(received_collection(partner, "tokens"), wanted, uid) for partner in emsps]
        found = [
            (record, Candidate(partner, read_document(record)))
            for partner, key, record in zip(emsps, keys, objects.get_many(keys), strict=True)
            if record is not None and record.key.id == key.id
        ]
        if found:
            return max(found, key=_rank)[1]
    return None


def _rank(found: tuple[Record, Candidate]) -> tuple[bool, str, str]:
    record, candidate = found
    return candidate.token["valid"], record.last_updated, record.received
