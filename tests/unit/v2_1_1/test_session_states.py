"""Which states a session can still leave."""

from __future__ import annotations

import pytest

from ocpi.v2_1_1.session_states import is_pending, why_final, why_not
from ocpi.v2_1_1.sessions import SessionStatus


@pytest.mark.req("SES-21", "SES-24")
def test_a_session_ends_as_completed_or_invalid_and_only_a_pending_one_has_not_begun() -> None:
    sessions = [{"status": status.value} for status in SessionStatus]
    assert {each["status"] for each in sessions if why_final(each)} == {"COMPLETED", "INVALID"}
    assert {each["status"] for each in sessions if is_pending(each)} == {"PENDING"}


@pytest.mark.parametrize("status", ["COMPLETED", "INVALID"])
def test_the_reason_names_the_state(status: str) -> None:
    assert why_final({"status": status}) == f"the session is {status}, which is final"


@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETED", "INVALID"])
def test_what_has_begun_cannot_be_pending_again(status: str) -> None:
    assert why_not({"status": status}, {"status": "PENDING"}) is not None
    assert why_not({"status": "PENDING"}, {"status": status}) is None
    assert why_not({"status": "PENDING"}, {"status": "PENDING"}) is None
