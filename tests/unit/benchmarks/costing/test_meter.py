"""What the meter makes of calls, over moto. Each expected number is computed by hand: no emulator tells them right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from costing.capacity import indexes_of
from costing.meter import Meter
from moto import mock_aws

from tests.support.table import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "metered"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with mock_aws():
        made: Any = boto3.client("dynamodb")
        create_table(made, TABLE)
        yield made


@pytest.fixture
def meter(client: Any) -> Iterator[Meter]:
    indexes = indexes_of(client.describe_table(TableName=TABLE)["Table"])
    with Meter(TABLE, indexes).running() as running:
        running.function = "Push"
        yield running


def thing(size: int = 0, pk: str = "OBJECT#own/locations#l1", **more: str) -> dict[str, Any]:
    found = {"pk": pk, "sk": "OBJECT", **more, "document": "." * size}
    return {name: {"S": value} for name, value in found.items()}


def test_a_new_object_in_two_indexes(client: Any, meter: Meter) -> None:
    listed = thing(2900, collection="own/locations", created_key="1", updated_key="1")
    client.put_item(TableName=TABLE, Item=listed)
    assert meter.tally.by("wru", 3) == {"table": 3, "by_created": 1, "by_updated": 1}
    assert meter.tally.by("wru", 2) == {"objects": 5}
    assert meter.changes == [(("OBJECT#own/locations#l1", "OBJECT"), None, listed)]


def test_an_update_that_moves_it_in_one_of_them(client: Any, meter: Meter) -> None:
    client.put_item(TableName=TABLE, Item=thing(100, collection="c", created_key="1", updated_key="1"))
    meter.tally.clear()
    key = {name: thing()[name] for name in ("pk", "sk")}
    client.update_item(
        TableName=TABLE, Key=key, UpdateExpression="SET updated_key = :u", ExpressionAttributeValues={":u": {"S": "2"}}
    )
    assert meter.tally.by("wru", 3) == {"table": 1, "by_updated": 2}


def test_a_refused_write_is_charged_by_what_is_there(client: Any, meter: Meter) -> None:
    client.put_item(TableName=TABLE, Item=thing(2500))
    meter.tally.clear()
    meter.changes.clear()
    with pytest.raises(ClientError):
        client.put_item(TableName=TABLE, Item=thing(), ConditionExpression="attribute_not_exists(pk)")
    assert (meter.tally.of("wru"), meter.changes) == (3, [])


def test_a_transaction_is_charged_twice(client: Any, meter: Meter) -> None:
    puts = [{"Put": {"TableName": TABLE, "Item": thing(10, pk=pk)}} for pk in ("PARTNERS", "GRANT#1")]
    client.transact_write_items(TransactItems=puts)
    assert meter.tally.by("wru", 2) == {"partners": 4}
    assert meter.changes == []


def test_reads_are_charged_by_the_items_and_not_by_what_is_projected(client: Any, meter: Meter) -> None:
    client.put_item(TableName=TABLE, Item=thing(5000))
    client.put_item(TableName=TABLE, Item=thing(10, pk="CHANNEL#p"))
    keys = [{name: thing(pk=pk)[name] for name in ("pk", "sk")} for pk in ("OBJECT#own/locations#l1", "CHANNEL#p", "-")]
    client.get_item(TableName=TABLE, Key=keys[0], ConsistentRead=True, ProjectionExpression="pk")
    assert meter.tally.of("rru") == 2
    client.get_item(TableName=TABLE, Key=keys[0])
    assert meter.tally.of("rru") == 3
    client.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    assert meter.tally.of("rru") == 3 + 2 + 1 + 1
    assert meter.tally.of("rru", "Push", "deliveries") == 1


def test_a_query_is_charged_by_what_it_looked_at(client: Any, meter: Meter) -> None:
    for number in range(3):
        client.put_item(TableName=TABLE, Item={**thing(3000, pk="PARTNERS"), "sk": {"S": str(number)}})
    found = client.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :p",
        FilterExpression="document = :none",
        ProjectionExpression="sk",
        ExpressionAttributeValues={":p": {"S": "PARTNERS"}, ":none": {"S": ""}},
        ConsistentRead=True,
    )
    assert found["Items"] == []
    assert meter.tally.of("rru") == 3  # 9 kB together


def test_what_it_counts_is_told_by_function_and_nothing_after_its_end(client: Any) -> None:
    meter = Meter(TABLE, [])
    with meter.running():
        meter.function = "Pull"
        client.get_item(TableName=TABLE, Key={name: thing()[name] for name in ("pk", "sk")})
    client.get_item(TableName=TABLE, Key={name: thing()[name] for name in ("pk", "sk")})
    assert meter.tally[("calls", "Pull", "dynamodb", "GetItem")] == 1
    assert meter.own_seconds > 0
