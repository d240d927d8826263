from __future__ import annotations

import base64
import hmac
import json
import threading
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.exchanges.outbound import About, Sent, observed
from ocpi.exchanges.recorder import MOST_BUFFERED, Recorder
from ocpi.exchanges.subjects import subject
from ocpi.observability import logger
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.partner_session import PartnerSession
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.exchanges import NOBODY, Exchange
from ocpi.store.port import Partner, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Store

TOKEN, UID = "token-b-of-them", "04A1B2C3D4"
PARTNER = Partner(
    "p-1",
    "CPO",
    "Partner",
    PartnerStatus.REGISTERED,
    "2026-01-01T00:00:00Z",
    endpoints=({"identifier": "tokens", "url": "https://cpo.example/tokens"},),
)
URL = f"https://cpo.example/tokens/NL/EXA/{UID}"


class FakeStore:
    """The exchange log and the signing key of a store."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.appended: list[list[Exchange]] = []
        self.keys_read = 0
        self.exchanges = self

    def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
        if self.error:
            raise self.error
        self.appended.append(list(exchanges))

    def signing_key(self) -> bytes:
        self.keys_read += 1
        return b"k" * 32


def recorder(store: FakeStore, days: int = 14) -> Recorder:
    return Recorder(cast("Store", store), days)


def entry() -> Exchange:
    return Exchange("2026-01-01T00:00:00.000000Z", "p-1", "out", "GET", "/", 200, 1000, 1, "c")


def sent(**changes: Any) -> Sent:
    return Sent(
        **{
            "about": About(PARTNER),
            "method": "PUT",
            "url": URL,
            "body": f'{{"uid": "{UID}"}}',
            "correlation_id": "c-1",
            "token": TOKEN,
            **changes,
        }
    )


def refused() -> Answer:
    return Answer(
        400, Headers(), f'{{"status_code": 2001, "status_message": "uid {UID} with {TOKEN}"}}'.encode(), (TOKEN,)
    )


def test_exchanges_wait_for_the_end_of_the_invocation() -> None:
    store = FakeStore()
    log = recorder(store)
    log.record(entry)
    assert store.appended == []
    log.flush()
    log.flush()
    assert store.appended == [[entry()]]


def test_a_full_buffer_is_written_at_once() -> None:
    store = FakeStore()
    log = recorder(store)
    for _ in range(MOST_BUFFERED + 1):
        log.record(entry)
    assert [len(batch) for batch in store.appended] == [MOST_BUFFERED]


def test_threads_lose_no_exchange() -> None:
    store = FakeStore()
    log = recorder(store)

    def work() -> None:
        for _ in range(100):
            log.record(entry)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush()
    assert sum(map(len, store.appended)) == 800


def test_a_log_that_is_switched_off_costs_nothing() -> None:
    store = FakeStore()

    def never() -> Exchange:
        raise AssertionError("an exchange was described")

    log = recorder(store, days=0)
    log.record(never)
    assert observed(log, sent(), refused).http_status == 400
    log.flush()
    assert (store.appended, store.keys_read) == ([], 0)


def test_a_failing_log_fails_nothing_and_tells_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    log = recorder(FakeStore(RuntimeError(UID)))

    def broken() -> Exchange:
        raise ValueError(UID)

    log.record(broken)
    assert observed(log, sent(), refused).http_status == 400
    log.flush()
    printed = capsys.readouterr()
    assert UID not in printed.out + printed.err


def test_a_refusal_by_a_partner_is_logged_without_token_and_uid() -> None:
    store = FakeStore()
    log = recorder(store)
    observed(log, sent(), refused)
    log.flush()
    ((found,),) = store.appended
    assert (found.partner_id, found.direction, found.method, found.path) == (
        "p-1",
        "out",
        "PUT",
        "https://cpo.example/tokens/NL/EXA/…",
    )
    assert (found.http_status, found.ocpi_status, found.module, found.object_id) == (400, 2001, "tokens", None)
    assert found.problem == "HTTP 400, OCPI 2001: uid … with …"
    assert found.body == ('{"request":{"uid":"…"},"answer":{"status_code":2001,"status_message":"uid … with …"}}')
    assert found.correlation_id == "c-1"
    assert found.subject is not None
    assert UID.lower() not in found.written().lower()


def test_a_partner_that_does_not_answer_is_logged_and_still_raises() -> None:
    store = FakeStore()
    log = recorder(store)

    def dead() -> Answer:
        raise PartnerUnreachable("timeout", "no answer within 3 s")

    with pytest.raises(PartnerUnreachable):
        observed(log, sent(), dead)
    log.flush()
    ((found,),) = store.appended
    assert (found.http_status, found.ocpi_status, found.problem) == (None, None, "timeout: no answer within 3 s")
    assert found.body == '{"request":{"uid":"…"}}'


def test_a_success_keeps_no_body() -> None:
    store = FakeStore()
    log = recorder(store)
    observed(log, sent(about=About(), url="https://cpo.example/x"), lambda: Answer(200, Headers(), b'{"a": 1}'))
    log.flush()
    ((found,),) = store.appended
    assert (found.partner_id, found.path, found.body, found.problem) == (NOBODY, "https://cpo.example/…", None, None)


def test_the_signing_key_is_read_once() -> None:
    store = FakeStore()
    log = recorder(store)
    for _ in range(3):
        observed(log, sent(), refused)
    assert store.keys_read == 1


def test_a_session_says_whom_each_of_its_requests_is_for() -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def request(self, method: str, url: str, **options: Any) -> Answer:
            asked.append(options)
            return Answer(401, Headers(), b"")

    session = PartnerSession.within(cast("Any", Client()), TOKEN, seconds=5, partner=PARTNER)
    session.send("GET", URL, module="versions")
    assert [(each["encoding"], each["about"]) for each in asked] == [
        ("plain", About(PARTNER, "versions")),
        ("base64", About(PARTNER, "versions")),
    ]


@pytest.mark.parametrize(
    ("method", "url", "body", "said", "problem"),
    [
        ("PUT", "sessions/NL/EXA/SESSION-01", {"id": "SESSION-01", "auth_id": "A"}, "who is SECUID0001", "who is …"),
        ("POST", "cdrs", {"id": "CDR-000001", "auth_id": "A"}, "CDR-000001 of SECUID0001?", "CDR-000001 of …"),
        ("PUT", "locations/NL/EXA/LOC-01", {"id": "LOC-01"}, "LOC-01: SECUID0001", "LOC-01: …"),
        (
            "GET",
            "sessions?limit=5",
            None,
            "cannot render session of card SECUID0001",
            "cannot render session of card …",
        ),
    ],
)
def test_a_partner_that_quotes_a_card_about_another_object_is_logged_without_it(
    method: str, url: str, body: Any, said: str, problem: str
) -> None:
    modules = ("sessions", "cdrs", "locations")
    endpoints = tuple({"identifier": name, "url": f"https://emsp.example/{name}"} for name in modules)
    about = About(replace(PARTNER, endpoints=endpoints))
    text = None if body is None else json.dumps(body)
    answer = Answer(200, Headers(), json.dumps({"status_code": 2001, "status_message": said}).encode())
    store = FakeStore()
    log = recorder(store)
    call = sent(about=about, method=method, url=f"https://emsp.example/{url}", body=text)
    observed(log, call, lambda: answer)
    log.flush()
    ((found,),) = store.appended
    assert found.problem == f"OCPI 2001: {problem}"
    assert f'"status_message":"{problem}"' in str(found.body)
    assert "SECUID0001" not in found.written()


def outbound(call: Sent, answer: Answer | PartnerUnreachable) -> Exchange:
    """The one entry of a call that brings this."""
    store = FakeStore()
    log = recorder(store)

    def bring() -> Answer:
        if isinstance(answer, PartnerUnreachable):
            raise answer
        return answer

    with suppress(PartnerUnreachable):
        observed(log, call, bring)
    log.flush()
    ((found,),) = store.appended
    return found


def test_a_success_is_logged_with_what_it_was_about(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 10.0126])
    monkeypatch.setattr("ocpi.exchanges.outbound.time", SimpleNamespace(perf_counter=lambda: next(times)))
    monkeypatch.setattr("ocpi.exchanges.outbound.instant", lambda: "2026-01-01T00:00:00.000000Z")
    found = outbound(sent(), Answer(201, Headers(), b'{"status_code": 1000, "data": 1}'))
    digest = hmac.digest(b"k" * 32, f"exchange tokens/{UID.lower()}".encode(), "sha256").hex()[:32]
    assert found == Exchange(
        at="2026-01-01T00:00:00.000000Z",
        partner_id="p-1",
        direction="out",
        method="PUT",
        path="https://cpo.example/tokens/NL/EXA/…",
        http_status=201,
        ocpi_status=1000,
        milliseconds=13,
        correlation_id="c-1",
        module="tokens",
        object_id=None,
        subject=f"tokens/{digest}",
        problem=None,
        body=None,
    )


SESSIONS = (
    {"identifier": "sessions", "url": "https://cpo.example/s"},
    {"identifier": "cdrs", "url": "https://cpo.example/c"},
)


@pytest.mark.parametrize(
    ("method", "url", "body", "named"),
    [
        ("PUT", "s/NL/EXA/S-1", '{"id": "S-9"}', "S-1"),
        ("POST", "c", '{"id": "C-1"}', "C-1"),
        ("PUT", "c", '{"id": "C-1"}', None),
        ("POST", "s", '{"id": "S-9"}', None),
        ("POST", "c", None, None),
        ("GET", "c/C-2", None, "C-2"),
    ],
)
def test_the_object_is_named_by_the_url_and_a_cdr_that_is_posted_by_its_body(
    method: str, url: str, body: str | None, named: str | None
) -> None:
    about = About(replace(PARTNER, endpoints=SESSIONS))
    call = sent(about=about, method=method, url=f"https://cpo.example/{url}", body=body)
    found = outbound(call, Answer(200, Headers(), b""))
    module = "sessions" if url.startswith("s") else "cdrs"
    assert (found.module, found.object_id) == (module, named)
    assert found.subject == (f"{module}/{named.lower()}" if named else None)


@pytest.mark.parametrize("token", [TOKEN, base64.b64encode(TOKEN.encode()).decode()])
def test_the_token_that_was_sent_is_hidden_in_url_and_bodies_in_both_spellings(token: str) -> None:
    about = About(replace(PARTNER, endpoints=SESSIONS))
    call = sent(about=about, url=f"https://cpo.example/s/NL/EXA/{token}", body=json.dumps({"name": token}))
    found = outbound(call, Answer(400, Headers(), json.dumps({"text": token}).encode()))
    assert found.path == "https://cpo.example/s/NL/EXA/…"
    assert found.body == '{"request":{"name":"…"},"answer":{"text":"…"}}'


def test_why_nobody_was_reached_keeps_its_numbers_and_loses_uids() -> None:
    found = outbound(sent(), PartnerUnreachable("connect", f"no connection to cpo.example:8443 for {UID}"))
    assert found.problem == "connect: no connection to cpo.example:8443 for …"
    assert (found.http_status, found.ocpi_status, found.body) == (None, None, '{"request":{"uid":"…"}}')
    nothing = outbound(sent(body=None), PartnerUnreachable("dns", "unknown"))
    assert (nothing.problem, nothing.body) == ("dns: unknown", None)


def test_a_handshake_has_no_partner_yet() -> None:
    call = sent(about=About(None, "credentials"), url="https://cpo.example/credentials")
    found = outbound(call, Answer(200, Headers(), b"{}"))
    assert (found.partner_id, found.module, found.path) == (NOBODY, "credentials", "https://cpo.example/credentials")
    assert found.subject is None


def test_without_a_recorder_nothing_is_recorded() -> None:
    assert observed(None, sent(), refused).http_status == 400


def test_the_token_of_what_is_sent_is_in_no_representation() -> None:
    assert TOKEN not in repr(sent())


def test_what_the_log_cannot_take_is_told_by_number_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(logger, "error", lambda message, **more: lines.append((message, more)))
    log = recorder(FakeStore(RuntimeError(UID)))

    def broken() -> Exchange:
        raise ValueError(UID)

    log.record(broken)
    log.record(entry)
    log.record(entry)
    log.flush()
    assert lines == [
        ("an exchange could not be described", {"reason": "ValueError"}),
        ("exchanges were not logged", {"lost": 2, "reason": "RuntimeError"}),
    ]


def test_entries_are_kept_as_long_as_it_is_said_and_25_are_written_at_once() -> None:
    kept: list[int] = []

    class Noting(FakeStore):
        def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
            super().append(exchanges, days=days)
            kept.append(days)

    log = recorder(Noting(), days=3)
    for _ in range(24):
        log.record(entry)
    assert (MOST_BUFFERED, kept) == (25, [])
    log.record(entry)
    assert kept == [3]
    assert (recorder(FakeStore(), 1).is_on, recorder(FakeStore(), 0).is_on) == (True, False)


@pytest.mark.parametrize(
    ("module", "object_id", "found"),
    [("sessions", "S-1", "sessions/s-1"), ("cdrs", "É", "cdrs/é")],
)
def test_an_object_is_found_by_its_id_in_any_case_and_no_key_is_asked_for(
    module: str, object_id: str, found: str
) -> None:
    def never() -> bytes:
        pytest.fail("the key was asked for")

    assert subject(module, object_id, never) == found
