"""Objects in DynamoDB: an item each, written on condition of its revision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

from ocpi.store.clock import instant
from ocpi.store.dynamodb_find import due_records, find_records
from ocpi.store.dynamodb_items import OPTIONAL, content, fits, object_key, object_pk, record_from
from ocpi.store.dynamodb_requests import PARALLEL, batch_get, is_our_own, stored_item
from ocpi.store.port import Conflict, Draft, Key, Page, PageQuery, Record, TooLarge, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.dynamodb_items import Item


class DynamoDBObjects:
    """Implements :class:`ocpi.store.port.Objects`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: Key) -> Record | None:
        """As in the port."""
        if not fits(object_pk(key)):
            return None
        answer = self._client.get_item(TableName=self._table, Key=object_key(key), ConsistentRead=True)
        return record_from(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Record | None]:
        """As in the port."""
        pks = [object_pk(key) for key in keys]
        asked = [pk for pk in pks if fits(pk)]
        found = {pk: record_from(item) for pk, item in batch_get(self._client, self._table, asked).items()}
        return [found.get(pk) for pk in pks]

    def put(self, key: Key, draft: Draft, *, expected: int | None) -> Record:
        """As in the port."""
        write_id = uuid4().hex
        try:
            if expected is None:
                return record_from(self._create(key, draft, write_id))
            return record_from(self._replace(key, draft, expected, write_id))
        except self._client.exceptions.ConditionalCheckFailedException as error:
            stored = stored_item(error)
            if stored and is_our_own(error, write_id, stored):
                return record_from(stored)
            raise Conflict(str(key.collection)) from None

    def _create(self, key: Key, draft: Draft, write_id: str) -> Item:
        now = instant()
        item: Item = {
            **object_key(key),
            **content(key, draft, revision=1, received=now, write_id=write_id),
            "collection": {"S": str(key.collection)},
            "id": {"S": key.id},
            "created": {"S": now},
            "created_key": {"S": f"{now}#{key.folded_id}"},
        }
        self._client.put_item(
            TableName=self._table,
            Item=item,
            # Race: two writers create the same object; the second would erase what the first one wrote.
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return item

    def _replace(self, key: Key, draft: Draft, expected: int, write_id: str) -> Item:
        changed = content(key, draft, revision=expected + 1, received=instant(), write_id=write_id)
        # An update rather than a put: it leaves id, created and created_key as they are without their being known.
        assignments = ", ".join(f"#{name} = {value}" for name, value in _assigned(changed).items())
        removed = [name for name in OPTIONAL if name not in changed]
        removals = ", ".join(f"#{name}" for name in removed)
        answer = self._client.update_item(
            TableName=self._table,
            Key=object_key(key),
            UpdateExpression=f"SET {assignments}" + (f" REMOVE {removals}" if removed else ""),
            # Race: two writers read the same revision; the second would undo what the first one wrote.
            ConditionExpression="revision = :expected",
            # By placeholders throughout: some names, such as view, are words of DynamoDB's own.
            ExpressionAttributeNames={f"#{name}": name for name in (*changed, *removed)},
            ExpressionAttributeValues={
                ":expected": {"N": str(expected)},
                **{f":{name}": value for name, value in changed.items() if name != "addressed_key"},
            },
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        kept = {name: value for name, value in answer["Attributes"].items() if name not in OPTIONAL}
        return {**kept, **changed}

    def put_many(self, writes: Sequence[Write]) -> list[Record | Conflict | TooLarge]:
        """As in the port; single conditional writes, several at once, since DynamoDB's batches take no condition."""

        def put(write: Write) -> Record | Conflict | TooLarge:
            try:
                return self.put(write.key, write.draft, expected=write.expected)
            except (Conflict, TooLarge) as refusal:
                return refusal

        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(put, writes))

    def delete(self, key: Key, *, expected: int) -> None:
        """As in the port."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=object_key(key),
                # Race: another writer changes the object after it was read and found fit for deletion.
                ConditionExpression="revision = :expected",
                ExpressionAttributeValues={":expected": {"N": str(expected)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            if not is_our_own(error, "", stored_item(error)):
                raise Conflict(str(key.collection)) from None

    def find(self, lookup: str) -> list[Record]:
        """As in the port."""
        return find_records(self._client, self._table, lookup)

    def due(self, at: str, limit: int) -> list[Record]:
        """As in the port."""
        return due_records(self._client, self._table, at, limit)

    def page(self, query: PageQuery) -> Page:
        """As in the port."""
        from ocpi.store.dynamodb_pages import read_page  # noqa: PLC0415 - most functions list nothing

        return read_page(self._client, self._table, query)


def _assigned(changed: Item) -> dict[str, str]:
    """What an update sets each attribute to. An object's place in the list of a party is the one of the write that gave
    it to a party, in the list of what is for everybody the one of its creation: no update moves it.
    """
    values = {name: f":{name}" for name in changed}
    if "party_key" in changed:
        values["party_key"] = values["addressed_key"] = "if_not_exists(#party_key, :party_key)"
    elif "addressed_key" in changed:
        values["addressed_key"] = "created_key"
    return values
