"""What a partner may have got already: never twice, and never lost without anybody being told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.delivery.partner_changes import settings_changed
from ocpi.delivery.retry import Retry
from ocpi.store.deliveries import Delivery, DeliveryState
from tests.unit.commands.fakes import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

MANY = [f"C-{number}" for number in range(20)]


def down(_: Asked) -> Answer | None:
    return answer(500)


def cannot_be_asked(status: int) -> Callable[[Asked], Answer | None]:
    return lambda asked: answer(status) if asked.method == "GET" else None


def cdr(world: World, object_id: str = "C-1") -> Delivery:
    found = world.delivery("cdrs", object_id)
    assert found is not None
    return found


def test_what_was_not_begun_is_not_looked_up(world: World) -> None:
    world.client.spoil = down
    for each in MANY:
        world.put("cdrs", id=each, stream=False)
    world.stream(*[world.put("cdrs", id=each, stream=False).key for each in MANY])
    world.work()
    posted = sum(request.startswith("POST") for request in world.requests)
    assert sum(cdr(world, each).unsure for each in MANY) == posted < len(MANY)
    assert sum(cdr(world, each).attempts for each in MANY) == posted


@pytest.mark.parametrize("status", [405, 501])
def test_a_cdr_that_cannot_be_looked_up_is_left_to_the_operator(world: World, status: int) -> None:
    world.client.spoil = down
    world.put("cdrs", id="C-1")
    world.work()
    world.client.spoil = cannot_be_asked(status)
    world.run(600)
    found = cdr(world)
    assert (found.state, found.unsure, found.http_status) == (DeliveryState.FAILED, True, status)
    assert found.message is not None
    assert "may have it already" in found.message
    assert world.client.posted == []
    Retry(world.store, world.queue, world.clock).everything_missed(world.partner, everything=False)
    world.run(600)
    assert cdr(world).state is DeliveryState.DELIVERED
    assert [each["id"] for each in world.client.posted] == ["C-1"]


def test_nobody_but_the_operator_has_it_sent_again(world: World) -> None:
    world.client.spoil = down
    world.put("cdrs", id="C-1")
    world.work()
    world.client.spoil = cannot_be_asked(501)
    world.run(600)
    settings_changed(world.store, world.queue, world.partner)
    world.run(600)
    assert world.client.posted == []
    assert (cdr(world).state, cdr(world).unsure) == (DeliveryState.FAILED, True)


def test_a_partner_that_can_be_asked_again_decides_it_itself(world: World) -> None:
    world.client.after = lambda asked: answer(500) if asked.method == "POST" else None
    world.put("cdrs", id="C-1")
    world.work()
    world.client.after = lambda _: None
    world.client.spoil = cannot_be_asked(501)
    world.run(600)
    assert cdr(world).state is DeliveryState.FAILED
    world.client.spoil = lambda _: None
    settings_changed(world.store, world.queue, world.partner)
    world.run(600)
    assert cdr(world).state is DeliveryState.DELIVERED
    assert len(world.client.posted) == 1
