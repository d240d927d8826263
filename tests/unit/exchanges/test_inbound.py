from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest

from ocpi.exchanges.inbound import Served, inbound_exchange

if TYPE_CHECKING:
    from ocpi.store.exchanges import Exchange

ROUTE = "/ocpi/emsp/2.1.1/sessions/{country_code:segment}/{party_id:segment}/{session_id:segment}"
CARD, GIVEN = "SECUID0001", "6f1f9b9e-3c55-4b0e-9f0e-0a3d5d2f7a11"


def logged(headers: dict[str, str], *, status: int = 1000, said: str = "", body: bytes = b"") -> Exchange:
    answer = {"status_code": status, "status_message": said, "timestamp": "2026-01-01T00:00:00Z"}
    call = SimpleNamespace(
        method="PUT",
        path={"country_code": "DE", "party_id": "ABC", "session_id": "S-1"},
        query={},
        headers=headers,
        body=body,
    )
    answered = SimpleNamespace(http_status=200, ocpi_status=status, text=json.dumps(answer), headers={})
    served = Served("2026-01-01T00:00:00.000000Z", ROUTE, cast("Any", call), cast("Any", answered), "p-1", 3)
    return inbound_exchange(served, lambda: b"k" * 32)


@pytest.mark.parametrize("name", ["x-correlation-id", "x-request-id"])
def test_a_correlation_id_that_is_a_uuid_is_kept(name: str) -> None:
    assert logged({name: GIVEN}).correlation_id == GIVEN
    assert logged({name: GIVEN.upper()}).correlation_id == GIVEN.upper()


@pytest.mark.parametrize("given", [CARD, "DE8ACC12E46L89", "a" * 500, "é", f"{GIVEN}-{CARD}", f"{GIVEN}x"])
def test_of_any_other_correlation_id_only_a_digest_is_kept(given: str) -> None:
    shown = logged({"x-correlation-id": given}).correlation_id
    assert shown.startswith("c-")
    assert len(shown) == 26
    assert given not in shown
    assert logged({"x-correlation-id": f" {given} "}).correlation_id == shown
    assert logged({"x-correlation-id": f"{given}1"}).correlation_id != shown


def test_a_request_without_a_correlation_id_gets_one() -> None:
    assert UUID(logged({}).correlation_id) != UUID(logged({"x-correlation-id": " "}).correlation_id)


def test_a_correlation_id_that_is_the_card_of_the_body_is_hidden() -> None:
    body = json.dumps({"id": "S-1", "auth_id": GIVEN}).encode()
    assert logged({"x-correlation-id": GIVEN}, status=2001, body=body).correlation_id == "…"


def test_a_refusal_of_ours_that_quotes_a_card_is_logged_without_it() -> None:
    found = logged({}, status=2001, said=f"/remark: {CARD} is too long for S-1")
    assert found.problem == "/remark: … is too long for S-1"
    assert CARD not in found.written()
