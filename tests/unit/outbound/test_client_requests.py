"""What a call hands on and what it records; no network."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest

from ocpi.exchanges.outbound import About
from ocpi.exchanges.recorder import Recorder
from ocpi.observability import logger
from ocpi.outbound import kept_connections
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import MAX_ANSWER_BYTES, PartnerClient, PartnerUnreachable
from ocpi.outbound.exchange import RawAnswer
from ocpi.store.port import Partner, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.exchanges import Exchange

PUBLIC = "93.184.215.14"
URL = "https://partner.example/tokens"
PARTNER = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z")


def resolve(_: str, port: int, *__: Any) -> list[tuple[Any, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]


GUARD = AddressGuard(allow_private=False, resolver=resolve)


class Wire:
    """What goes out, instead of an exchange."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answer = RawAnswer(200, [("X-One", "1")], b"[]")

    def __call__(self, target: Any, request: Any, **options: Any) -> RawAnswer:
        self.sent.append(SimpleNamespace(target=target, request=request, **options))
        return self.answer


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr("ocpi.outbound.exchange.exchange", wire)
    return wire


def test_a_call_hands_on_the_checked_target_and_its_bounds(wire: Wire) -> None:
    now, context = [50.0], cast("Any", object())
    client = PartnerClient(GUARD, clock=lambda: now[0], tls=context, user_agent="tester/1")
    answer = client.request("PUT", URL, token="abc", body='"é"', deadline=7, max_bytes=99)
    assert (answer.http_status, answer.headers["x-one"], answer.body) == (200, "1", b"[]")
    (sent,) = wire.sent
    assert (sent.target.addresses, sent.target.host, sent.target.path_and_query) == (
        (PUBLIC,),
        "partner.example",
        "/tokens",
    )
    assert (sent.request.method, sent.request.body) == ("PUT", b'"\xc3\xa9"')
    assert (sent.deadline.left(), sent.max_bytes, sent.tls()) == (7, 99, context)
    headers = dict(sent.request.headers)
    ids = {UUID(headers.pop("X-Request-ID")), UUID(headers.pop("X-Correlation-ID"))}
    assert len(ids) == 2
    assert headers == {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "tester/1",
        "Authorization": "Token abc",
        "Content-Type": "application/json",
    }


def test_an_answer_is_a_million_bytes_at_most_unless_told_otherwise(wire: Wire) -> None:
    PartnerClient(GUARD).request("GET", URL, token="abc", deadline=1)
    assert wire.sent[0].max_bytes == MAX_ANSWER_BYTES == 1_000_000


def test_without_a_token_nobody_is_told_who_we_are(wire: Wire) -> None:
    wire.answer = RawAnswer(200, [], b"")
    answer = PartnerClient(GUARD).request("GET", URL, token=None, deadline=1)
    assert "Authorization" not in wire.sent[0].request.headers
    assert "Content-Type" not in wire.sent[0].request.headers
    assert wire.sent[0].request.body is None
    assert answer.secrets == ()


def test_headers_go_along_and_count_more_than_ours(wire: Wire) -> None:
    given = {"X-Correlation-ID": "c-1", "Content-Type": "text/plain", "webhook-id": "m"}
    PartnerClient(GUARD).request("POST", URL, token=None, body="", headers=given, deadline=1)
    headers = wire.sent[0].request.headers
    assert {name: headers[name] for name in given} == given
    assert wire.sent[0].request.body == b""


@pytest.mark.parametrize(("encoding", "secrets"), [("plain", ("ab/c", "ab/c")), ("base64", ("ab/c", "YWIvYw=="))])
def test_the_token_is_a_secret_of_the_answer_in_both_spellings(
    wire: Wire, encoding: Any, secrets: tuple[str, ...]
) -> None:
    answer = PartnerClient(GUARD).request("GET", URL, token="ab/c", encoding=encoding, deadline=1)
    assert answer.secrets == secrets
    assert wire.sent[0].request.headers["Authorization"] == f"Token {secrets[1]}"


@pytest.mark.parametrize("token", ["", "  ", "a\nb", "é"])
def test_a_token_that_fits_no_header_is_named_by_what_is_wrong(wire: Wire, token: str) -> None:
    with pytest.raises(PartnerUnreachable) as failed:
        PartnerClient(GUARD).request("GET", URL, token=token, deadline=1)
    assert (failed.value.kind, failed.value.detail) == (
        "broken",
        "the token is empty or holds characters that no header can carry",
    )
    assert wire.sent == []


@pytest.mark.parametrize(
    ("url", "may"),
    [(URL, True), ("https://93.184.215.14/", True), ("https://10.0.0.1/", False), ("http://partner.example/", False)],
)
def test_whether_a_url_may_be_called_is_told_without_resolving_it(url: str, may: bool) -> None:
    def never(*_: Any) -> Any:
        pytest.fail("resolved")

    assert PartnerClient(AddressGuard(False, never)).may_call(url) is may


