"""The workers over DynamoDB: what their unit tests, which run over SQLite, cannot show of indexes that lag, of requests
that are refused for a moment, and of deaths between writes that are each on their own.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from ocpi.delivery.channel import LEASE_SECONDS
from ocpi.store.deliveries import DeliveryState
from ocpi.store.dynamodb import DynamoDBStore
from tests.support.stores import answers
from tests.support.table import create_table
from tests.unit.delivery.ticking import Clock
from tests.unit.delivery.world import World
from tests.unit.registration.killer import Killer, When, every_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.support.stores import Backend

pytestmark = pytest.mark.parametrize("backend", ["moto"], indirect=True)
THROTTLED = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}
KEYS = {"locations": "L-1", "sessions": "S-1", "cdrs": "C-1", "tariffs": "T-1"}


@pytest.fixture
def client(backend: Backend) -> DynamoDBClient:
    assert backend.client
    return backend.client


@pytest.fixture
def new_world(client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Callable[[], World]:
    """Makes worlds with an eMSP and nothing else in them, each in a table of its own."""
    made: list[World] = []

    def make() -> World:
        table = f"world-{len(made)}"
        create_table(client, table)
        clock = Clock()
        clock.install(monkeypatch)
        monkeypatch.setattr("ocpi.store.dynamodb_objects.instant", clock.instant)
        made.append(World(cast("Any", DynamoDBStore(table, client)), clock))
        return made[-1]

    return make


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


def put_everything(world: World) -> None:
    world.put("locations")
    world.put("tariffs", id=KEYS["tariffs"])
    world.put("sessions", id=KEYS["sessions"], status="ACTIVE", end_datetime=...)
    world.put("cdrs", id=KEYS["cdrs"])


def states(world: World) -> set[DeliveryState | None]:
    return {world.state(module, object_id) for module, object_id in KEYS.items()}


def is_in_step(world: World) -> bool:
    return states(world) == {DeliveryState.DELIVERED} and len(world.client.posted) == 1


def test_whoever_dies_while_something_is_delivered_leaves_nothing_behind_and_no_cdr_twice(
    new_world: Callable[[], World],
) -> None:
    for killer in every_step("after"):
        world = new_world()
        keys = [world.put("locations").key, world.put("cdrs", id="C-1").key]
        survives(world, killer, world.work)
        world.run(4 * LEASE_SECONDS)
        assert {world.state(key.collection.module, key.id) for key in keys} == {DeliveryState.DELIVERED}
        assert len(world.client.posted) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_dies_while_changes_are_handed_on_has_them_handed_on_again(
    new_world: Callable[[], World], when: When
) -> None:
    for killer in every_step(when):
        world = new_world()
        keys = [world.put("locations", stream=False).key, world.put("cdrs", id="C-1", stream=False).key]
        survives(world, killer, partial(world.stream, *keys))
        if killer.died:
            world.stream(*keys)
        world.run(3 * LEASE_SECONDS)
        assert {world.state("locations", "L-1"), world.state("cdrs", "C-1")} == {DeliveryState.DELIVERED}


def test_changes_are_delivered_within_seconds_though_the_index_lags(world: World, client: DynamoDBClient) -> None:
    put_everything(world)
    began, lags = world.clock.now, [True]

    def lag(parsed: dict[str, Any], **_: Any) -> None:
        # Until a second after the change the index shows nothing of it.
        if world.clock.now < began + 1 and "created_key" not in str(parsed):
            parsed["Items"] = [item for item in parsed.get("Items", []) if "due_key" not in item]
            lags.append(True)

    with answers(client, "Query", lag):
        world.run(10)
    assert len(lags) > 1
    assert is_in_step(world)


@pytest.mark.parametrize(
    ("operation", "at"),
    [("BatchGetItem", 1), ("BatchGetItem", 2), ("GetItem", 2), *(("PutItem", at) for at in range(1, 7)), ("Query", 2)],
)
def test_a_request_that_dynamodb_refuses_costs_a_lease_and_no_delivery(
    world: World, client: DynamoDBClient, operation: str, at: int
) -> None:
    put_everything(world)
    left, refused = [at], ClientError(cast("Any", THROTTLED), operation)
    call = cast("Any", client)._make_api_call

    def refuse(name: str, parameters: Any) -> Any:
        left[0] -= name == operation
        if name == operation and left[0] == 0:
            raise refused
        return call(name, parameters)

    cast("Any", client)._make_api_call = refuse
    with suppress(ClientError):  # the message comes again
        world.work()
    cast("Any", client)._make_api_call = call
    assert left[0] <= 0, "there was no such request"
    world.run(3 * LEASE_SECONDS)
    assert is_in_step(world)


def survives(world: World, killer: Killer, work: Callable[[], None]) -> None:
    """Work once with the killer around, then as everything goes on in time without it."""
    world.around = killer.around
    with killer:
        work()
    world.around = lambda part: part
