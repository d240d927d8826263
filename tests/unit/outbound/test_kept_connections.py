from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from tests.support.certificates import Authority
from tests.support.partner_server import PartnerServer, Reply
from tests.support.raw_server import OK, answer_once, listening

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = PartnerClient(AddressGuard(allow_private=True))


def test_one_connection_serves_many_requests_and_is_closed_at_the_end() -> None:
    ended = threading.Event()

    def serve(connection: socket.socket, _: int) -> None:
        while answer_once(connection):
            pass
        ended.set()

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        for method in ("GET", "PUT", "PATCH", "POST", "DELETE"):
            assert client.request(method, url, token="abc", deadline=5).body == b"[]"
        assert connections == [0]
        assert not ended.is_set()
    assert ended.wait(5)


def test_a_connection_that_the_partner_closed_is_made_anew() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        answer_once(connection)

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        for method in ("PUT", "POST", "GET"):
            assert client.request(method, url, token="abc", deadline=5).http_status == 200
            time.sleep(0.05)
        assert connections == [0, 1, 2]


@pytest.mark.req("CDR-28")
@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("PUT", True), ("PATCH", True), ("POST", False)])
def test_what_a_dying_connection_swallowed_is_sent_again_unless_it_is_a_post(method: str, repeated: bool) -> None:
    swallowed: list[bytes] = []

    def serve(connection: socket.socket, number: int) -> None:
        answer_once(connection)
        if number == 0:
            swallowed.append(connection.recv(65536))
        else:
            answer_once(connection)

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        client.request("GET", url, token="abc", deadline=5)
        if repeated:
            assert client.request(method, url, token="abc", body="{}", deadline=5).http_status == 200
        else:
            with pytest.raises(PartnerUnreachable) as caught:
                client.request(method, url, token="abc", body="{}", deadline=5)
            assert caught.value.kind == "broken"
        assert len(connections) == (2 if repeated else 1)
    assert len(swallowed) == 1


def test_a_new_connection_that_breaks_is_not_tried_again() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(65536)

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        with pytest.raises(PartnerUnreachable) as caught:
            client.request("GET", url, token="abc", deadline=5)
        assert caught.value.kind == "broken"
        assert caught.value.__context__ is None
        assert connections == [0]


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(50):
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)

    with listening(serve) as (url, _), CLIENT.keeping_connections() as client:
        began = time.monotonic()
        with pytest.raises(PartnerUnreachable) as caught:
            client.request("GET", url, token="abc", deadline=0.5)
        assert caught.value.kind == "timeout"
        assert time.monotonic() - began < 1.5


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1]")

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        for _ in range(2):
            assert client.request("GET", url, token="abc", deadline=5).body == b"[1]"
        assert connections == [0, 1]


def test_each_request_carries_its_own_headers_and_body_over_a_kept_connection() -> None:
    with PartnerServer() as partner, CLIENT.keeping_connections() as client:
        partner.on("PUT", "/a", Reply.json([]))
        for token in ("one", "two"):
            client.request("PUT", f"{partner.url}/a", token=token, body=f'"{token}"', deadline=5)
        assert [each.json() for each in partner.requests] == ["one", "two"]
        assert [each.headers["authorization"] for each in partner.requests] == ["Token one", "Token two"]
        assert len({each.headers["x-request-id"] for each in partner.requests}) == 2


def test_a_refused_url_opens_nothing() -> None:
    with PartnerClient(AddressGuard(allow_private=False)).keeping_connections() as client:
        for url in ("http://127.0.0.1:1/", "https://10.0.0.1/"):
            with pytest.raises(PartnerUnreachable) as caught:
                client.request("GET", url, token="abc", deadline=5)
            assert caught.value.kind == "refused_address"