@pytest.mark.parametrize("keeps", [False, True])
def test_a_refusal_is_said_in_one_sentence_and_quotes_nothing(keeps: bool) -> None:
    client = PartnerClient(GUARD)
    with client.keeping_connections() as keeping, pytest.raises(PartnerUnreachable) as failed:
        (keeping if keeps else client).request("GET", "https://user@partner.example/", token="abc", deadline=1)
    assert (failed.value.kind, failed.value.detail) == ("refused_address", "the URL names a user")
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_name_that_leads_nowhere_is_of_dns(keeps: bool) -> None:
    def failing(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = PartnerClient(AddressGuard(False, failing))
    with client.keeping_connections() as keeping, pytest.raises(PartnerUnreachable) as failed:
        (keeping if keeps else client).request("GET", URL, token="abc", deadline=1)
    assert (failed.value.kind, failed.value.detail) == (
        "dns",
        "the URL has a host that cannot be resolved: partner.example",
    )


def test_a_bug_in_resolving_is_not_swallowed_by_its_thread() -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        PartnerClient(AddressGuard(False, broken)).request("GET", URL, token="abc", deadline=1)


def test_a_resolver_is_left_behind_by_a_thread_that_keeps_no_process_alive(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def noting(host: str, port: int, *rest: Any) -> Any:
        seen.append(threading.current_thread().daemon)
        return resolve(host, port, *rest)

    PartnerClient(AddressGuard(False, noting)).request("GET", URL, token="abc", deadline=1)
    assert seen == [True]


class Log:
    """The exchange log and the signing key of a store."""

    def __init__(self) -> None:
        self.entries: list[Exchange] = []
        self.exchanges = self

    def append(self, exchanges: Sequence[Exchange], *, days: int) -> None:
        self.entries += exchanges

    def signing_key(self) -> bytes:
        return b"k" * 32


def test_what_is_about_a_partner_is_recorded_with_its_correlation_id(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, reported = Log(), list[str]()
    monkeypatch.setattr(logger, "error", lambda message, **_: reported.append(message))
    recorder = Recorder(cast("Any", log), 14)
    client = PartnerClient(GUARD, recorder=recorder)
    wire.answer = RawAnswer(400, [], b'{"status_code": 2001, "status_message": "who is token-b"}')
    given: dict[str, Any] = {"token": "token-b", "body": '{"id": 1}', "deadline": 1}
    client.request("PUT", URL, **given, about=About(PARTNER, "credentials"))
    client.request("PUT", URL, **given)
    recorder.flush()
    # Not even a try to describe what is about nobody: that would be reported as an error.
    assert reported == []
    (entry,) = log.entries
    sent = wire.sent[0].request.headers["X-Correlation-ID"]
    assert (entry.partner_id, entry.method, entry.path, entry.correlation_id) == ("p-1", "PUT", URL, sent)
    assert (entry.http_status, entry.module) == (400, "credentials")
    assert entry.problem == "HTTP 400, OCPI 2001: who is …"
    assert '"request":{"id":"…"}' in str(entry.body)
    assert PartnerClient(GUARD).request("PUT", URL, **given, about=About(PARTNER)).http_status == 400


def test_a_token_that_stands_in_the_url_is_not_recorded(wire: Wire) -> None:
    log = Log()
    recorder = Recorder(cast("Any", log), 14)
    client = PartnerClient(GUARD, recorder=recorder)
    about = About(PARTNER, "versions")
    for token in ("token-b", "token-c"):
        client.request("GET", "https://partner.example/token-b/versions", token=token, deadline=1, about=about)
    recorder.flush()
    assert [entry.path for entry in log.entries] == [
        "https://partner.example/…/versions",
        "https://partner.example/token-b/versions",
    ]


def test_connections_are_kept_for_the_block_only_and_by_the_client_that_it_gives(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Any] = []
    closed: list[bool] = []

    class Kept:
        def exchange(self, url: Any, check: Any, request: Any, **options: Any) -> RawAnswer:
            used.append((url.host, check().addresses, request.method, sorted(options)))
            return RawAnswer(200, [], b"")

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(kept_connections, "KeptConnections", Kept)
    client = PartnerClient(GUARD)
    with pytest.raises(ZeroDivisionError), client.keeping_connections() as keeping:  # noqa: PT012 - ends the block
        keeping.request("GET", URL, token="abc", deadline=1)
        client.request("GET", URL, token="abc", deadline=1)
        assert closed == []
        raise ZeroDivisionError
    assert used == [("partner.example", (PUBLIC,), "GET", ["deadline", "max_bytes", "tls"])]
    assert len(wire.sent) == 1
    assert closed == [True]
