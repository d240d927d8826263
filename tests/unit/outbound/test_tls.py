from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.httpsession import get_cert_path

from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from ocpi.outbound.trust import tls_context
from tests.support.certificates import Authority
from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator


def pinned(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
    """Every name leads to this machine; none of them could be resolved otherwise."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def partner(authority: Authority) -> Iterator[PartnerServer]:
    """An https server whose certificate is for partner.example, not for the address that it is at."""
    with PartnerServer(authority.server("partner.example", "*.wild.example")) as server:
        server.on("GET", "/ocpi", Reply.ocpi([1]))
        yield server


def client(trust: ssl.SSLContext | None) -> PartnerClient:
    return PartnerClient(AddressGuard(allow_private=True, resolver=pinned), tls=trust)


def refusal(caller: PartnerClient, url: str) -> PartnerUnreachable:
    with pytest.raises(PartnerUnreachable) as caught:
        caller.request("GET", url, token="abc", deadline=5)
    return caught.value


@pytest.mark.parametrize("host", ["partner.example", "PARTNER.example.", "a.wild.example"])
def test_the_certificate_is_checked_against_the_host_name_while_connected_to_the_pinned_address(
    host: str, partner: PartnerServer, authority: Authority
) -> None:
    answer = client(authority.trust()).request("GET", f"https://{host}:{partner.port}/ocpi", token="abc", deadline=5)
    assert answer.envelope().data == [1]
    assert partner.requests[0].headers["host"] == f"{host.lower().rstrip('.')}:{partner.port}"


@pytest.mark.parametrize("host", ["other.example", "a.partner.example", "a.b.wild.example", "127.0.0.1", "localhost"])
def test_a_certificate_for_another_host_is_refused_and_nothing_is_sent(
    host: str, partner: PartnerServer, authority: Authority
) -> None:
    error = refusal(client(authority.trust()), f"https://{host}:{partner.port}/ocpi?key=hidden")
    assert error.kind == "tls"
    assert "match" in error.detail
    assert "hidden" not in str(error)
    assert partner.requests == []


def test_a_certificate_for_an_ip_address_is_good_for_that_address(authority: Authority) -> None:
    with PartnerServer(authority.server("127.0.0.1")) as partner:
        partner.on("GET", "/ocpi", Reply.ocpi([]))
        assert client(authority.trust()).request("GET", partner.url + "/ocpi", token="abc", deadline=5).body


def test_a_certificate_of_an_unknown_authority_is_refused_by_default(partner: PartnerServer) -> None:
    error = refusal(client(None), f"https://partner.example:{partner.port}/ocpi")
    assert error.kind == "tls"
    assert partner.requests == []


def test_the_server_is_told_the_host_name(authority: Authority) -> None:
    context, names = authority.server("partner.example"), []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with PartnerServer(context) as partner:
        client(authority.trust()).request("GET", f"https://partner.example:{partner.port}/", token="abc", deadline=5)
    assert names == ["partner.example"]


def test_a_server_without_tls_is_a_tls_error() -> None:
    with PartnerServer() as plain:
        assert refusal(client(None), f"https://partner.example:{plain.port}/").kind == "tls"
        assert plain.requests == []


@pytest.mark.parametrize("pause", [None, 0.1])
def test_the_deadline_bounds_a_handshake_that_hangs_or_drips(pause: float | None, authority: Authority) -> None:
    done = threading.Event()

    def play(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            # The head of a long handshake record, whose content never ends.
            for byte in b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb" + b"\x00" * 500:
                if done.wait(20 if pause is None else pause):
                    return
                connection.send(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        player = threading.Thread(target=play, args=(listener,))
        player.start()
        began = time.monotonic()
        with pytest.raises(PartnerUnreachable) as caught:
            client(authority.trust()).request(
                "GET", f"https://partner.example:{listener.getsockname()[1]}/", token="abc", deadline=0.6
            )
        took = time.monotonic() - began
        done.set()
        player.join()
    assert caught.value.kind == "timeout"
    assert 0.5 < took < 2


def test_the_deadline_bounds_an_encrypted_answer_that_drips(partner: PartnerServer, authority: Authority) -> None:
    partner.on("GET", "/ocpi", Reply(raw=[b"HTTP/1.1 200 OK\r\n\r\n", *([b"1"] * 500)], pause=0.1))
    began = time.monotonic()
    with pytest.raises(PartnerUnreachable) as caught:
        client(authority.trust()).request(
            "GET", f"https://partner.example:{partner.port}/ocpi", token="abc", deadline=0.6
        )
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 2


def test_the_context_of_the_process_verifies_and_is_made_once() -> None:
    assert tls_context() is tls_context()
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname
    assert tls_context().minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    """The files of certificates that contexts were made with, on a system that would allow any version of TLS."""
    files: list[str | None] = []
    make = ssl.create_default_context

    def lax(*, cafile: str | None) -> ssl.SSLContext:
        files.append(cafile)
        context = make(cafile=cafile)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    monkeypatch.setattr(ssl, "create_default_context", lax)
    tls_context.cache_clear()
    yield files
    tls_context.cache_clear()


@pytest.mark.parametrize(
    ("file", "folder"), [("/etc/ca.pem", None), (None, "/etc/certs"), ("/etc/ca.pem", "/etc/certs")]
)
def test_what_the_system_trusts_is_trusted(
    file: str | None, folder: str | None, contexts: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_system = ssl.get_default_verify_paths()._replace(cafile=cast("str", file), capath=cast("str", folder))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: of_system)
    tls_context()
    assert contexts == [None]


def test_without_trust_of_the_system_botocores_bundle_is_used(
    contexts: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ssl.get_default_verify_paths()._replace(cafile=cast("str", None), capath=cast("str", None))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert tls_context().cert_store_stats()["x509_ca"] > 50
    assert contexts == [get_cert_path(verify=True)]


def test_older_versions_of_tls_are_not_spoken_even_where_the_system_allows_them(contexts: list[str | None]) -> None:
    assert tls_context().minimum_version == ssl.TLSVersion.TLSv1_2
