from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from ocpi.registration.settings_of_partner import given_settings, partner_settings
from ocpi.store.deliveries import DeliveryState
from tests.unit.commands.fakes import answer
from tests.unit.delivery.played import HOST

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World

MOVED = (301, 302, 307, 308)


def wants_base64(asked: Asked) -> Answer | None:
    return answer(401) if asked.encoding == "plain" else None


def wants_plain(asked: Asked) -> Answer | None:
    return answer(401) if asked.encoding == "base64" else None


def wants_a_slash(asked: Asked) -> Answer | None:
    return None if asked.url.endswith("/") else answer(404)


def wants_no_slash(asked: Asked) -> Answer | None:
    return answer(405) if asked.url.endswith("/") else None


def urls(world: World) -> list[str]:
    return [each.url.removeprefix(f"{HOST}/2.1.1") for each in world.client.asked]


def test_a_partner_that_wants_base64_is_asked_in_plain_once(world: World) -> None:
    world.client.spoil = wants_base64
    for number in range(5):
        world.put("tariffs", id=f"T-{number}")
        world.run()
    assert [each.encoding for each in world.client.asked] == ["plain", *["base64"] * 5]
    partner = world.now(world.partner)
    assert partner.learned == {"token_encoding": "base64"}
    assert partner_settings(partner)["token_encoding"] == "base64"
    assert given_settings(partner)["token_encoding"] == "auto"


def test_what_was_learned_is_unlearned_when_it_works_no_more(world: World) -> None:
    world.store.partners.learn(world.partner.id, {"token_encoding": "base64"})
    world.client.spoil = wants_plain
    world.put("tariffs", id="T-1")
    world.run()
    world.put("tariffs", id="T-2")
    world.run()
    assert [each.encoding for each in world.client.asked] == ["base64", "plain", "plain"]
    assert world.now(world.partner).learned == {"token_encoding": "plain"}


@pytest.mark.parametrize("setting", ["plain", "base64"])
def test_an_encoding_that_the_operator_set_wins(world: World, setting: str) -> None:
    other = "plain" if setting == "base64" else "base64"
    world.store.partners.learn(world.partner.id, {"token_encoding": other})
    world.set(token_encoding=setting)
    world.client.spoil = lambda _: answer(401)
    world.put("tariffs")
    world.run(30)
    assert {each.encoding for each in world.client.asked} == {setting}
    assert world.now(world.partner).learned == {"token_encoding": other}


def test_a_token_that_is_refused_either_way_teaches_nothing(world: World) -> None:
    world.client.spoil = lambda _: answer(401)
    world.put("tariffs")
    world.run()
    assert [each.encoding for each in world.client.asked] == ["plain", "base64"]
    assert world.now(world.partner).learned == {}


def test_a_slash_is_learned_from_what_is_not_found_without_it(world: World) -> None:
    world.client.spoil = wants_a_slash
    world.put("tariffs", id="T-1")
    world.run()
    world.put("tariffs", id="T-2")
    world.run()
    assert urls(world) == ["/tariffs/NL/EXA/T-1", "/tariffs/NL/EXA/T-1/", "/tariffs/NL/EXA/T-2/"]
    assert world.now(world.partner).learned == {"trailing_slash": "add"}


@pytest.mark.parametrize("status", MOVED)
@pytest.mark.parametrize("absolute", [True, False])
def test_a_slash_is_learned_from_a_redirect_to_it(world: World, status: int, absolute: bool) -> None:
    def moved(asked: Asked) -> Answer | None:
        if asked.url.endswith("/"):
            return None
        place = asked.url if absolute else asked.url.removeprefix(HOST)
        return answer(status, Location=f"{place}/")

    world.client.spoil = moved
    world.put("tariffs", id="T-1")
    world.run()
    world.put("tariffs", id="T-2")
    world.run()
    assert urls(world) == ["/tariffs/NL/EXA/T-1", "/tariffs/NL/EXA/T-1/", "/tariffs/NL/EXA/T-2/"]
    assert world.state("tariffs", "T-2") is DeliveryState.DELIVERED


