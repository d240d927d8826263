"""A partner that quotes what it was sent gets no card into what the operator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.commands.delivering import Undeliverable
from tests.unit.commands.fakes import answer
from tests.unit.commands.test_delivering import deliver

if TYPE_CHECKING:
    from ocpi.store.port import Partner
    from tests.unit.commands.world import World


def test_the_reason_of_a_result_that_was_refused_names_no_card(world: World, emsp: Partner) -> None:
    command = world.answered(emsp)
    uid = command.request["token"]["uid"]
    body = {"status_code": 2001, "status_message": f"no {uid} at {command.response_url}"}
    world.client.answers(answer(400, body))
    with pytest.raises(Undeliverable) as given_up:
        deliver(world, command)
    assert uid not in str(given_up.value)
    assert world.now(command).error == "HTTP 400, OCPI 2001: no … at …"
