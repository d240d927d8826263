"""In a storm over DynamoDB nobody is let in that should not be, nobody is locked out that was well answered a token,
and nothing of a partner is half saved. ``benchmarks/faults.py`` does the same for longer.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.storm.partners import PartnersStorm
from tests.support.storm.table import AFTER, BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.storm.partners import PartnersOutcome

SAVES, SEEDS, LOOP = 100, (1, 2), 130


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """Hundreds of failures are what this is about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def weathered(seed: int, folder: Path) -> PartnersOutcome:
    storm = PartnersStorm(seed, folder)
    try:
        return storm.run(SAVES)
    finally:
        storm.close()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[PartnersOutcome]:
    logging.disable(logging.CRITICAL)
    return [weathered(seed, tmp_path_factory.mktemp("partners")) for seed in SEEDS]


def test_whoever_was_answered_is_let_in_and_nobody_else(outcomes: list[PartnersOutcome]) -> None:
    for outcome in outcomes:
        assert outcome.wrong == []
        assert outcome.faults.total() > SAVES // 2
        assert outcome.between > 0


def test_everything_about_partners_is_done_and_saves_fail_before_and_after(outcomes: list[PartnersOutcome]) -> None:
    done = sum((outcome.saves for outcome in outcomes), Counter[str]())
    faults = sum((outcome.faults for outcome in outcomes), Counter[str]())
    assert {
        "registered by us",
        "registered by the partner",
        "renewed by us",
        "renewed by the partner",
        "suspended and let in again",
        "left by us",
        "left by the partner",
        "set",
        "used",
        "channel written",
    } <= done.keys()
    for kinds in (BEFORE, AFTER):
        assert sum(faults[f"transact_write_items: {kind}"] for kind in kinds)


def test_equal_seeds_give_equal_storms(outcomes: list[PartnersOutcome], tmp_path: Path) -> None:
    assert weathered(SEEDS[0], tmp_path) == outcomes[0]


def test_a_token_that_survives_leaving_is_seen(tmp_path: Path) -> None:
    storm = PartnersStorm(1, tmp_path)
    table = storm.table.table
    real = table.transact_write_items

    def keeping(**request: Any) -> dict[str, object]:
        """Whoever leaves keeps its record and tokens, and is told that it is gone."""
        (first, *_) = request["TransactItems"]
        document = first.get("Update", {}).get("ExpressionAttributeValues", {}).get(":document", {}).get("S", "")
        answer: dict[str, object] = {} if '"UNREGISTERED"' in document else real(**request)
        return answer

    table.transact_write_items = keeping  # type: ignore[method-assign] # as a table that lies
    try:
        assert any("left by" in each and "is let in" in each for each in storm.run(SAVES).wrong)
    finally:
        storm.close()


def test_a_channel_that_outlives_its_partner_is_seen(tmp_path: Path) -> None:
    storm = PartnersStorm(1, tmp_path)
    peer, table = storm.peers[0], storm.table.table
    real = table.transact_write_items
    try:
        storm._peer_registers(peer)
        storm._storms(False)
        partner_id = storm._ids[0]
        channel = f"CHANNEL#{partner_id}", "CHANNEL"
        storm._channel(peer)
        assert channel in table.items
        table.transact_write_items = lambda **request: real(  # type: ignore[method-assign] # as a table that lies
            TransactItems=[each for each in request["TransactItems"] if "CHANNEL#" not in str(each)]
        )
        for _ in ("leaves", "is removed"):
            storm.calls.operate("DELETE", f"/partners/{partner_id}?force=true", None)
        assert storm._store.partners.get(partner_id) is None
        assert channel in table.items
        assert list(storm._diagnosed()) == ["channel is of a partner that is not there"]
        assert any(each.startswith("channel of") for each in storm._badly_set())
    finally:
        storm.close()


def test_a_partner_that_renewed_in_a_loop_can_be_removed(tmp_path: Path) -> None:
    """Its tokens are more than one transaction of DynamoDB takes."""
    storm = PartnersStorm(1, tmp_path)
    peer = storm.peers[0]
    try:
        storm._peer_registers(peer)
        storm._storms(False)
        shown = str(peer.token)
        for _ in range(LOOP):
            told = storm.calls.as_partner(
                "PUT", f"{peer.tree}/2.1.1/credentials", shown, peer.credentials(peer.issue())
            )
            assert told.status == 200
        assert storm.calls.operate("DELETE", f"/partners/{storm._ids[0]}?force=true", None).status == 204
        assert not [pk for pk, _ in storm.table.table.items if pk.startswith("GRANT#")]
    finally:
        storm.close()
