"""Failed attempts to authenticate, counted in DynamoDB: an item for each source of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBFailures:
    """Implements :class:`ocpi.store.failures.Failures`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def count(self, source: str, until: int, *, most: int) -> bool:
        """As in the port, in one request; the table's TTL deletes the item after its window."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"FAILURES#{source}#{until}"}, "sk": {"S": "FAILURES"}},
                UpdateExpression="SET expires = :until ADD failures :one",
                # Race: many processes count failures of one source at once, and none may count past the most.
                ConditionExpression="attribute_not_exists(failures) OR failures < :most",
                ExpressionAttributeValues={
                    ":until": {"N": str(until)},
                    ":one": {"N": "1"},
                    ":most": {"N": str(most)},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
