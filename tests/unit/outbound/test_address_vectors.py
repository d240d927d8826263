"""The whole table of addresses through the guard and through the client, with every socket of the process counted."""

from __future__ import annotations

import socket
from collections import deque
from ipaddress import ip_address
from typing import Any

import pytest

from ocpi.outbound.address_guard import AddressGuard, RefusedAddress
from ocpi.outbound.client import PartnerClient, PartnerUnreachable
from ocpi.outbound.kept_connections import KeptConnections  # noqa: F401 - urllib3 tries IPv6 when it is imported
from tests.support.address_vectors import ADDRESSES, ALLOWED, OWN_URL, PUBLIC, REFUSED, RESOLVES, Vector
from tests.support.counted_sockets import counted


def resolve(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
    if host not in RESOLVES:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [found(address, port) for address in RESOLVES[host]]


def found(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


GUARD = AddressGuard(allow_private=False, resolver=resolve, own_url=OWN_URL)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that was done with sockets since the test began."""
    return counted(monkeypatch)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where connections were made to; all of them are refused."""
    attempts: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], **_: Any) -> socket.socket:
        attempts.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return attempts


def test_the_table_is_as_large_as_it_says_and_every_vector_is_in_it_once() -> None:
    assert len({vector.url for vector in REFUSED}) == len(REFUSED) >= 60
    assert len({vector.url for vector in ALLOWED}) == len(ALLOWED) >= 30
    assert len(set(ADDRESSES)) == len(ADDRESSES)


def test_the_table_holds_what_the_standard_library_would_let_through() -> None:
    """As Python 3.11 to 3.13 judge, some more and some less."""
    assert sum(ip_address(address).is_global for address in ADDRESSES) >= 12


@pytest.mark.parametrize("vector", REFUSED, ids=str)
def test_a_vector_is_refused_and_not_for_being_unknown_to_the_resolver(vector: Vector) -> None:
    with pytest.raises(RefusedAddress) as refused:
        GUARD.check(vector.url)
    assert type(refused.value) is RefusedAddress


def test_no_vector_opens_a_socket_or_asks_a_resolver(sockets: list[str]) -> None:
    client = PartnerClient(GUARD)
    with client.keeping_connections() as keeping:
        for caller in (client, keeping):
            for vector in REFUSED:
                with pytest.raises(PartnerUnreachable) as refused:
                    caller.request("GET", vector.url, token="abc", deadline=5)
                assert refused.value.kind == "refused_address", vector
    assert sockets == []
    socket.socket().close()
    assert sockets == ["made"], "the counter counts"


@pytest.mark.parametrize("vector", ALLOWED, ids=str)
def test_the_control_group_is_called_at_the_addresses_that_were_checked_and_nowhere_else(
    vector: Vector, dialled: list[tuple[str, int]]
) -> None:
    target = GUARD.check(vector.url)
    assert set(target.addresses) == set(vector.resolves or target.addresses)
    with pytest.raises(PartnerUnreachable) as refused:
        PartnerClient(GUARD).request("GET", vector.url, token="abc", deadline=5)
    assert refused.value.kind == "connect"
    assert dialled == [(address, target.port) for address in target.addresses]


@pytest.mark.parametrize("later", ["127.0.0.1", "169.254.169.254", "fd00:ec2::254"])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_name_that_leads_elsewhere_the_second_time_is_called_where_it_led_when_it_was_checked(
    later: str, keeps: bool, dialled: list[tuple[str, int]]
) -> None:
    answers = deque([PUBLIC, later])

    def rebind(_: str, port: int, *__: Any) -> list[tuple[Any, ...]]:
        return [found(answers.popleft(), port)]

    client = PartnerClient(AddressGuard(allow_private=False, resolver=rebind))
    with client.keeping_connections() as keeping:
        caller = keeping if keeps else client
        kinds = []
        for _ in range(2):
            with pytest.raises(PartnerUnreachable) as refused:
                caller.request("GET", "https://rebind.partner.example/", token="abc", deadline=5)
            kinds.append(refused.value.kind)
    assert kinds == ["connect", "refused_address"]
    assert dialled == [(PUBLIC, 443)]


def test_a_deployment_on_this_machine_may_call_itself_and_one_whose_own_url_cannot_be_read_has_none() -> None:
    local = AddressGuard(allow_private=True, resolver=resolve, own_url="http://127.0.0.1:8080")
    assert local.check("http://127.0.0.1:8080/ocpi/cpo/versions").address == "127.0.0.1"
    odd = AddressGuard(allow_private=False, resolver=resolve, own_url="https://user@partner.example")
    assert odd.check("https://partner.example/").address == PUBLIC


@pytest.mark.parametrize(
    "host", ["metadata", "metadata.google.internal", "instance-data", "a.metadata.google.internal"]
)
def test_a_metadata_service_has_no_name_for_the_local_gateway_either(host: str) -> None:
    local = AddressGuard(allow_private=True, resolver=lambda *_: [found("127.0.0.1", 80)])
    with pytest.raises(RefusedAddress):
        local.check(f"http://{host}/")
    assert local.check("http://docker.internal/").address == "127.0.0.1"
