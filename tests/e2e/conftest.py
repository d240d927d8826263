from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import GatewayQueues, Inbox, place
from tests.support.gateway import Gateway, running_gateway
from tests.support.keeping_partner import KeepingPartner, keeping_partner
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """The whole system on a free port, with nothing in it."""
    with running_gateway() as running:
        yield running


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    """As ``gateway``, one for all tests of a file: for tests that keep out of each other's way."""
    with running_gateway() as running:
        yield running


@pytest.fixture(scope="module")
def operator(shared_gateway: Gateway) -> Iterator[Operator]:
    """The operator of the shared gateway."""
    with Operator(shared_gateway) as client:
        yield client


@pytest.fixture(scope="module")
def emsp(operator: Operator) -> Iterator[PlayedPartner]:
    """A registered eMSP: it reads our locations and pushes its tokens."""
    with PlayedPartner("EMSP", "DE", "EMS", token="token-b-of-the-emsp") as partner:
        partner.register(operator.invite("EMSP", "An eMSP"))
        yield partner


@pytest.fixture(scope="module")
def cpo(operator: Operator) -> Iterator[PlayedPartner]:
    """A registered CPO: it pushes its locations and reads our tokens."""
    with PlayedPartner("CPO", "FR", "CPO", token="token-b-of-the-cpo") as partner:
        partner.register(operator.invite("CPO", "A CPO"))
        yield partner


@pytest.fixture
def stranger() -> Iterator[PlayedPartner]:
    """An eMSP that is not registered, of a party that no other test has."""
    with PlayedPartner("EMSP", "DE", f"{next(_numbers):03}") as partner:
        yield partner


@pytest.fixture
def keeping(operator: Operator) -> Iterator[KeepingPartner]:
    """An eMSP of its own, registered, that keeps what it is pushed; it has left after the test."""
    with keeping_partner(operator) as partner:
        yield partner.joined()


_numbers = itertools.count(1)


# Of the tests of commands


@pytest.fixture(scope="module")
def other(operator: Operator) -> Iterator[PlayedPartner]:
    """A second eMSP."""
    with PlayedPartner("EMSP", "DE", "OTH", token="token-b-of-the-other") as partner:
        partner.register(operator.invite("EMSP", "Another eMSP"))
        yield partner


@pytest.fixture(scope="module")
def queues(shared_gateway: Gateway) -> Iterator[GatewayQueues]:
    opened = GatewayQueues(shared_gateway)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def location_id(operator: Operator) -> str:
    """A location whose EVSE E-100 can do everything."""
    return place(operator)


@pytest.fixture
def inbox(emsp: PlayedPartner) -> Inbox:
    """Where the eMSP takes a result."""
    return Inbox(emsp)
