"""Which token a uid means, of all that eMSPs gave us (``/operator/2.1.1/tokens/{uid}/authorize``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.authorization.candidates import connected_emsps, find_candidate
from ocpi.store.port import PartnerStatus
from tests.unit.authorization.emsps import emsp, given

if TYPE_CHECKING:
    from ocpi.store.port import Store

OLD, NEW = "2024-03-05T10:11:12Z", "2024-03-06T00:00:00Z"


def found(store: Store, uid: str, token_type: str | None = None) -> tuple[str, str] | None:
    """The party and the type of the token that is meant."""
    candidate = find_candidate(store.objects, connected_emsps(store.partners.list()), uid, token_type)
    return (str(candidate.partner.party_id), candidate.token["type"]) if candidate else None


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ((True, OLD), (True, NEW), "BBB"),
        ((True, NEW), (True, OLD), "AAA"),
        ((True, OLD), (False, NEW), "AAA"),
        ((False, NEW), (True, OLD), "BBB"),
        ((False, OLD), (False, NEW), "BBB"),
        ((False, NEW), (False, OLD), "AAA"),
        ((True, OLD), (True, OLD), "BBB"),  # the one that came last
    ],
)
def test_of_two_partners_tokens_the_valid_one_updated_last_is_meant(
    store: Store, first: tuple[bool, str], second: tuple[bool, str], winner: str
) -> None:
    for party_id, (valid, last_updated) in (("AAA", first), ("BBB", second)):
        given(store, emsp(store, party_id), "U-1", valid=valid, last_updated=last_updated)
    assert found(store, "U-1") == (winner, "RFID")


@pytest.mark.req("TOK-10")
def test_without_a_type_rfid_is_meant_before_other_whoever_gave_it(store: Store) -> None:
    given(store, emsp(store, "AAA"), "U-1", type="OTHER", last_updated=NEW)
    assert found(store, "U-1") == ("AAA", "OTHER")
    assert found(store, "U-1", "RFID") is None
    given(store, emsp(store, "BBB"), "U-1", type="RFID", valid=False, last_updated=OLD)
    assert found(store, "U-1") == ("BBB", "RFID")
    assert found(store, "U-1", "OTHER") == ("AAA", "OTHER")


def test_a_uid_in_another_case_is_another_token(store: Store) -> None:
    given(store, emsp(store, "AAA"), "u-1")
    assert found(store, "U-1") is None


@pytest.mark.parametrize("status", [status for status in PartnerStatus if status is not PartnerStatus.REGISTERED])
def test_tokens_of_a_partner_that_is_not_registered_do_not_count(store: Store, status: PartnerStatus) -> None:
    partner = emsp(store, "AAA", status=status)
    given(store, partner, "U-1")
    assert connected_emsps(store.partners.list()) == []
    assert found(store, "U-1") is None


def test_only_emsps_of_a_known_party_count(store: Store) -> None:
    partner = emsp(store, "AAA")
    assert connected_emsps([replace(partner, role="CPO"), replace(partner, party_id=None), partner]) == [partner]
