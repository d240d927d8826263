"""The queues of a template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.intrinsics import TemplateError, Unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.intrinsics import Resolver

FILE_NAME = "queues.db"
"""In the data folder: all queues."""
KIND = "AWS::SQS::Queue"


@dataclass(frozen=True, slots=True)
class QueueResource:
    """One ``AWS::SQS::Queue``."""

    name: str
    """Its logical id."""
    url: str
    """What ``!Ref`` gives, of a region and account that stand for this machine."""
    arn: str
    visibility_seconds: int
    delay_seconds: int
    retention_seconds: int
    dead_letter_arn: str | None
    max_receive_count: int | None


def read_queue(name: str, properties: Mapping[str, Any], resolver: Resolver) -> QueueResource:
    """The queue of a resource, its properties resolved.

    Raises :class:`TemplateError` for what is not known outside AWS, FIFO queues included.
    """
    if properties.get("FifoQueue"):
        raise TemplateError(f"queue {name}: there are no FIFO queues outside AWS")
    redrive = properties.get("RedrivePolicy", {})
    if isinstance(redrive, Unresolved) or isinstance(redrive.get("deadLetterTargetArn"), Unresolved):
        raise TemplateError(f"queue {name}: its dead-letter queue is not in this template")
    if redrive and not {"deadLetterTargetArn", "maxReceiveCount"} <= redrive.keys():
        raise TemplateError(f"queue {name}: RedrivePolicy needs deadLetterTargetArn and maxReceiveCount")
    return QueueResource(
        name=name,
        url=resolver.resolve({"Ref": name}),
        arn=resolver.resolve({"Fn::GetAtt": [name, "Arn"]}),
        visibility_seconds=whole(f"queue {name}", properties, "VisibilityTimeout", 30, most=43_200),
        delay_seconds=whole(f"queue {name}", properties, "DelaySeconds", 0, most=900),
        retention_seconds=whole(f"queue {name}", properties, "MessageRetentionPeriod", 345_600, 60, 1_209_600),
        dead_letter_arn=redrive.get("deadLetterTargetArn"),
        max_receive_count=whole(f"queue {name}", redrive, "maxReceiveCount", 0, 1, 1000) if redrive else None,
    )


def whole(
    place: str, properties: Mapping[str, Any], name: str, default: int, least: int = 0, most: int | None = None
) -> int:
    """A property that is a whole number; raises :class:`TemplateError`, which names ``place``."""
    value = properties.get(name, default)
    text = str(value)
    if not text.isdigit() or not least <= int(text) or (most is not None and int(text) > most):
        raise TemplateError(f"{place}: {name} is {text!r}, not a whole number from {least} to {most}")
    return int(text)
