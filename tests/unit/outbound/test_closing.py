"""Kept connections end to end in memory: when each is closed, and that none is opened that nobody checked."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Literal

import pytest
from urllib3.connection import HTTPConnection

from ocpi.outbound import kept_connections
from ocpi.outbound.address_guard import Target
from ocpi.outbound.deadline import Deadline
from ocpi.outbound.exchange import Request
from ocpi.outbound.kept_connections import KeptConnections
from ocpi.outbound.partner_url import PartnerUrl
from ocpi.outbound.unreachable import PartnerUnreachable
from tests.support.raw_server import OK, answer_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAST = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Partner:
    """Each connection to it is a pair of sockets in memory, on which its first answer is waiting."""

    def __init__(self) -> None:
        self.kept = KeptConnections()
        self.ours: list[socket.socket] = []
        self.theirs: list[socket.socket] = []
        self.says = OK
        self.host = "partner.example"

    def connect(self, _: Target, __: Deadline) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(self.says)
        self.ours.append(ours)
        self.theirs.append(theirs)
        return ours

    def ask(
        self,
        method: str = "GET",
        body: bytes | None = None,
        *,
        scheme: Literal["http", "https"] = "http",
        seconds: float = 60,
        before: Callable[[], object] = lambda: None,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> bytes:
        """The body of the answer; ``before`` comes before a connection is made."""
        url = PartnerUrl(scheme, self.host, 8080, "/a", is_address=False)

        def check() -> Target:
            before()
            return Target(scheme, self.host, 8080, ("192.0.2.1",), "/a")

        deadline = Deadline(seconds, lambda: 0.0)
        request = Request(method, {}, body)
        return self.kept.exchange(url, check, request, deadline=deadline, max_bytes=100, tls=tls).body

    @property
    def is_closed(self) -> list[bool]:
        """Of each connection so far."""
        return [each.fileno() == -1 for each in self.ours]


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Partner]:
    partner = Partner()
    monkeypatch.setattr(kept_connections, "connect", partner.connect)
    with closing(partner.kept):
        yield partner
    for each in (*partner.ours, *partner.theirs):
        each.close()


def test_a_connection_that_serves_is_closed_with_the_others_at_the_end(partner: Partner) -> None:
    partner.ask(before=partner.ask)
    assert partner.is_closed == [False, False]
    partner.kept.close()
    assert partner.is_closed == [True, True]


def test_what_is_asked_after_the_end_has_a_connection_of_its_own(partner: Partner) -> None:
    partner.ask()
    partner.kept.close()
    assert partner.ask() == b"[]"
    assert partner.is_closed == [True, False]
    for _ in range(2):
        partner.kept.close()
        assert partner.is_closed == [True, True]


def test_a_dead_connection_is_closed_when_it_is_found(partner: Partner) -> None:
    partner.ask()
    partner.theirs[0].close()
    partner.ask()
    assert partner.is_closed == [True, False]


def test_a_connection_that_breaks_is_closed(partner: Partner) -> None:
    partner.says = b"nonsense\r\n\r\n"
    with pytest.raises(PartnerUnreachable):
        partner.ask()
    assert partner.is_closed == [True]


def test_a_connection_whose_answer_says_that_it_is_the_last_is_closed(partner: Partner) -> None:
    partner.says = LAST
    assert partner.ask() == b"[]"
    assert partner.is_closed == [True]


def test_a_dead_connection_does_not_keep_a_living_one_from_serving(partner: Partner) -> None:
    partner.ask(before=partner.ask)
    partner.theirs[1].close()
    partner.theirs[0].recv(1000)
    threading.Thread(target=answer_once, args=(partner.theirs[0],), daemon=True).start()
    assert partner.ask() == b"[]"
    assert partner.is_closed == [False, True]


def test_the_deadline_bounds_a_body_that_nobody_reads(partner: Partner) -> None:
    partner.ask(seconds=60)
    hanging_up = threading.Timer(1, partner.theirs[0].close)
    hanging_up.start()
    with pytest.raises(PartnerUnreachable) as caught:
        partner.ask("POST", b"x" * 5_000_000, seconds=0.05)
    hanging_up.cancel()
    assert caught.value.kind == "timeout"


def refusing() -> Any:
    raise FileNotFoundError("no certificates")


@pytest.mark.parametrize(("tls", "seconds"), [(refusing, 60.0), (ssl.create_default_context, 0.0)])
def test_a_connection_on_which_tls_does_not_even_begin_is_closed(tls: Any, seconds: float, partner: Partner) -> None:
    with pytest.raises((FileNotFoundError, PartnerUnreachable)):
        partner.ask(scheme="https", tls=tls, seconds=seconds)
    assert partner.is_closed == [True]


def test_a_partner_without_tls_is_a_tls_error(partner: Partner) -> None:
    partner.says = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(PartnerUnreachable) as caught:
        partner.ask(scheme="https")
    assert caught.value.kind == "tls"
    assert partner.is_closed == [True]


def test_an_ipv6_address_is_a_host_like_another(partner: Partner) -> None:
    partner.host = "fd12::abcd"
    assert partner.ask() == b"[]"
    assert b"\r\nHost: [fd12::abcd]:8080\r\n" in partner.theirs[0].recv(1000)


def test_a_connection_that_has_ended_is_never_opened_again_unchecked(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[HTTPConnection] = []

    def open_again(self: HTTPConnection) -> None:
        opened.append(self)
        raise ConnectionRefusedError

    monkeypatch.setattr(HTTPConnection, "connect", open_again)
    # As if one that the answer ended were kept all the same.
    monkeypatch.setattr(kept_connections._Line, "is_open", True)
    partner.says = LAST
    partner.ask()
    with suppress(PartnerUnreachable):
        partner.ask()
    assert opened == []
