"""What an entry of the log hides and shows beside its path."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ocpi.exchanges.inbound import Served, inbound_exchange
from ocpi.exchanges.outbound import About, Sent, observed
from ocpi.exchanges.quoted import quoted_of_request
from ocpi.outbound.answer import Answer, Headers
from ocpi.store.port import Partner, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from ocpi.store.exchanges import Exchange

OBJECT = "{country_code:segment}/{party_id:segment}"
TOKEN, UID = "token-b-of-them", "somebody"
"""The uid is in letters, so that nothing but its place tells what it is."""
PARTNER = Partner(
    "p-1",
    "CPO",
    "Partner",
    PartnerStatus.REGISTERED,
    "2026-01-01T00:00:00Z",
    endpoints=tuple(
        {"identifier": name, "url": f"https://cpo.example/{name}"} for name in ("tokens", "sessions", "cdrs")
    ),
)


class Notebook:
    """In the place of a recorder."""

    is_on = True

    def __init__(self) -> None:
        self.entries: list[Exchange] = []

    def signing_key(self) -> bytes:
        return b"k" * 32

    def record(self, make: Callable[[], Exchange]) -> None:
        self.entries.append(make())


def inbound(
    route: str, path: dict[str, str], body: Any, message: str, *, method: str = "PUT", partner_id: str | None = "p-1"
) -> Exchange:
    call = SimpleNamespace(method=method, path=path, query={}, headers={}, body=json.dumps(body).encode())
    text = json.dumps({"status_code": 2001, "status_message": message})
    answer = SimpleNamespace(http_status=200, ocpi_status=2001, text=text, headers={})
    served = Served("2026-01-01T00:00:00.000000Z", route, cast("Any", call), cast("Any", answer), partner_id, 3)
    return inbound_exchange(served, lambda: b"k" * 32)


def outbound(url: str, body: Any, answer: Any) -> tuple[Sent, Exchange]:
    sent = Sent(About(PARTNER), "PUT", f"https://cpo.example/{url}", json.dumps(body), "c-1", TOKEN)
    notebook = Notebook()
    observed(cast("Any", notebook), sent, lambda: Answer(400, Headers(), json.dumps(answer).encode()))
    (entry,) = notebook.entries
    return sent, entry


def test_the_uid_of_a_path_to_us_is_hidden_in_our_words_and_in_the_body() -> None:
    path = {"country_code": "DE", "party_id": "ABC", "token_uid": UID}
    found = inbound(f"/ocpi/cpo/2.1.1/tokens/{OBJECT}/{{token_uid:segment}}", path, {"name": UID}, f"who is {UID}?")
    assert found.problem == "who is …?"
    assert UID not in found.written()


def test_the_object_of_a_path_to_us_is_named_in_our_words_and_in_the_body() -> None:
    path = {"country_code": "DE", "party_id": "ABC", "session_id": "SESSION-01"}
    said = "who is SESSION-01?"
    found = inbound(f"/ocpi/emsp/2.1.1/sessions/{OBJECT}/{{session_id:segment}}", path, {"text": said}, said)
    assert found.problem == said
    assert json.loads(str(found.body)) == {
        "request": {"text": said},
        "answer": {"status_code": 2001, "status_message": said},
    }


def test_what_strangers_send_is_not_looked_at() -> None:
    known = inbound("/ocpi/emsp/2.1.1/cdrs", {}, {"id": "C-1"}, "no", method="POST")
    assert (known.object_id, known.subject) == ("C-1", "cdrs/c-1")
    assert json.loads(str(known.body))["request"] == {"id": "C-1"}
    found = inbound("/ocpi/emsp/2.1.1/cdrs", {}, {"id": "C-1"}, "no", method="POST", partner_id=None)
    assert (found.object_id, found.subject) == (None, None)
    assert json.loads(str(found.body)) == {"answer": {"status_code": 2001, "status_message": "no"}}


def test_the_uid_of_a_url_is_hidden_in_the_partners_words_and_in_the_body() -> None:
    _, found = outbound(f"tokens/NL/EXA/{UID}", {"name": UID}, {"status_code": 2001, "status_message": f"no {UID}"})
    assert found.problem == "HTTP 400, OCPI 2001: no …"
    assert UID not in found.written()


def test_of_a_session_that_a_partner_refuses_what_is_no_secret_is_shown() -> None:
    answer = {"status_code": 2001, "data": {"kwh": 1}}
    _, found = outbound("sessions/NL/EXA/S-1", {"id": "S-1", "kwh": 5}, answer)
    assert json.loads(str(found.body)) == {"request": {"id": "S-1", "kwh": 5}, "answer": answer}


def test_no_secret_is_in_the_representation_of_what_was_sent() -> None:
    sent, _ = outbound(f"tokens/NL/EXA/{UID}", {"uid": f"{UID}-else"}, {})
    assert UID not in repr(sent)
    assert TOKEN not in repr(sent)
    assert Sent(About(), "GET", "https://cpo.example/x", None, "c-1").token is None


def test_times_are_told_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.5004])
    monkeypatch.setattr("ocpi.exchanges.outbound.time", SimpleNamespace(perf_counter=lambda: next(times)))
    assert outbound("sessions", {}, {})[1].milliseconds == 2500


def test_only_a_cdr_that_is_posted_is_named_by_its_body() -> None:
    for method, url, body, shown in (
        ("POST", "cdrs", '{"id": "CDR-0001"}', "no CDR-0001"),
        ("PUT", "cdrs", '{"id": "CDR-0001"}', "no …"),
        ("POST", "cdrs", None, "no …"),
        ("POST", "sessions", '{"id": "CDR-0001"}', "no …"),
    ):
        assert quoted_of_request("no CDR-0001", PARTNER, method, f"https://cpo.example/{url}", body) == shown
