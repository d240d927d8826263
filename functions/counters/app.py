"""Counts what the table's stream tells of objects, so that pages and totals cost the same however many there are.

A batch that fails is reported from its first record on, and comes again; what was counted of it is not counted twice.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from typing import Any

from ocpi.deployment import store
from ocpi.observability import logger
from ocpi.store.port import Uncounted


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Count a batch; returns the record from which on it is to come again, if it failed. Raises
    :class:`~ocpi.store.port.Uncounted`, for the alarm's sake, when changes were given up: they are noted then, and
    nothing is left to do when the batch comes again.
    """
    del context
    records = event.get("Records", [])
    try:
        store().follow(records)
    except Uncounted:
        logger.exception("counters are of no use until they are repaired: python -m ocpi.store.check_counters --repair")
        raise
    except Exception:
        logger.exception("changes were not counted; they come again")
        failed = [str(record.get("dynamodb", {}).get("SequenceNumber", "")) for record in records[:1]]
        if not all(failed):
            raise
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
    return {"batchItemFailures": []}
