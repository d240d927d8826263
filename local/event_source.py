"""The event source mappings of a template: which function gets the messages of which queue.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-sqs.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.intrinsics import TemplateError
from local.queues import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.queues import QueueResource

# Lambda begins with five batches at once and takes more when the queue grows. One machine does not grow, so it has
# room from the start: batches that wait for a slow partner must leave some for the others.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
DEFAULT_CONCURRENCY = 32
REPORTS_FAILURES = "ReportBatchItemFailures"
# What would make functions see other messages than in AWS if it was left out.
UNKNOWN = ("FilterCriteria",)


@dataclass(frozen=True, slots=True)
class EventSource:
    """One ``SQS`` event of a function."""

    name: str
    """The function's, then that of the event."""
    queue: QueueResource
    batch_size: int
    """The most messages that one invocation gets."""
    window_seconds: int
    """How long a batch that is not full waits for more."""
    reports_failures: bool
    """Whether the function says which messages of a batch failed; otherwise all have failed, or none."""
    concurrency: int
    """How many batches are worked on at once."""


def read_event_source(name: str, properties: Mapping[str, Any], queues: Mapping[str, QueueResource]) -> EventSource:
    """The mapping of an event; ``queues`` by ARN. Raises :class:`TemplateError`."""
    place = f"event {name}"
    queue = queues.get(str(properties.get("Queue")))
    if queue is None:
        raise TemplateError(f"{place}: Queue is not !GetAtt <queue>.Arn of a queue of this template")
    for unknown in UNKNOWN:
        if unknown in properties:
            raise TemplateError(f"{place}: {unknown} is not followed outside AWS")
    batch_size = whole(place, properties, "BatchSize", 10, 1, 10_000)
    window = whole(place, properties, "MaximumBatchingWindowInSeconds", 0, most=300)
    if batch_size > 10 and not window:
        raise TemplateError(f"{place}: BatchSize above 10 needs a MaximumBatchingWindowInSeconds")
    scaling = properties.get("ScalingConfig", {})
    return EventSource(
        name=name,
        queue=queue,
        batch_size=batch_size,
        window_seconds=window,
        reports_failures=REPORTS_FAILURES in properties.get("FunctionResponseTypes", []),
        concurrency=whole(place, scaling, "MaximumConcurrency", DEFAULT_CONCURRENCY, 2, 1000),
    )
