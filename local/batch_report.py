"""What Lambda reads in the result of a function that reports which items of a batch failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


class MalformedReportError(Exception):
    """A function's result does not say which items failed; to Lambda all of them have."""


def failed_items(result: Any, batch: Collection[str]) -> set[str]:
    """Those of a batch's identifiers that a function reports as failed; raises :class:`MalformedReportError`.

    The rules are those of Lambda, the same for messages and for records of a stream:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    try:
        # As the runtime of Lambda sends it.
        report = json.loads(json.dumps(result))
    except (TypeError, ValueError) as error:
        raise MalformedReportError("the result is not JSON") from error
    if report is None:
        return set()
    if not isinstance(report, dict):
        raise MalformedReportError("the result is not an object")
    failures = report.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        raise MalformedReportError("batchItemFailures is not a list")
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in batch:
            raise MalformedReportError(f"{failure!r} names nothing of the batch")
        failed.add(identifier)
    return failed
