"""Requests to DynamoDB that more than one part of the adapter makes, and what their failures mean."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef

    from ocpi.store.dynamodb_items import Item

BATCH = 100
"""Keys that one BatchGetItem takes."""
PARALLEL = 8
"""Requests under way at once for a bulk load; below the ten connections that a botocore client keeps."""
TRIES = 10


def batch_get(client: DynamoDBClient, table: str, pks: Sequence[str], attributes: str | None = None) -> dict[str, Item]:
    """Objects by partition key, strongly consistent; those that are not there are left out.

    ``attributes``: a ProjectionExpression, which must name ``pk``; ``None`` for whole items.
    """
    distinct = iter(dict.fromkeys(pks))
    batches = list(iter(lambda: list(islice(distinct, BATCH)), []))
    if len(batches) < 2:
        return _one_batch(client, table, batches[0], attributes) if batches else {}
    found: dict[str, Item] = {}
    with ThreadPoolExecutor(PARALLEL) as pool:
        for items in pool.map(lambda batch: _one_batch(client, table, batch, attributes), batches):
            found |= items
    return found


def _one_batch(client: DynamoDBClient, table: str, pks: Sequence[str], attributes: str | None) -> dict[str, Item]:
    request: KeysAndAttributesTypeDef = {
        "Keys": [{"pk": {"S": pk}, "sk": {"S": "OBJECT"}} for pk in pks],
        "ConsistentRead": True,
    }
    if attributes:
        request["ProjectionExpression"] = attributes
    found: dict[str, Item] = {}
    for _ in pauses():
        answer = client.batch_get_item(RequestItems={table: request})
        found |= {item["pk"]["S"]: item for item in answer["Responses"].get(table, [])}
        # One answer has at most 16 MB, and less when the table is throttled; the rest is to be asked for again.
        if not answer["UnprocessedKeys"]:
            return found
        request["Keys"] = answer["UnprocessedKeys"][table]["Keys"]
    raise TimeoutError(f"DynamoDB left {len(request['Keys'])} keys of {table} unread in {TRIES} tries")


def pauses() -> Iterator[int]:
    """Numbers of :data:`TRIES` tries, with a random and growing pause before each but the first; 3 s in all at most."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))
        yield attempt


def is_our_own(error: ClientError, write_id: str, item: Mapping[str, Any] | None) -> bool:
    """Whether a conditional write failed only because it had succeeded before.

    When the answer to a write is lost on the network, botocore sends it again. The first attempt may have
    been carried out, and then the second fails on the very revision that the first one made. Told that it
    was a conflict, a caller would read its own write back and take it for another's. So each write leaves a
    random ``write_id`` in the item, and a failure shows the item as it is. Of a write that removes the item
    nothing is left to compare; then a retry that finds it gone counts as done, since gone is what was asked.
    """
    if item:
        return item.get("write_id") == {"S": write_id}
    return error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
