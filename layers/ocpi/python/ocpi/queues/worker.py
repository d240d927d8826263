"""A Lambda function that works on the messages of a queue, as SQS hands them over: in batches, of which those that
failed are reported and come again.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html. Not with Powertools' BatchProcessor, whose
import takes 60 ms: with pydantic there it loads its models of every AWS event.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ocpi.deployment import write_down_exchanges
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable


class Again(Exception):
    """The message is to come again; it has been postponed until it is worth trying."""


def batch_handler(work_on: Callable[[str, str], None]) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that calls ``work_on(body, receipt)`` for each message. What that raises, :class:`Again` above
    all, makes the message come again. The messages of a batch are worked on at the same time, each in a thread of its
    own, so that one slow partner does not hold up the others.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
        del context
        records = event["Records"]
        with ThreadPoolExecutor(max(1, len(records))) as threads:
            try:
                done = list(threads.map(lambda record: _is_done(work_on, record), records))
            finally:
                write_down_exchanges()
        failed = [record["messageId"] for record, is_done in zip(records, done, strict=True) if not is_done]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return handler


def _is_done(work_on: Callable[[str, str], None], record: dict[str, Any]) -> bool:
    """Whether the message need not come again."""
    try:
        work_on(record["body"], record["receiptHandle"])
    except Again:
        return False
    except Exception:  # noqa: BLE001 - whatever it is, the other messages of the batch go on
        logger.exception("unexpected error; the message comes again")
        return False
    return True
