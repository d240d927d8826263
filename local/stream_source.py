"""The event source mapping of a table's stream: which function is told of what is written.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-dynamodb.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.event_source import REPORTS_FAILURES
from local.intrinsics import STREAM_LABEL, TemplateError
from local.queues import whole
from local.stream_filter import RecordFilter, read_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.queues import QueueResource

# What would make functions see other records than in AWS, or see them at other times, if it was left out.
UNKNOWN = ("MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "TumblingWindowInSeconds")


@dataclass(frozen=True, slots=True)
class StreamSource:
    """One ``DynamoDB`` event of a function."""

    name: str
    """The function's, then that of the event."""
    arn: str
    """The stream's."""
    batch_size: int
    """The most records that one invocation gets."""
    reports_failures: bool
    """Whether the function says which records of a batch failed; otherwise all have failed, or none."""
    bisects: bool
    """Whether a batch that failed as a whole is halved, until the record that makes it fail is alone."""
    retries: int | None
    """How often what failed is tried again before it is given up; ``None``: for ever."""
    failures: QueueResource | None
    """Where it is told what was given up."""
    filter: RecordFilter


def read_stream_source(name: str, properties: Mapping[str, Any], queues: Mapping[str, QueueResource]) -> StreamSource:
    """The mapping of an event; ``queues`` by ARN. Raises :class:`TemplateError`.

    ``ParallelizationFactor`` has no effect: here the stream is one shard, and a batch follows the other.
    """
    place = f"event {name}"
    for unknown in UNKNOWN:
        if unknown in properties:
            raise TemplateError(f"{place}: {unknown} is not followed outside AWS")
    arn = properties.get("Stream")
    if not isinstance(arn, str) or not arn.endswith(f"/stream/{STREAM_LABEL}"):
        raise TemplateError(
            f"{place}: Stream is not !GetAtt <table>.StreamArn of a table of this template with a stream"
        )
    if properties.get("StartingPosition") != "TRIM_HORIZON":
        raise TemplateError(f"{place}: StartingPosition is not TRIM_HORIZON, as it is outside AWS")
    return StreamSource(
        name=name,
        arn=arn,
        batch_size=whole(place, properties, "BatchSize", 100, 1, 10_000),
        reports_failures=REPORTS_FAILURES in properties.get("FunctionResponseTypes", []),
        bisects=str(properties.get("BisectBatchOnFunctionError", False)).lower() == "true",
        retries=_retries(place, properties),
        failures=_failures(place, properties.get("DestinationConfig", {}), queues),
        filter=read_filter(place, properties.get("FilterCriteria", {})),
    )


def _retries(place: str, properties: Mapping[str, Any]) -> int | None:
    if str(properties.get("MaximumRetryAttempts", -1)) == "-1":
        return None
    return whole(place, properties, "MaximumRetryAttempts", 0, 0, 10_000)


def _failures(place: str, destinations: Mapping[str, Any], queues: Mapping[str, QueueResource]) -> QueueResource | None:
    if "OnFailure" not in destinations:
        return None
    queue = queues.get(str(destinations["OnFailure"].get("Destination")))
    if queue is None:
        raise TemplateError(f"{place}: OnFailure is not !GetAtt <queue>.Arn of a queue of this template")
    return queue
