"""Two thousand requests, the same ones each time, of the kind of which ``benchmarks/fuzz.py`` throws a hundred
thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from local.event import Request
from tests.support.declared_routes import declared_routes
from tests.support.fuzzing.requests import Thrown, requests
from tests.support.fuzzing.rules import Broken, throw
from tests.support.fuzzing.world import CANARY, World

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = 2_000
EVERYWHERE = settings(
    max_examples=REQUESTS,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def test_every_request_is_answered_in_the_right_form_and_a_refused_one_stores_nothing(world: World) -> None:
    answered: dict[int, int] = {}

    @EVERYWHERE
    @given(requests(declared_routes(), world.callers))
    def thrown_at(thrown: Thrown) -> None:
        status = throw(world, thrown).status
        answered[status] = answered.get(status, 0) + 1

    thrown_at()
    assert sum(answered.values()) >= REQUESTS
    # That most requests get past the door, and some all the way: otherwise this would try very little.
    assert answered[200] > REQUESTS / 4
    assert answered[201] > 20


def listing(world: World) -> Thrown:
    authorization = (("Authorization", world.callers["emsp"]),)
    path = "/ocpi/cpo/2.1.1/locations"
    return Thrown("emsp", path, Request("GET", path, "", authorization, b"", "192.0.2.7", 443))


def test_a_crash_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.system.at_work():
        store = world.system.module("ocpi.deployment").store()
    monkeypatch.setattr(store.objects, "page", lambda _query: 1 / 0)
    with pytest.raises(Broken, match="this HTTP status is not one of ours"):
        throw(world, listing(world))


def test_something_stored_by_a_request_that_only_reads_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.system.at_work():
        store = world.system.module("ocpi.deployment").store()
    page = store.objects.page

    def writing(query: Any) -> Any:
        store.partners.learn("partner-emsp", {"token_encoding": "base64"})
        return page(query)

    monkeypatch.setattr(store.objects, "page", writing)
    with pytest.raises(Broken, match="a refused request stored something"):
        throw(world, listing(world))


def test_a_secret_in_the_log_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.system.at_work():
        store = world.system.module("ocpi.deployment").store()
        logger = world.system.module("ocpi.observability").logger
    page = store.objects.page

    def talking(query: Any) -> Any:
        logger.info(CANARY)
        return page(query)

    monkeypatch.setattr(store.objects, "page", talking)
    with pytest.raises(Broken, match="a secret is in a log"):
        throw(world, listing(world))
