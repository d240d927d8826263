"""One exchange step by step: which address is tried for how long, and what each failure is called."""

from __future__ import annotations

import logging
import socket
import ssl
from types import SimpleNamespace
from typing import Any, cast

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ReadTimeoutError

from ocpi.outbound.address_guard import Target
from ocpi.outbound.deadline import Cut, Deadline
from ocpi.outbound.exchange import Request, connect, encrypt, exchange, read_body
from ocpi.outbound.unreachable import PartnerUnreachable
from tests.support.partner_server import PartnerServer, Reply


def target(*addresses: str, port: int = 443, scheme: Any = "https") -> Target:
    return Target(scheme, "partner.example", port, addresses, "/a?b=c")


def deadline(seconds: float = 8.0) -> Deadline:
    return Deadline(seconds, lambda: 0.0)


class Dialled:
    """Stands for :func:`socket.create_connection`; ``outcomes`` are what each attempt raises, ``None``: it works."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.attempts: list[tuple[Any, float]] = []
        self.options: list[tuple[int, ...]] = []

    def __call__(self, address: tuple[str, int], timeout: float) -> Any:
        self.attempts.append((address, timeout))
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return SimpleNamespace(setsockopt=lambda *option: self.options.append(option))


def dialling(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | None) -> Dialled:
    dialled = Dialled(*outcomes)
    monkeypatch.setattr(socket, "create_connection", dialled)
    return dialled


def test_each_address_gets_its_share_of_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = dialling(monkeypatch, TimeoutError(), OSError("no"), None)
    connect(target("192.0.2.1", "192.0.2.2", "192.0.2.3", port=8443), deadline(6.0))
    assert dialled.attempts == [
        (("192.0.2.1", 8443), 2.0),
        (("192.0.2.2", 8443), 3.0),
        (("192.0.2.3", 8443), 6.0),
    ]
    assert dialled.options == [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ([], "no address"),
        ([TimeoutError()], "no reply"),
        ([ConnectionRefusedError(111, "Connection refused")], "Connection refused"),
        ([TimeoutError(), OSError("of the operating system")], "OSError"),
        ([OSError(113, "No route to host"), TimeoutError()], "no reply"),
        ([OSError(113, "No route to host")] * 5, "No route to host"),
    ],
)
def test_the_last_failure_says_why_there_is_no_connection_and_four_addresses_are_tried(
    monkeypatch: pytest.MonkeyPatch, outcomes: list[Exception], reason: str
) -> None:
    dialled = dialling(monkeypatch, *outcomes)
    with pytest.raises(PartnerUnreachable) as failed:
        connect(target(*(f"192.0.2.{number}" for number in range(len(outcomes))), port=8443), deadline())
    assert (failed.value.kind, failed.value.detail) == ("connect", f"no connection to partner.example:8443: {reason}")
    assert len(dialled.attempts) == min(len(outcomes), 4)


def test_a_deadline_that_passes_while_connecting_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(*_: Any, **__: Any) -> Any:
        now[0] = 9.0
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", slow)
    with pytest.raises(PartnerUnreachable) as failed:
        connect(target("192.0.2.1"), Deadline(8, lambda: now[0]))
    assert failed.value.kind == "timeout"


class Context:
    """A TLS context whose handshake ends like this."""

    def __init__(self, outcome: Exception | object) -> None:
        self.outcome = outcome
        self.asked: list[Any] = []

    def wrap_socket(self, connection: Any, *, server_hostname: str) -> Any:
        self.asked.append((connection, server_hostname))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def encrypted(context: Context, cut: Cut | None = None) -> Any:
    waits: list[float] = []
    connection = cast("Any", SimpleNamespace(settimeout=waits.append))
    try:
        return encrypt(connection, target("192.0.2.1", port=8443), deadline(), cast("Any", context), cut or Cut())
    finally:
        assert waits == [8.0]
        assert context.asked == [(connection, "partner.example")]


def verification(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        (verification("certificate has expired"), "the certificate of partner.example:8443: certificate has expired"),
        (ssl.SSLError(1, "wrong version"), "no TLS with partner.example:8443: SSLError"),
        (ConnectionResetError(104, "reset"), "no TLS with partner.example:8443: ConnectionResetError"),
        (ValueError("embedded null"), "no TLS with partner.example:8443: ValueError"),
    ],
)
def test_what_is_wrong_with_tls_is_said_and_nothing_hangs_on(outcome: Exception, detail: str) -> None:
    with pytest.raises(PartnerUnreachable) as failed:
        encrypted(Context(outcome))
    assert (failed.value.kind, failed.value.detail) == ("tls", detail)
    assert (failed.value.__context__, failed.value.__cause__) == (None, None)


def test_the_reason_that_openssl_gives_is_said() -> None:
    error = ssl.SSLError(1, "long text")
    error.reason = "WRONG_VERSION_NUMBER"
    with pytest.raises(PartnerUnreachable, match=r"no TLS with partner\.example:8443: WRONG_VERSION_NUMBER$"):
        encrypted(Context(error))


def test_a_handshake_that_the_deadline_ended_is_a_timeout_whatever_it_raised() -> None:
    cut = Cut()
    cut.made = True
    for outcome, made in ((TimeoutError(), None), (ssl.SSLEOFError(8, "EOF"), cut), (ValueError(), cut)):
        with pytest.raises(PartnerUnreachable) as failed:
            encrypted(Context(outcome), made)
        assert failed.value.kind == "timeout"


def test_a_handshake_that_succeeds_gives_its_connection() -> None:
    line = object()
    assert encrypted(Context(line)) is line


class Body:
    """A response that comes in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.asked: list[int] = []

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        return self.pieces.pop(0) if self.pieces else b""


