"""A handshake ends in bounded time whatever the partner does: really 10 s as receiver and 25 s as initiator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ocpi.errors import PartnerFailed
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient
from ocpi.registration import initiator, receiver
from tests.support.partner_server import PartnerServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.registration.world import World

BUDGET_SECONDS = 0.4
DRIP = Reply(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b" "] * 100], pause=0.1)
SLOW_HEADERS = Reply(raw=[b"HTTP/1.1 200 OK\r\n", *[b"X-Wait: 1\r\n"] * 100], pause=0.1)
NEVER_ENDING = {"hanging": Reply(wait=30), "dripping": DRIP, "dripping_headers": SLOW_HEADERS}


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[PartnerServer]:
    """A partner on the network, that answers versions; the first takes a quarter of the time."""
    monkeypatch.setattr(receiver, "CALLBACK_SECONDS", BUDGET_SECONDS)
    monkeypatch.setattr(initiator, "HANDSHAKE_BUDGET_SECONDS", BUDGET_SECONDS)
    monkeypatch.setattr(initiator, "TAKE_BACK_SECONDS", BUDGET_SECONDS)
    world.client = PartnerClient(AddressGuard(allow_private=True))
    with PartnerServer() as running:
        versions = [{"version": "2.1.1", "url": f"{running.url}/details"}]
        running.on("GET", "/versions", Reply.ocpi(versions, wait=BUDGET_SECONDS / 4))
        yield running


@pytest.mark.req("CR-40")
@pytest.mark.parametrize("reply", NEVER_ENDING.values(), ids=NEVER_ENDING.keys())
def test_a_registration_that_we_receive_ends_and_token_a_opens_on(
    world: World, server: PartnerServer, reply: Reply
) -> None:
    token_a, started = world.invite(), time.monotonic()
    server.on("GET", "/details", reply)
    with pytest.raises(PartnerFailed) as failed:
        world.post(token_a, url=f"{server.url}/versions")
    assert time.monotonic() - started < 3 * BUDGET_SECONDS
    assert (failed.value.status_code, failed.value.step) == (3001, "version_details")
    assert world.partner.opens(token_a) == "invitation"


@pytest.mark.parametrize("reply", NEVER_ENDING.values(), ids=NEVER_ENDING.keys())
def test_a_registration_that_we_began_ends_and_leaves_nothing(
    world: World, server: PartnerServer, reply: Reply
) -> None:
    started = time.monotonic()
    server.on("GET", "/details", reply)
    with pytest.raises(PartnerFailed):
        world.register(versions_url=f"{server.url}/versions")
    assert time.monotonic() - started < 3 * BUDGET_SECONDS
    assert world.partners.list() == []