@pytest.mark.parametrize("location", [None, "https://other.example/2.1.1/tariffs/NL/EXA/T-1/", "/login", "https://["])
def test_a_redirect_to_anywhere_else_is_not_followed(world: World, location: str | None) -> None:
    headers = {"Location": location} if location else {}
    world.client.spoil = lambda _: answer(302, **headers)
    world.put("tariffs", id="T-1")
    world.run()
    assert urls(world) == ["/tariffs/NL/EXA/T-1"]
    assert world.now(world.partner).learned == {}


def test_a_slash_that_is_wrong_by_now_is_learned_away(world: World) -> None:
    world.store.partners.learn(world.partner.id, {"trailing_slash": "add"})
    world.client.spoil = wants_no_slash
    world.put("tariffs", id="T-1")
    world.run()
    assert urls(world) == ["/tariffs/NL/EXA/T-1/", "/tariffs/NL/EXA/T-1"]
    assert world.now(world.partner).learned == {"trailing_slash": "strip"}


@pytest.mark.parametrize(("setting", "slash"), [("add", "/"), ("strip", "")])
def test_a_slash_that_the_operator_set_wins(world: World, setting: str, slash: str) -> None:
    world.set(trailing_slash=setting)
    world.client.spoil = wants_no_slash if setting == "add" else wants_a_slash
    world.put("tariffs", id="T-1")
    world.run()
    assert urls(world) == [f"/tariffs/NL/EXA/T-1{slash}"]
    assert world.state("tariffs", "T-1") is DeliveryState.FAILED


def test_the_slash_of_the_endpoint_itself_is_kept_when_a_cdr_is_posted(world: World) -> None:
    world.change_partner(endpoints=({"identifier": "cdrs", "url": f"{HOST}/2.1.1/cdrs/"},))
    world.put("cdrs")
    world.run()
    assert urls(world) == ["/cdrs/"]


@pytest.mark.req("TF-66")
@pytest.mark.parametrize("slash", ["", "/"])
def test_exactly_one_slash_joins_endpoint_and_path(world: World, slash: str) -> None:
    world.change_partner(endpoints=({"identifier": "tariffs", "url": f"{HOST}/2.1.1/tariffs{slash}"},))
    world.put("tariffs", id="T-1")
    world.run()
    assert urls(world) == ["/tariffs/NL/EXA/T-1"]


@pytest.mark.parametrize(
    ("object_id", "segment"), [("a/b", "a%2Fb"), ("..", "%2E%2E"), ("a b?c#d", "a%20b%3Fc%23d"), ("a%2Fb", "a%252Fb")]
)
def test_ids_are_encoded_in_urls(world: World, object_id: str, segment: str) -> None:
    world.put("tariffs", id=object_id)
    world.run()
    assert urls(world) == [f"/tariffs/NL/EXA/{segment}"]


def test_what_was_under_way_while_a_slash_was_learned_is_not_refused_for_want_of_it(world: World) -> None:
    both = threading.Barrier(2, timeout=10)

    def late(asked: Asked) -> Answer | None:
        if not asked.url.endswith("/"):
            both.wait()
        if asked.url.endswith("T-2"):
            # Answered only after the other object has shown that slashes are wanted.
            ends = time.monotonic() + 5
            while not world.now(world.partner).learned and time.monotonic() < ends:
                time.sleep(0.005)
            time.sleep(0.05)
        return wants_a_slash(asked)

    world.client.spoil = late
    for object_id in ("T-1", "T-2"):
        world.put("tariffs", id=object_id)
    world.run()
    assert [world.state("tariffs", each) for each in ("T-1", "T-2")] == [DeliveryState.DELIVERED] * 2


def test_a_slash_of_the_endpoint_itself_that_is_wrong_is_learned_away_after_puts_without_one(world: World) -> None:
    world.change_partner(
        endpoints=(
            {"identifier": "tariffs", "url": f"{HOST}/2.1.1/tariffs/"},
            {"identifier": "cdrs", "url": f"{HOST}/2.1.1/cdrs/"},
        )
    )
    world.client.spoil = wants_no_slash
    world.put("tariffs", id="T-1")
    world.clock.now += 1
    cdr = world.put("cdrs")
    world.run()
    assert world.state("cdrs", cdr.key.id) is DeliveryState.DELIVERED
    assert world.state("tariffs", "T-1") is DeliveryState.DELIVERED
