"""What the function ``counters`` makes of the stream of the deployed table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from tests.deploy.deployment import aws
from tests.deploy.queues import wait_until

if TYPE_CHECKING:
    import httpx

    from tests.deploy.deployment import Deployment


def test_the_counters_of_the_deployed_table_follow_its_objects(
    locations: list[str], operator: httpx.Client, deployment: Deployment
) -> None:
    counters = DynamoDBCounters(aws("dynamodb", deployment.endpoint), deployment.outputs["TableName"])

    assert operator.get("/2.1.1/locations").json()["total"] == len(locations)
    wait_until(lambda: counters.check("own/locations") == [])
