"""How an eMSP answers: the token, the operator's rule and the place that was asked for, in every combination."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.authorization.decision import decide
from ocpi.authorization.references import reduced, reference
from tests.support.party import fixture

VALID, INVALID = fixture("token_max"), fixture("token_max", valid=False)
INFO = {"language": "en", "text": "At home only"}
ALLOWED, BLOCKED, NOT_ALLOWED = {"allowed": "ALLOWED"}, {"allowed": "BLOCKED"}, {"allowed": "NOT_ALLOWED"}
TWO = {"location_id": "L-1", "evse_uids": ["E-1", "E-2"]}
WHOLE = {"location_id": "L-1"}


def rule(allowed: str = "ALLOWED", **more: Any) -> dict[str, Any]:
    return {"allowed": allowed, **more}


@pytest.mark.req("TOK-30", "TOK-44")
def test_without_a_rule_a_valid_token_is_allowed_everywhere_and_an_invalid_one_blocked() -> None:
    assert decide(VALID, None, None) == ALLOWED
    assert decide(VALID, None, TWO) == ALLOWED | {"location": TWO}
    assert decide(INVALID, None, None) == BLOCKED
    assert decide(INVALID, None, TWO) == BLOCKED


@pytest.mark.req("TOK-36", "TOK-37")
@pytest.mark.parametrize("outcome", ["BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"])
@pytest.mark.parametrize("token", [VALID, INVALID])
@pytest.mark.parametrize("asked", [None, WHOLE, TWO])
def test_an_outcome_that_is_not_allowed_stands_whatever_the_token_and_the_place_and_has_no_location(
    outcome: str, token: dict[str, Any], asked: dict[str, Any] | None
) -> None:
    assert decide(token, rule(outcome, locations=[WHOLE], location_required=True), asked) == {"allowed": outcome}


@pytest.mark.req("TOK-44")
@pytest.mark.parametrize("more", [{}, {"location_required": True}, {"locations": [WHOLE]}])
@pytest.mark.parametrize("asked", [None, WHOLE])
def test_a_token_that_is_not_valid_is_never_allowed(more: dict[str, Any], asked: dict[str, Any] | None) -> None:
    assert decide(INVALID, rule(**more), asked) == BLOCKED


@pytest.mark.req("TOK-33")
@pytest.mark.parametrize("more", [{"location_required": True}, {"locations": [WHOLE]}])
def test_a_rule_that_needs_a_location_tells_nothing_without_one(more: dict[str, Any]) -> None:
    assert decide(VALID, rule(**more), None) is None
    assert decide(VALID, rule(**more), WHOLE) == ALLOWED | {"location": WHOLE}


def test_a_rule_that_needs_no_location_tells_without_one() -> None:
    assert decide(VALID, rule(location_required=False), None) == ALLOWED


@pytest.mark.req("TOK-43")
@pytest.mark.parametrize(
    ("token", "given", "asked"),
    [
        (VALID, rule(), None),
        (VALID, rule(), WHOLE),
        (VALID, rule("EXPIRED"), WHOLE),
        (INVALID, rule(), None),
        (VALID, rule(locations=[{"location_id": "L-2"}]), WHOLE),
    ],
)
def test_the_text_of_the_rule_is_in_every_answer(
    token: dict[str, Any], given: dict[str, Any], asked: dict[str, Any] | None
) -> None:
    without = decide(token, given, asked)
    assert without is not None
    assert decide(token, given | {"info": INFO}, asked) == without | {"info": INFO}


@pytest.mark.req("TOK-34", "TOK-35", "TOK-36")
@pytest.mark.parametrize(
    ("permitted", "asked", "location"),
    [
        ([WHOLE], WHOLE, WHOLE),
        ([WHOLE], TWO, TWO),
        ([{"location_id": "L-1", "evse_uids": ["E-2"]}], TWO, {"location_id": "L-1", "evse_uids": ["E-2"]}),
        ([{"location_id": "L-1", "evse_uids": ["E-2"]}], WHOLE, {"location_id": "L-1", "evse_uids": ["E-2"]}),
        ([{"location_id": "L-1", "evse_uids": ["E-3"]}], TWO, None),
        ([{"location_id": "L-2"}], TWO, None),
        ([{"location_id": "L-2", "evse_uids": ["E-1"]}], TWO, None),
        ([{"location_id": "l-1"}], WHOLE, None),
        ([{"location_id": "L-2"}, WHOLE], TWO, TWO),
        ([{"location_id": "L-1", "evse_uids": ["E-9"]}, WHOLE], TWO, TWO),
        (
            [{"location_id": "L-1", "evse_uids": ["E-2"]}, {"location_id": "L-1", "evse_uids": ["E-1", "E-2"]}],
            WHOLE,
            {"location_id": "L-1", "evse_uids": ["E-2", "E-1"]},
        ),
    ],
)
def test_the_location_is_reduced_to_what_is_permitted_and_nothing_left_is_not_allowed(
    permitted: list[dict[str, Any]], asked: dict[str, Any], location: dict[str, Any] | None
) -> None:
    expected = NOT_ALLOWED if location is None else ALLOWED | {"location": location}
    assert decide(VALID, rule(locations=permitted), asked) == expected
    assert reduced(asked, permitted) == location


@pytest.mark.req("TOK-42")
def test_connectors_are_no_part_of_a_reference() -> None:
    assert reference({**TWO, "connector_ids": ["1"], "x_floor": 2}) == TWO
    assert reference({"location_id": "L-1", "connector_ids": ["1"]}) == WHOLE