def test_a_body_is_read_piece_by_piece_up_to_the_byte_that_is_allowed() -> None:
    body = Body(b"abc", b"de")
    assert read_body(cast("Any", body), 5) == b"abcde"
    assert set(body.asked) == {16_384}
    endless = Body(*[b"abc"] * 100)
    with pytest.raises(PartnerUnreachable) as failed:
        read_body(cast("Any", endless), 4)
    assert (failed.value.kind, failed.value.detail) == ("too_large", "the answer has more than 4 bytes")
    assert len(endless.asked) == 2


def no_tls() -> Any:
    pytest.fail("TLS was asked for")


def over_the_wire(partner: PartnerServer, **more: Any) -> Any:
    there = Target("http", "partner.example", partner.port, ("127.0.0.1",), "/a?b=c")
    request = Request("GET", {"X-Name": "value", "Host": "evil.example", "Connection": "keep-alive"}, None)
    return exchange(there, request, **{"deadline": deadline(), "max_bytes": 100, "tls": no_tls, **more})


def test_a_connection_of_its_own_is_named_after_the_target_and_said_to_end() -> None:
    with PartnerServer() as partner:
        partner.on("GET", "/a", Reply(201, b"[]", {"X-One": "1"}))
        answer = over_the_wire(partner)
        (received,) = partner.requests
    assert (received.headers["host"], received.headers["connection"]) == (f"partner.example:{partner.port}", "close")
    assert (received.headers["x-name"], received.query) == ("value", "b=c")
    assert (answer.status, answer.body, dict(answer.headers)["X-One"]) == (201, b"[]", "1")


def test_an_answer_that_broke_is_told_by_the_kind_of_error_alone() -> None:
    with PartnerServer() as partner:
        partner.on("GET", "/a", Reply(raw=[b"nonsense of token-b\r\n\r\n"]))
        with pytest.raises(PartnerUnreachable) as failed:
            over_the_wire(partner)
    assert (failed.value.kind, failed.value.detail) == (
        "broken",
        "the connection or the answer broke: BadStatusLine",
    )


def test_an_answer_that_only_seems_whole_because_the_deadline_cut_it_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class AlreadyCut(Cut):
        def __init__(self) -> None:
            self.made = True

    monkeypatch.setattr("ocpi.outbound.deadline.Cut", AlreadyCut)
    with PartnerServer() as partner:
        for reply in (Reply(200, b"[]"), Reply(raw=[b"nonsense\r\n\r\n"])):
            partner.on("GET", "/a", reply)
            with pytest.raises(PartnerUnreachable) as failed:
                over_the_wire(partner)
            assert failed.value.kind == "timeout"


@pytest.mark.parametrize("error", [TimeoutError(), ReadTimeoutError(cast("Any", None), "/", "timed out")])
def test_a_wait_that_ended_before_the_cut_is_a_timeout_too(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: HTTPConnection) -> Any:
        raise error

    monkeypatch.setattr(HTTPConnection, "getresponse", wait)
    with PartnerServer() as partner, pytest.raises(PartnerUnreachable) as failed:
        over_the_wire(partner)
    assert failed.value.kind == "timeout"


def test_a_connection_that_ended_opens_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class Connection(HTTPConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append((self, options))

    monkeypatch.setattr("ocpi.outbound.exchange.HTTPConnection", Connection)
    with PartnerServer() as partner:
        over_the_wire(partner)
    ((connection, options),) = made
    assert (connection.auto_open, connection.sock, options) == (0, None, {"timeout": 8.0})
    assert (connection.host, connection.port) == ("partner.example", partner.port)


def test_the_log_of_urllib3_is_silent_about_header_lines_only(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("urllib3.connection")
    with caplog.at_level(logging.WARNING):
        log.warning("Failed to parse headers (url=%s)", "https://partner.example/?key=hidden")
        log.warning("something else")
    assert caplog.messages == ["something else"]
