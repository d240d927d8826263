from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENT = PartnerClient(AddressGuard(allow_private=True))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


@contextmanager
def listening(serve: Callable[[socket.socket, int], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that gives each connection, with its number, to ``serve``; its URL, and the numbers so far."""
    numbers: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                numbers.append(len(numbers))
                threading.Thread(target=run, args=(connection, numbers[-1]), daemon=True).start()

        def run(connection: socket.socket, number: int) -> None:
            with connection:
                serve(connection, number)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/a", numbers
        server.shutdown(socket.SHUT_RDWR)


def answer_once(connection: socket.socket) -> bool:
    """Whether there was a request."""
    asked = bool(connection.recv(65536))
    if asked:
        connection.sendall(OK)
    return asked


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


def test_each_request_carries_its_own_headers_over_a_kept_connection() -> None:
    with PartnerServer() as partner, CLIENT.keeping_connections() as client:
        partner.on("GET", "/a", Reply.json([]))
        for token in ("one", "two"):
            client.request("GET", f"{partner.url}/a", token=token, deadline=5)
        assert [each.headers["authorization"] for each in partner.requests] == ["Token one", "Token two"]
        assert len({each.headers["x-request-id"] for each in partner.requests}) == 2


def test_a_refused_url_opens_nothing() -> None:
    with PartnerClient(AddressGuard(allow_private=False)).keeping_connections() as client:
        for url in ("http://127.0.0.1:1/", "https://10.0.0.1/"):
            with pytest.raises(PartnerUnreachable) as caught:
                client.request("GET", url, token="abc", deadline=5)
            assert caught.value.kind == "refused_address"
