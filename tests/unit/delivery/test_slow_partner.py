"""However low the limit of a partner is, what needs several requests gets there, in as few as that takes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.outbound.trailing_slash import toggled
from ocpi.store.deliveries import DeliveryState
from tests.support.party import fixture
from tests.unit.commands.fakes import answer
from tests.unit.delivery.test_pacing import most_in_a_minute

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

LIMITS = [1, 5, 8, 10, 16, 30]
LOCATIONS = [f"L-{number}" for number in range(6)]
HALF_AN_HOUR = 1800.0


@pytest.fixture(params=LIMITS)
def slow(request: pytest.FixtureRequest, world: World) -> World:
    world.set(requests_per_minute=request.param)
    return world


def assert_within_limit(world: World) -> None:
    times = [asked.at for asked in world.client.asked]
    assert most_in_a_minute(times) <= world.partner.settings["requests_per_minute"]


def evses(status: str) -> list[dict[str, Any]]:
    first = copy.deepcopy(fixture("location_max")["evses"][0])
    first.pop("last_updated", None)
    for connector in first["connectors"]:
        connector.pop("last_updated", None)
    return [{**first, "uid": f"E-{number}", "evse_id": f"NL*EXA*E{number}", "status": status} for number in range(5)]


def assert_delivered(world: World, module: str, *object_ids: str) -> None:
    assert [world.state(module, each) for each in object_ids] == [DeliveryState.DELIVERED] * len(object_ids)
    assert_within_limit(world)


@pytest.mark.req("TF-28")
def test_what_a_partner_lost_arrives_after_a_patch_that_it_refuses(slow: World) -> None:
    slow.put("locations")
    slow.run(200)
    slow.client.held.clear()
    before = len(slow.requests)
    slow.set_status("CHARGING")
    slow.run(HALF_AN_HOUR)
    assert_delivered(slow, "locations", "L-1")
    assert len(slow.requests) - before <= 3
    assert slow.client.held["locations/NL/EXA/L-1"]["evses"][0]["status"] == "CHARGING"


def test_a_cdr_that_may_have_arrived_is_looked_up_and_sent_again(slow: World) -> None:
    slow.client.spoil = fails_once()
    slow.put("cdrs", id="C-1")
    slow.run(HALF_AN_HOUR)
    assert_delivered(slow, "cdrs", "C-1")
    assert slow.requests == ["POST cdrs", "GET cdrs/C-1", "POST cdrs"]
    assert len(slow.client.posted) == 1


def fails_once() -> Callable[[Asked], Answer | None]:
    left = [answer(500)]
    return lambda _: left.pop() if left else None


def test_how_a_partner_wants_its_token_is_found_out(slow: World) -> None:
    slow.client.spoil = lambda asked: answer(401) if asked.encoding == "plain" else None
    slow.put("tariffs", id="T-1")
    slow.put("tariffs", id="T-2")
    slow.run(HALF_AN_HOUR)
    assert_delivered(slow, "tariffs", "T-1", "T-2")
    assert len(slow.requests) <= 5


def test_a_partner_that_takes_no_token_is_left_in_peace(slow: World) -> None:
    slow.client.spoil = lambda _: answer(401)
    slow.put("tariffs", id="T-1")
    slow.put("tariffs", id="T-2")
    slow.run(HALF_AN_HOUR)
    assert slow.state("tariffs", "T-1") is DeliveryState.PENDING
    assert slow.now(slow.partner).behind_since is not None
    assert {asked.encoding for asked in slow.client.asked} == {"plain", "base64"}
    assert_within_limit(slow)


@pytest.mark.parametrize("status", [301, 404])
def test_how_a_partner_wants_its_urls_to_end_is_found_out(slow: World, status: int) -> None:
    def spoil(asked: Asked) -> Answer | None:
        if asked.url.endswith("/"):
            return None
        return answer(status, Location=toggled(asked.url)[0]) if status == 301 else answer(status)

    slow.client.spoil = spoil
    slow.put("cdrs", id="C-1")
    slow.put("locations")
    slow.run(HALF_AN_HOUR)
    assert_delivered(slow, "cdrs", "C-1")
    assert_delivered(slow, "locations", "L-1")
    assert len(slow.client.posted) == 1
    assert len(slow.requests) <= 6


def test_what_is_at_neither_url_is_refused(slow: World) -> None:
    slow.client.spoil = lambda _: answer(404)
    slow.put("tariffs", id="T-1")
    slow.run(HALF_AN_HOUR)
    assert slow.state("tariffs", "T-1") is DeliveryState.FAILED
    assert len({asked.url for asked in slow.client.asked}) == 2
    assert len(slow.requests) == 2


def test_locations_of_which_much_changed_arrive(slow: World) -> None:
    for name in LOCATIONS:
        slow.put("locations", id=name, evses=evses("AVAILABLE"))
    slow.run(600)
    before = len(slow.requests)
    slow.stream(*[slow.put("locations", id=name, evses=evses("CHARGING"), stream=False).key for name in LOCATIONS])
    slow.run(HALF_AN_HOUR)
    assert_delivered(slow, "locations", *LOCATIONS)
    assert len(slow.requests) - before <= 5 * len(LOCATIONS)
    held = [slow.client.held[f"locations/NL/EXA/{name}"] for name in LOCATIONS]
    assert {evse["status"] for each in held for evse in each["evses"]} == {"CHARGING"}
