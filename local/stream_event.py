"""What Lambda hands to a function for records of a table's stream, and to a queue for records that it gives up.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from local.intrinsics import PSEUDO_PARAMETERS
from ocpi.store.dynamodb_items import object_key
from ocpi.store.port import Collection, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.context import LambdaContext
    from ocpi.store.sqlite_changes import Change

SHARD = "shardId-00000000000000000000-00000000"
_IMAGES = {"INSERT": ("NewImage",), "MODIFY": ("NewImage", "OldImage"), "REMOVE": ("OldImage",)}


def stream_record(change: Change, arn: str) -> dict[str, Any]:
    """A change as a record of the stream ``arn``, found again by its sequence number.

    Its images are not the whole item, as they are in AWS: they have its key, ``collection`` and ``id`` only.
    """
    key = object_key(Key(Collection.parse(change.collection), change.id))
    image = {**key, "collection": {"S": change.collection}, "id": {"S": change.id}}
    return {
        "eventID": uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}#{change.position}").hex,
        "eventName": change.event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": PSEUDO_PARAMETERS["AWS::Region"],
        "dynamodb": {
            "ApproximateCreationDateTime": int(time.time()),
            "Keys": dict(key),
            **{name: dict(image) for name in _IMAGES[change.event]},
            "SequenceNumber": sequence_number(change),
            "SizeBytes": len(json.dumps(image).encode()),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": arn,
    }


def sequence_number(change: Change) -> str:
    """As DynamoDB has it: a number of 21 digits or more."""
    return f"{change.position:021d}"


def given_up(changes: Sequence[Change], arn: str, context: LambdaContext, invocations: int) -> str:
    """What is sent to the queue of ``OnFailure``: where in the stream the records are, not the records themselves.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps(
        {
            "requestContext": {
                "requestId": context.aws_request_id,
                "functionArn": context.invoked_function_arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": invocations,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": now,
            "DDBStreamBatchInfo": {
                "shardId": SHARD,
                "startSequenceNumber": sequence_number(changes[0]),
                "endSequenceNumber": sequence_number(changes[-1]),
                "approximateArrivalOfFirstRecord": now,
                "approximateArrivalOfLastRecord": now,
                "batchSize": len(changes),
                "streamArn": arn,
            },
        }
    )
