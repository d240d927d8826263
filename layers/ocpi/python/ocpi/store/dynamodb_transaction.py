"""Several items in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.dynamodb_requests import is_our_own, pauses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_CONDITION = "ConditionalCheckFailed"
_PASSING = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
"""Reasons that another moment takes away: someone else has one of the items, or the table is growing."""


def transact(client: DynamoDBClient, operations: Sequence[TransactWriteItemTypeDef], write_id: str) -> set[int]:
    """Carry out all operations or none; which of them failed their conditions, empty if all was done.

    The first operation is the one that carries ``write_id``. The token makes DynamoDB itself recognize a
    repeated request for ten minutes; ``write_id`` does where that is not so.
    """
    for _ in pauses():
        try:
            client.transact_write_items(TransactItems=operations, ClientRequestToken=write_id)
        except client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            failed = {number for number, reason in enumerate(reasons) if reason["Code"] == _CONDITION}
            if 0 in failed and is_our_own(error, write_id, reasons[0].get("Item")):
                return set()
            if failed:
                return failed
            if not any(reason["Code"] in _PASSING for reason in reasons):
                raise
            passing = error
        else:
            return set()
    raise passing
