"""Requests to DynamoDB that more than one part of the adapter makes, and what their failures mean."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        QueryInputTypeDef,
        WriteRequestOutputTypeDef,
        WriteRequestTypeDef,
    )

    from ocpi.store.dynamodb_items import Item

BATCH = 100
"""Keys that one BatchGetItem takes."""
WRITE_BATCH = 25
"""Items that one BatchWriteItem takes."""
PARALLEL = 8
"""Requests under way at once for a bulk load; below the ten connections that a botocore client keeps."""
TRIES = 10


def batch_get(
    client: DynamoDBClient,
    table: str,
    pks: Sequence[str],
    attributes: str | None = None,
    names: dict[str, str] | None = None,
) -> dict[str, Item]:
    """Objects by partition key, strongly consistent; those that are not there are left out.

    ``attributes``: a ProjectionExpression, which must name ``pk``; ``None`` for whole items. ``names``: what it calls
    attributes whose names are words of DynamoDB's own.
    """
    request: KeysAndAttributesTypeDef = {"Keys": [], "ConsistentRead": True}
    if attributes:
        request["ProjectionExpression"] = attributes
    if names:
        request["ExpressionAttributeNames"] = names
    items = _in_batches(client, table, [(pk, "OBJECT") for pk in pks], request)
    return {item["pk"]["S"]: item for item in items}


def batch_get_items(
    client: DynamoDBClient,
    table: str,
    keys: Sequence[tuple[str, str]],
    *,
    consistent: bool = True,
) -> dict[tuple[str, str], Item]:
    """The same for whole items of any kind, by partition key and sort key."""
    items = _in_batches(client, table, keys, {"Keys": [], "ConsistentRead": consistent})
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}


def _in_batches(
    client: DynamoDBClient, table: str, keys: Sequence[tuple[str, str]], request: KeysAndAttributesTypeDef
) -> list[Item]:
    distinct = iter(dict.fromkeys(keys))
    batches = list(iter(lambda: list(islice(distinct, BATCH)), []))
    if len(batches) < 2:
        return _one_batch(client, table, batches[0], request) if batches else []
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = pool.map(lambda batch: _one_batch(client, table, batch, request), batches)
        return [item for items in found for item in items]


def _one_batch(
    client: DynamoDBClient, table: str, keys: Sequence[tuple[str, str]], request: KeysAndAttributesTypeDef
) -> list[Item]:
    request = request.copy()
    request["Keys"] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
    found: list[Item] = []
    for _ in pauses():
        answer = client.batch_get_item(RequestItems={table: request})
        found += answer["Responses"].get(table, [])
        # One answer has at most 16 MB, and less when the table is throttled; the rest is to be asked for again.
        if not answer["UnprocessedKeys"]:
            return found
        request["Keys"] = answer["UnprocessedKeys"][table]["Keys"]
    raise TimeoutError(f"DynamoDB left {len(request['Keys'])} keys of {table} unread in {TRIES} tries")


def delete_items(client: DynamoDBClient, table: str, keys: Sequence[tuple[str, str]]) -> None:
    """Delete items whatever they are by now. Repeating it is harmless, so a part that failed may be done again."""
    left = iter(keys)
    batches = list(iter(lambda: list(islice(left, WRITE_BATCH)), []))
    with ThreadPoolExecutor(PARALLEL) as pool:
        for _ in pool.map(lambda batch: _delete_batch(client, table, batch), batches):
            pass


def _delete_batch(client: DynamoDBClient, table: str, keys: Sequence[tuple[str, str]]) -> None:
    requests: Sequence[WriteRequestOutputTypeDef | WriteRequestTypeDef] = [
        {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in keys
    ]
    for _ in pauses():
        answer = client.batch_write_item(RequestItems={table: requests})
        if not answer["UnprocessedItems"]:
            return
        requests = answer["UnprocessedItems"][table]
    raise TimeoutError(f"DynamoDB left {len(requests)} items of {table} undeleted in {TRIES} tries")


def query_items(client: DynamoDBClient, request: QueryInputTypeDef) -> Iterator[Item]:
    """All that a query finds, in its order, fetched as it is asked for."""
    request = request.copy()
    while True:
        answer = client.query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def count_items(client: DynamoDBClient, request: QueryInputTypeDef) -> int:
    """How many items a query finds, without their being sent."""
    request = request.copy()
    request["Select"] = "COUNT"
    total = 0
    while True:
        answer = client.query(**request)
        total += answer["Count"]
        if "LastEvaluatedKey" not in answer:
            return total
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def pauses() -> Iterator[int]:
    """Numbers of :data:`TRIES` tries, with a random and growing pause before each but the first; 3 s in all at most."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))
        yield attempt


def put_at(client: DynamoDBClient, table: str, item: Item, *, expected: int, write_id: str) -> bool:
    """Put an item with this ``write_id`` if the stored one is at revision ``expected`` (0: if there is none); whether
    it is there now. Callers say which race that stops.
    """
    at_revision: dict[str, Any] = {
        "ConditionExpression": "revision = :expected",
        "ExpressionAttributeValues": {":expected": {"N": str(expected)}},
    }
    condition = at_revision if expected else {"ConditionExpression": "attribute_not_exists(pk)"}
    try:
        client.put_item(TableName=table, Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
    except client.exceptions.ConditionalCheckFailedException as error:
        stored = stored_item(error)
        return stored is not None and is_our_own(error, write_id, stored)
    return True


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


def stored_item(refused: ClientError) -> Item | None:
    """The item that a condition was not true of, if there is one."""
    return cast("Item | None", refused.response.get("Item"))  # which botocore's types do not know
