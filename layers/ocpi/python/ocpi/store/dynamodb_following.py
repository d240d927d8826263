"""Following the table's stream: every change is counted, or it is said of which collection one is not.

What cannot be counted must not hold up the rest for the day that the stream keeps. It is given up: its collection is
not complete any more, so its pages are found by walking until the counters are built anew, and right all the while.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ocpi.store.dynamodb_counters import COMPLETE, as_key, state_key
from ocpi.store.dynamodb_counting import Counting, changes_of, sequence_of
from ocpi.store.dynamodb_tallies import Tally, as_item, tally_key
from ocpi.store.port import Uncounted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE_SECONDS = 6 * 3600
"""How old a change may be that failed for a reason which may pass; the stream keeps it for 24 hours."""
PASSING = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def follow(client: DynamoDBClient, table: str, records: Sequence[Mapping[str, Any]]) -> None:
    """As :meth:`ocpi.store.port.Store.follow`."""
    try:
        Counting(client, table).count(changes_of(records))
    except Exception as error:
        if _may_pass(error, records):
            raise
    else:
        return
    given_up: dict[str, Exception] = {}
    for record in records:
        try:
            Counting(client, table).count(changes_of([record]))
        except Exception as error:
            if _may_pass(error, [record]):
                raise
            if not _is_given_up(client, table, record):
                given_up[_give_up(client, table, record, error)] = error
    if given_up:
        raise Uncounted(sorted(given_up)) from next(iter(given_up.values()))


def _may_pass(error: Exception, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the same may go well at another time, and there is time left."""
    if isinstance(error, ClientError):
        passing = error.response["Error"]["Code"] in PASSING
    else:
        passing = isinstance(error, BotoCoreError | TimeoutError)
    now = time.time()
    made = [record["dynamodb"].get("ApproximateCreationDateTime", now) for record in records]
    return passing and now - min(made) < PATIENCE_SECONDS


def _is_given_up(client: DynamoDBClient, table: str, record: Mapping[str, Any]) -> bool:
    """Whether it was when the batch came for the first time. What the tally says else may be what is wrong."""
    key = as_key(tally_key(record["dynamodb"]["Keys"]["pk"]["S"]))
    tally = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return tally.get("sequence", {}).get("S", "") >= sequence_of(record)


def _give_up(client: DynamoDBClient, table: str, record: Mapping[str, Any], error: Exception) -> str:
    """Go on without a change; returns the collection whose counters are of no use from now on."""
    pk = record["dynamodb"]["Keys"]["pk"]["S"]
    collection: str = pk.split("#")[1]
    client.update_item(
        TableName=table,
        Key=as_key(state_key(collection)),
        UpdateExpression=(
            f"SET {COMPLETE} = :complete, doubt = :doubt, generation = if_not_exists(generation, :generation)"
        ),
        ExpressionAttributeValues={
            ":complete": {"BOOL": False},
            ":doubt": {"S": f"{type(error).__name__} at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"},
            ":generation": {"N": "1"},
        },
    )
    # So that this change is none of the new ones when the batch comes again.
    client.put_item(TableName=table, Item=as_item(tally_key(pk), Tally(sequence_of(record))))
    return collection
