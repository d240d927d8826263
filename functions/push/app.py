"""What the table's stream tells of our own objects becomes deliveries: for each partner that is to get them, a note of
what, and a wake-up for whoever delivers.

Only keys are read: what an object says is read when it is sent, so that it does not matter in which order objects are
marked, nor how often. A batch that fails is therefore gone through record by record, past those that fail, and the
first of these is reported: it comes again with all after it
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). Lambda does not halve what was
reported, so it would give up all of that together; but by then only what failed each time is not marked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ocpi.delivery.fan_out import FanOut
from ocpi.delivery.stream import own_keys
from ocpi.delivery.wake_ups import wake
from ocpi.deployment import deliveries, store
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

RESERVE_MS = 10_000
"""Of its time that the function leaves unused: where every record fails slowly, not all of them are tried."""


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Mark what changed; returns the record from which on the batch is to come again, if one fails."""
    records = event.get("Records", [])
    if _is_handed_on(records):
        return {"batchItemFailures": []}
    first = None
    for place, record in enumerate(records):
        in_time = context.get_remaining_time_in_millis() > RESERVE_MS
        if not (in_time and _is_handed_on([record])):
            first = place if first is None else first
        if not in_time:
            break
    if first is None:
        return {"batchItemFailures": []}
    number = records[first].get("dynamodb", {}).get("SequenceNumber")
    if not number:
        raise ValueError("a record that cannot be handed on has no sequence number")
    return {"batchItemFailures": [{"itemIdentifier": number}]}


def _is_handed_on(records: Sequence[dict[str, Any]]) -> bool:
    try:
        keys = [key for record in records for key in own_keys(record)]
        for partner_id, noted in FanOut(store(), time.time).mark(keys).items():
            wake(store().channels, deliveries(), partner_id, time.time, noted)
    except Exception:  # noqa: BLE001 - whatever it is, what is not handed on comes again
        logger.exception("changes were not handed on", records=len(records))
        return False
    return True
