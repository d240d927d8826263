"""The stream of the deployed table. ministack follows the filter and the order, and neither halves batches nor gives
records up nor reads which of them failed: so only what the deployment asks for can be seen of that here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.deploy.deployment import aws

if TYPE_CHECKING:
    from tests.deploy.deployment import Deployment


def _mapping(deployment: Deployment, function: str = "PushFunction") -> dict[str, Any]:
    mappings = aws("lambda", deployment.endpoint).list_event_source_mappings()["EventSourceMappings"]
    streams = (each for each in mappings if ":dynamodb:" in each["EventSourceArn"])
    (mapping,) = (each for each in streams if f"-{function}-" in each["FunctionArn"])
    return dict(mapping)


def test_push_is_fed_by_the_stream_of_the_table(deployment: Deployment) -> None:
    table = aws("dynamodb", deployment.endpoint).describe_table(TableName=deployment.outputs["TableName"])["Table"]
    mapping = _mapping(deployment)
    assert mapping["EventSourceArn"] == table["LatestStreamArn"]
    assert "-PushFunction-" in mapping["FunctionArn"]
    assert (mapping["State"], mapping["StartingPosition"]) == ("Enabled", "TRIM_HORIZON")
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OBJECT#own/"}]}}}}


def test_what_push_fails_on_each_time_is_to_be_told_of_in_the_dead_letter_queue(deployment: Deployment) -> None:
    mapping = _mapping(deployment)
    url = deployment.outputs["DeliveriesDeadQueueUrl"]
    sqs = aws("sqs", deployment.endpoint)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    assert (mapping["BisectBatchOnFunctionError"], mapping["MaximumRetryAttempts"]) == (True, 10)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_counters_are_fed_by_the_stream_of_the_table_too(deployment: Deployment) -> None:
    mapping = _mapping(deployment, "CountersFunction")
    assert mapping["EventSourceArn"] == _mapping(deployment)["EventSourceArn"]
    assert (mapping["State"], mapping["StartingPosition"]) == ("Enabled", "TRIM_HORIZON")
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OBJECT#"}]}}}}