def test_each_origin_has_connections_of_its_own() -> None:
    def pinned(_: str, port: int, *__: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def serve(connection: socket.socket, _: int) -> None:
        while answer_once(connection):
            pass

    caller = PartnerClient(AddressGuard(allow_private=True, resolver=pinned))
    with (
        listening(serve) as (url, here),
        listening(serve) as (elsewhere, there),
        caller.keeping_connections() as client,
    ):
        for each in (url, elsewhere, url.replace("127.0.0.1", "partner.example"), url, elsewhere):
            client.request("GET", each, token="abc", deadline=5)
        assert (here, there) == ([0, 1], [0])


def test_a_kept_connection_is_named_after_its_target_and_not_said_to_end() -> None:
    with PartnerServer() as partner, CLIENT.keeping_connections() as client:
        partner.on("GET", "/a", Reply.json([]))
        for _ in range(2):
            client.request("GET", f"{partner.url}/a?b=c", token="abc", deadline=5, headers={"Host": "evil.example"})
        assert {each.headers["host"] for each in partner.requests} == {f"127.0.0.1:{partner.port}"}
        assert [each.query for each in partner.requests] == ["b=c", "b=c"]
        assert all("connection" not in each.headers for each in partner.requests)


def test_what_nobody_asked_for_is_no_answer_to_the_next_request() -> None:
    answered, spoken = threading.Event(), threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        answer_once(connection)
        if number == 0:
            assert answered.wait(5)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n["no"]')
            spoken.set()
        while answer_once(connection):
            pass

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        client.request("POST", url, token="abc", deadline=5)
        answered.set()
        assert spoken.wait(5)
        time.sleep(0.02)
        assert client.request("POST", url, token="abc", deadline=5).body == b"[]"
        assert connections == [0, 1]


def test_an_answer_that_breaks_after_its_first_byte_is_not_asked_for_again() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        answer_once(connection)
        connection.recv(65536)
        connection.sendall(b"H")

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        client.request("GET", url, token="abc", deadline=5)
        with pytest.raises(PartnerUnreachable) as caught:
            client.request("GET", url, token="abc", deadline=5)
        assert (caught.value.kind, caught.value.__context__) == ("broken", None)
        assert caught.value.detail == "the connection or the answer broke: BadStatusLine"
        assert connections == [0]


def test_a_connection_of_many_answers_ages_by_the_answer_and_not_by_the_connection() -> None:
    """Whether anything came is asked anew of each answer: the second request is sent again all the same."""

    def serve(connection: socket.socket, number: int) -> None:
        for _ in range(2):
            answer_once(connection)
        connection.recv(65536)
        if number:
            connection.sendall(OK)

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        for _ in range(3):
            assert client.request("GET", url, token="abc", deadline=5).http_status == 200
        assert connections == [0, 1]


@pytest.mark.parametrize("max_bytes", [2, 1])
def test_an_answer_over_kept_connections_is_bounded_too(max_bytes: int) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        while answer_once(connection):
            pass

    with listening(serve) as (url, connections), CLIENT.keeping_connections() as client:
        if max_bytes == 2:
            assert client.request("GET", url, token="abc", deadline=5, max_bytes=2).body == b"[]"
        else:
            with pytest.raises(PartnerUnreachable) as caught:
                client.request("GET", url, token="abc", deadline=5, max_bytes=1)
            assert caught.value.kind == "too_large"
        # A connection whose answer was not read to its end serves nobody any more.
        client.request("GET", url, token="abc", deadline=5)
        assert connections == ([0] if max_bytes == 2 else [0, 1])


def test_a_partner_may_refuse_a_long_body_over_a_kept_connection() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")

    with listening(serve) as (url, _), CLIENT.keeping_connections() as client:
        answer = client.request("PUT", url, token="abc", body="x" * 5_000_000, deadline=5)
        assert (answer.http_status, answer.body) == (413, b"[]")


def test_each_request_over_a_kept_connection_has_a_deadline_of_its_own() -> None:
    def serve(connection: socket.socket, _: int) -> None:
        answer_once(connection)
        connection.recv(65536)
        time.sleep(0.3)

    with listening(serve) as (url, _), CLIENT.keeping_connections() as client:
        client.request("GET", url, token="abc", deadline=60)
        with pytest.raises(PartnerUnreachable) as caught:
            client.request("GET", url, token="abc", deadline=0.1)
        assert (caught.value.kind, caught.value.detail) == ("timeout", "no complete answer within 0.1 s")


def test_tls_is_kept_with_its_connection_and_its_certificate_is_checked(tmp_path: Path) -> None:
    def pinned(_: str, port: int, *__: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    authority, names = Authority.make(tmp_path), list[str]()
    context = authority.server("partner.example")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    caller = PartnerClient(AddressGuard(allow_private=True, resolver=pinned), tls=authority.trust())
    with PartnerServer(context) as partner, caller.keeping_connections() as client:
        partner.on("GET", "/a", Reply.json([1]))
        for _ in range(2):
            answer = client.request("GET", f"https://partner.example:{partner.port}/a", token="abc", deadline=5)
            assert answer.body == b"[1]"
        assert names == ["partner.example"]
        with pytest.raises(PartnerUnreachable) as caught:
            client.request("GET", f"https://other.example:{partner.port}/a", token="abc", deadline=5)
        assert caught.value.kind == "tls"
        assert len(partner.requests) == 2
