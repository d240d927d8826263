from __future__ import annotations

import base64
import gzip
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from ocpi import __version__
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from tests.support.partner_server import PartnerServer, Reply, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = PartnerClient(AddressGuard(allow_private=True))
TOKEN = "secret-token-of-the-partner"


@pytest.fixture
def partner() -> Iterator[PartnerServer]:
    with PartnerServer() as server:
        yield server


def unreachable(partner: PartnerServer, path: str = "/?key=hidden", **options: Any) -> PartnerUnreachable:
    """The error of a GET; whatever it is, no text of it may hold the token or the query."""
    with pytest.raises(PartnerUnreachable) as caught:
        CLIENT.request("GET", partner.url + path, **{"token": TOKEN, "deadline": 5, **options})
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in (str(error), repr(error), error.detail):
        assert TOKEN not in text
        assert "hidden" not in text
    return error


@pytest.mark.req("TF-06")
def test_every_request_carries_the_token_as_it_was_issued(partner: PartnerServer) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        CLIENT.request(method, partner.url + "/a", token="abc-1==", deadline=5)
    assert [request.method for request in partner.requests] == ["GET", "POST", "PUT", "PATCH", "DELETE"]
    assert {request.headers["authorization"] for request in partner.requests} == {"Token abc-1=="}


def test_the_token_goes_out_in_base64_where_a_partner_wants_it(partner: PartnerServer) -> None:
    CLIENT.request("GET", partner.url, token="abc-é", encoding="base64", deadline=5)
    scheme, _, credential = partner.requests[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(credential).decode()) == ("Token", "abc-é")


@pytest.mark.parametrize("token", ["", " ", "a\r\nX-Evil: 1", "a\x00b", "abc-é"])
def test_a_token_that_no_header_can_carry_is_refused_before_anything_is_sent(
    partner: PartnerServer, token: str
) -> None:
    error = unreachable(partner, token=token)
    assert error.kind == "broken"
    assert not token.strip() or token not in str(error)
    assert partner.requests == []


def test_a_request_names_its_program_and_itself(partner: PartnerServer) -> None:
    CLIENT.request("GET", partner.url + "/a?b=c%20d", token="abc", deadline=5)
    CLIENT.request("GET", partner.url + "/a?b=c%20d", token="abc", deadline=5)
    first, second = partner.requests
    assert (first.path, first.query) == ("/a", "b=c%20d")
    assert first.headers["host"] == f"127.0.0.1:{partner.port}"
    assert first.headers["user-agent"] == f"serverless-ocpi/{__version__}"
    assert first.headers["accept"] == "application/json"
    assert "content-type" not in first.headers
    assert "cookie" not in first.headers
    ids = [request.headers[name] for request in (first, second) for name in ("x-request-id", "x-correlation-id")]
    assert len({UUID(each) for each in ids}) == 4


def test_a_body_goes_out_as_json_in_utf_8(partner: PartnerServer) -> None:
    CLIENT.request("PUT", partner.url, token="abc", body='{"name": "Zürich"}', deadline=5)
    assert partner.requests[0].json() == {"name": "Zürich"}
    assert partner.requests[0].headers["content-type"] == "application/json"


def test_the_answer_is_given_whatever_its_status(partner: PartnerServer) -> None:
    for status in (200, 201, 204, 400, 401, 404, 405, 429, 500, 503):
        body = b"" if status == 204 else b"[]"
        partner.on("GET", "/a", Reply(status, body, {"X-Limit": "5", "Retry-After": "7"}))
        answer = CLIENT.request("GET", partner.url + "/a", token="abc", deadline=5)
        assert (answer.http_status, answer.body, answer.headers["x-limit"]) == (status, body, "5")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(partner: PartnerServer, status: int) -> None:
    partner.on("POST", "/a", Reply(status, headers={"Location": partner.url + "/b"}))
    answer = CLIENT.request("POST", partner.url + "/a", token="abc", body="{}", deadline=5)
    assert (answer.http_status, answer.headers["Location"]) == (status, partner.url + "/b")
    assert [request.path for request in partner.requests] == ["/a"]
    assert answer.problem() == f"HTTP {status}"


def test_nothing_is_repeated_and_no_cookie_is_kept(partner: PartnerServer) -> None:
    partner.on("GET", "/", Reply(503, headers={"Set-Cookie": "a=b", "Retry-After": "0"}))
    for sent in (1, 2):
        CLIENT.request("GET", partner.url, token="abc", deadline=5)
        assert len(partner.requests) == sent
    assert "cookie" not in partner.requests[1].headers


