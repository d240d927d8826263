from __future__ import annotations

import pytest

from ocpi.authorization.whitelist import decided_here, decided_offline
from tests.support.party import fixture

TABLE = [
    ("ALWAYS", True, "ALLOWED", None),
    ("ALWAYS", False, "BLOCKED", None),
    ("ALLOWED", True, "ALLOWED", None),
    ("ALLOWED", False, None, "NOT_ALLOWED"),
    ("ALLOWED_OFFLINE", True, None, "ALLOWED"),
    ("ALLOWED_OFFLINE", False, None, "NOT_ALLOWED"),
    ("NEVER", True, None, "NOT_ALLOWED"),
    ("NEVER", False, None, "NOT_ALLOWED"),
]


@pytest.mark.req("TOK-17", "TOK-18", "TOK-19", "TOK-20")
@pytest.mark.parametrize(("whitelist", "valid", "here", "offline"), TABLE)
def test_whitelist_and_validity_say_who_decides(whitelist: str, valid: bool, here: str | None, offline: str) -> None:
    token = fixture("token_max", whitelist=whitelist, valid=valid)
    assert decided_here(token) == here
    if here is None:
        assert decided_offline(token) == offline
