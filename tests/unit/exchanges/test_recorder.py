from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.exchanges.outbound import About, Sent, observed
from ocpi.exchanges.recorder import MOST_BUFFERED, Recorder
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