def test_proxies_of_the_environment_are_not_used(partner: PartnerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    partner.on("GET", "/a", Reply.ocpi([]))
    assert CLIENT.request("GET", partner.url + "/a", token="abc", deadline=5).http_status == 200


def test_the_connection_goes_to_the_checked_address_whatever_the_name_resolves_to_later(
    partner: PartnerServer,
) -> None:
    given = iter(["127.0.0.1"])

    def rebinding(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(given), port))]

    client = PartnerClient(AddressGuard(allow_private=True, resolver=rebinding))
    client.request("GET", f"http://partner.example:{partner.port}/a", token="abc", deadline=5)
    assert partner.requests[0].headers["host"] == f"partner.example:{partner.port}"


def test_a_second_checked_address_is_tried_when_the_first_does_not_answer(partner: PartnerServer) -> None:
    def two(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    client = PartnerClient(AddressGuard(allow_private=True, resolver=two))
    client.request("GET", f"http://partner.example:{partner.port}/a", token="abc", deadline=5)
    assert len(partner.requests) == 1


def test_a_refused_url_is_told_from_an_unknown_name_and_a_closed_port(partner: PartnerServer) -> None:
    def unknown(*_: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for url, kind in {
        "http://169.254.169.254/?key=hidden": "refused_address",
        "http://partner.example/?key=hidden": "dns",
        f"http://127.0.0.1:{closed_port()}/?key=hidden": "connect",
    }.items():
        with pytest.raises(PartnerUnreachable) as caught:
            PartnerClient(AddressGuard(True, unknown)).request("GET", url, token=TOKEN, deadline=5)
        assert caught.value.kind == kind
        assert "hidden" not in str(caught.value)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    release = threading.Event()

    def hanging(*_: Any) -> list[tuple[Any, ...]]:
        release.wait(20)
        return []

    began = time.monotonic()
    with pytest.raises(PartnerUnreachable) as caught:
        PartnerClient(AddressGuard(True, hanging)).request("GET", "http://partner.example/", token="a", deadline=0.3)
    release.set()
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 2


def drip(text: bytes) -> list[bytes]:
    return [text[place : place + 1] for place in range(len(text))]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SLOW = {
    "says nothing": Reply(wait=20),
    "drips its status line": Reply(raw=drip(HEAD * 20), pause=0.1),
    "drips endless headers": Reply(raw=[HEAD, *drip(b"X-A: b\r\n" * 100)], pause=0.1),
    "drips a body of known length": Reply(raw=[HEAD + b"Content-Length: 900\r\n\r\n", *drip(b"[" * 900)], pause=0.1),
    "drips a body until it closes": Reply(raw=[HEAD + b"\r\n", *drip(b"[1,2,3]" + b" " * 900)], pause=0.1),
    "drips chunks": Reply(raw=[HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *([b"1\r\n1\r\n"] * 900)], pause=0.1),
    "drips interim answers": Reply(raw=[b"HTTP/1.1 100 Continue\r\n\r\n"] * 900, pause=0.1),
}


@pytest.mark.parametrize("habit", SLOW)
def test_the_deadline_bounds_the_whole_call_for_a_partner_that(habit: str, partner: PartnerServer) -> None:
    partner.on("GET", "/", SLOW[habit])
    began = time.monotonic()
    error = unreachable(partner, deadline=0.7)
    assert error.kind == "timeout"
    assert error.detail == "no complete answer within 0.7 s"
    assert 0.6 < time.monotonic() - began < 2


def test_the_deadline_bounds_a_connection_that_nobody_accepts() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # Fill the queue of connections that wait to be accepted; what comes then gets no reply.
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        with pytest.raises(PartnerUnreachable) as caught:
            CLIENT.request("GET", f"http://127.0.0.1:{port}/", token="abc", deadline=0.5)
        for each in waiting:
            each.close()
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("deadline", [0, -1])
def test_a_deadline_that_has_passed_sends_nothing(partner: PartnerServer, deadline: float) -> None:
    assert unreachable(partner, deadline=deadline).kind == "timeout"
    assert partner.requests == []


def test_an_answer_may_have_as_many_bytes_as_allowed_and_no_more(partner: PartnerServer) -> None:
    partner.on("GET", "/", Reply(body=b"x" * 50_000))
    assert len(CLIENT.request("GET", partner.url, token="abc", deadline=5, max_bytes=50_000).body) == 50_000
    assert unreachable(partner, max_bytes=49_999).kind == "too_large"


def test_a_partner_may_answer_before_it_has_read_a_long_body() -> None:
    def play(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n[]")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        player = threading.Thread(target=play, args=(listener,))
        player.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        answer = CLIENT.request("PUT", url, token="abc", body="x" * 20_000_000, deadline=5)
        player.join()
    assert (answer.http_status, answer.body) == (413, b"[]")


def test_an_endless_answer_is_refused_while_reading(partner: PartnerServer) -> None:
    partner.on("GET", "/", Reply(raw=[HEAD + b"\r\n", *([b"x" * 10_000] * 1000)]))
    assert unreachable(partner, max_bytes=100_000).kind == "too_large"


def test_a_compressed_answer_is_read(partner: PartnerServer) -> None:
    partner.on("GET", "/", Reply(body=gzip.compress(b"[1, 2]"), headers={"Content-Encoding": "gzip"}))
    assert CLIENT.request("GET", partner.url, token="abc", deadline=5).body == b"[1, 2]"
    assert partner.requests[0].headers["accept-encoding"] == "gzip"


def test_the_size_of_a_compressed_answer_is_what_it_unpacks_to(partner: PartnerServer) -> None:
    packed = gzip.compress(b" " * 20_000_000)
    assert len(packed) < 50_000
    partner.on("GET", "/", Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    assert unreachable(partner, max_bytes=1_000_000).kind == "too_large"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        HEAD[:10],
        HEAD + b"Content-Length: 100\r\n\r\n[1, 2",
        HEAD + b"Content-Length: 3, 7\r\n\r\n[1, 2]",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[1]\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        HEAD + b"X: y\r\n" * 200 + b"\r\n",
        HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_cut_off_or_no_http_is_broken(partner: PartnerServer, raw: bytes) -> None:
    partner.on("GET", "/", Reply(raw=[raw]))
    assert unreachable(partner).kind == "broken"


def test_nothing_that_is_logged_holds_the_token_or_the_query(
    partner: PartnerServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    partner.on("GET", "/", Reply(raw=[HEAD + b"no colon in this line\r\nA: b\r\nContent-Length: 2\r\n\r\n[]"]))
    CLIENT.request("GET", partner.url + "/?key=hidden", token=TOKEN, deadline=5)
    assert TOKEN not in caplog.text
    assert "hidden" not in caplog.text


def test_a_token_that_the_partner_quotes_is_in_no_text_of_the_answer(partner: PartnerServer) -> None:
    partner.on("GET", "/", Reply.ocpi(status_code=2001, status_message=f"unknown token {TOKEN}", status=401))
    answer = CLIENT.request("GET", partner.url, token=TOKEN, deadline=5)
    assert answer.problem() == "HTTP 401, OCPI 2001: unknown token …"
    assert TOKEN not in answer.excerpt() + repr(answer.envelope().data)


def test_no_thread_and_no_socket_is_left_behind(partner: PartnerServer) -> None:
    descriptors = "/proc/self/fd"
    if not os.path.isdir(descriptors):  # noqa: PTH112 - a place of the system, Linux only
        pytest.skip("needs /proc")
    partner.on("GET", "/slow", Reply(wait=0.4))

    def held() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir(descriptors))  # noqa: PTH208 - as above

    before = held()
    for _ in range(5):
        CLIENT.request("GET", partner.url, token="abc", deadline=5)
        unreachable(partner, "/slow", deadline=0.05)
    wait_until(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))


def test_many_threads_may_share_a_client(partner: PartnerServer) -> None:
    partner.on("GET", "/a", lambda request: Reply.ocpi(request.headers["authorization"]))
    answers: dict[int, Any] = {}

    def call(number: int) -> None:
        answer = CLIENT.request("GET", partner.url + "/a", token=f"token-{number}", deadline=10)
        answers[number] = answer.envelope().data

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"Token token-{number}" for number in range(16)}


def test_importing_the_client_loads_neither_tls_nor_http() -> None:
    program = (
        "import sys, ocpi.outbound.client; print(sorted({'ssl', 'urllib3', 'http.client', 'boto3'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=child())
    assert found.stdout.strip() == "[]"


def child() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
