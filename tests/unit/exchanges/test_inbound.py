from __future__ import annotations

import hmac
import json
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from ocpi.exchanges.inbound import Served, inbound_exchange
from ocpi.store.exchanges import NOBODY, Exchange

ROUTE = "/ocpi/emsp/2.1.1/sessions/{country_code:segment}/{party_id:segment}/{session_id:segment}"
KEY = b"k" * 32
CARD, GIVEN = "SECUID0001", "6f1f9b9e-3c55-4b0e-9f0e-0a3d5d2f7a11"


def served(**changes: Any) -> Served:
    given = {
        "method": "PUT",
        "path": {"country_code": "DE", "party_id": "ABC", "session_id": "S-1"},
        "query": {},
        "headers": {},
        "body": b"",
        "http_status": 200,
        "ocpi_status": 1000,
        "text": "{}",
        "answer_headers": {},
        "route": ROUTE,
        "partner_id": "p-1",
        **changes,
    }
    call = SimpleNamespace(**{name: given[name] for name in ("method", "path", "query", "headers", "body")})
    answer = SimpleNamespace(
        **{name: given[name] for name in ("http_status", "ocpi_status", "text")}, headers=given["answer_headers"]
    )
    at = "2026-01-01T00:00:00.000000Z"
    return Served(at, given["route"], cast("Any", call), cast("Any", answer), given["partner_id"], 3)


def exchange(**changes: Any) -> Exchange:
    return inbound_exchange(served(**changes), lambda: KEY)


def logged(headers: dict[str, str], *, status: int = 1000, said: str = "", body: bytes = b"") -> Exchange:
    answer = {"status_code": status, "status_message": said, "timestamp": "2026-01-01T00:00:00Z"}
    return exchange(headers=headers, ocpi_status=status, text=json.dumps(answer), body=body)


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


def test_a_success_is_logged_without_its_bodies() -> None:
    found = exchange(query={"limit": "5"}, headers={"x-correlation-id": GIVEN}, body=b'{"id": "S-1"}')
    assert found == Exchange(
        at="2026-01-01T00:00:00.000000Z",
        partner_id="p-1",
        direction="in",
        method="PUT",
        path="/ocpi/emsp/2.1.1/sessions/DE/ABC/S-1?limit=5",
        http_status=200,
        ocpi_status=1000,
        milliseconds=3,
        correlation_id=GIVEN,
        module="sessions",
        object_id="S-1",
        subject="sessions/s-1",
        problem=None,
        body=None,
    )


@pytest.mark.parametrize(
    ("http_status", "ocpi_status", "failed"),
    [
        (399, None, False),
        (400, None, True),
        (200, None, False),
        (200, 1999, False),
        (200, 2000, True),
        (404, 1000, True),
    ],
)
def test_what_failed_is_explained(http_status: int, ocpi_status: int | None, failed: bool) -> None:
    found = exchange(http_status=http_status, ocpi_status=ocpi_status, body=b'{"id": "S-1"}', text='{"data": 5}')
    assert (found.http_status, found.ocpi_status) == (http_status, ocpi_status)
    assert found.problem == (f"HTTP {http_status}" if failed else None)
    assert found.body == ('{"request":{"id":"S-1"},"answer":{"data":5}}' if failed else None)


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '"text"', "5"])
def test_an_answer_without_a_message_is_named_by_its_status(text: str) -> None:
    assert exchange(http_status=404, text=text).problem == "HTTP 404"


def test_a_message_is_cut_at_300_characters() -> None:
    for length, shown in ((300, "x" * 300), (301, "x" * 299 + "…")):
        assert logged({}, status=2000, said="x" * length).problem == shown


def test_nobody_is_named_where_nobody_is_known() -> None:
    assert exchange(partner_id=None).partner_id == NOBODY


def test_a_path_that_no_route_has_shows_words_of_ocpi_only() -> None:
    found = exchange(route="unknown", path={"path": f"/ocpi/cpo/{CARD}"}, query={"limit": "5"})
    assert (found.path, found.module, found.object_id, found.subject) == ("/ocpi/cpo/…", None, None, None)
    assert exchange(route="unknown", path={}).path == "/"


def test_a_token_that_stands_in_the_path_is_blotted_out_of_it() -> None:
    found = exchange(headers={"authorization": f"Token {CARD}"}, path={"session_id": CARD})
    assert found.path == "/ocpi/emsp/2.1.1/sessions///…"
    assert found.object_id == CARD, "the id of an object is what it is, whatever else is called so"


def test_a_token_is_found_by_a_digest_of_its_uid_and_shown_nowhere() -> None:
    route = ROUTE.replace("sessions", "tokens").replace("session_id", "token_uid")
    path = {"country_code": "DE", "party_id": "ABC", "token_uid": CARD}
    said = json.dumps({"status_message": f"who is {CARD}"})
    found = exchange(route=route, path=path, http_status=404, text=said)
    digest = hmac.digest(KEY, f"exchange tokens/{CARD.lower()}".encode(), "sha256").hex()[:32]
    assert (found.object_id, found.subject) == (None, f"tokens/{digest}")
    assert (found.path, found.problem) == ("/ocpi/emsp/2.1.1/tokens/DE/ABC/…", "who is …")
    assert CARD not in found.written()


CDRS = "/ocpi/emsp/2.1.1/cdrs"


@pytest.mark.parametrize(
    ("method", "route", "location", "body", "named"),
    [
        ("POST", CDRS, "https://us.example/ocpi/emsp/2.1.1/cdrs/C%201%2F2", '{"id": "C-9"}', "C 1/2"),
        ("POST", CDRS, f"https://us.example/cdrs/{'x' * 101}", '{"id": "C-9"}', None),
        ("POST", CDRS, None, '{"id": "C-9"}', "C-9"),
        ("POST", CDRS, None, "{", None),
        ("GET", CDRS, None, '{"id": "C-9"}', None),
        ("PUT", CDRS, "https://us.example/cdrs/C-1", '{"id": "C-9"}', None),
        ("POST", f"{CDRS}/{{cdr_id:segment}}", None, '{"id": "C-9"}', "C-1"),
        ("POST", CDRS.replace("cdrs", "sessions"), None, '{"id": "S-9"}', None),
    ],
)
def test_a_cdr_is_named_by_where_we_keep_it_or_by_its_body(
    method: str, route: str, location: str | None, body: str, named: str | None
) -> None:
    found = exchange(
        method=method,
        route=route,
        path={"cdr_id": "C-1"} if "{" in route else {},
        body=body.encode(),
        answer_headers={} if location is None else {"Location": location},
    )
    assert found.object_id == named
    assert found.subject == (f"cdrs/{named.lower()}" if named else None)


def test_a_digest_of_a_correlation_id_is_keyed_and_of_nothing_else() -> None:
    digest = hmac.digest(KEY, f"correlation {CARD}".encode(), "sha256").hex()
    assert logged({"x-correlation-id": CARD}).correlation_id == f"c-{digest[:24]}"
    assert logged({"x-correlation-id": CARD, "x-request-id": GIVEN}).correlation_id == f"c-{digest[:24]}"
    assert logged({"x-correlation-id": " ", "x-request-id": CARD}).correlation_id == f"c-{digest[:24]}"


def test_the_signing_key_is_not_asked_for_where_nothing_is_hidden() -> None:
    def never() -> bytes:
        pytest.fail("the key was asked for")

    assert inbound_exchange(served(headers={"x-correlation-id": GIVEN}), never).subject == "sessions/s-1"
