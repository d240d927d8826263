"""A Lambda function that works on the messages of a queue, as SQS hands them over: in batches, of which those that
failed are reported and come again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response

from ocpi.deployment import write_down_exchanges
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


class Again(Exception):
    """The message is to come again; it has been postponed until it is worth trying."""


def batch_handler(work_on: Callable[[str, str], None]) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that calls ``work_on(body, receipt)`` for each message. What that raises, :class:`Again` above
    all, makes the message come again. The messages of a batch are worked on at the same time, each in a thread of its
    own, so that one slow partner does not hold up the others.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> Any:
        # One for each batch, since it keeps what became of the messages: the local gateway works on several at once.
        processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        # Not asyncio's own threads: on a small processor those are fewer than a batch has messages.
        with ThreadPoolExecutor(max(1, len(event["Records"]))) as threads:

            async def record_handler(record: SQSRecord) -> None:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(threads, _logged, work_on, record.body, record.receipt_handle)

            try:
                return async_process_partial_response(event, record_handler, processor, context)
            finally:
                write_down_exchanges()

    return handler


def _logged(work_on: Callable[[str, str], None], body: str, receipt: str) -> None:
    """Powertools reports a failed message and says nothing of why."""
    try:
        work_on(body, receipt)
    except Again:
        raise
    except Exception:
        logger.exception("unexpected error; the message comes again")
        raise
