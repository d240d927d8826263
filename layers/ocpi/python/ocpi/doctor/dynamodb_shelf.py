"""A table as :mod:`ocpi.doctor` goes over it: a scan that keeps to a rate, and writes on condition of what was read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ocpi.doctor import dynamodb_beside as beside
from ocpi.doctor.dynamodb_reading import DynamoDBReading, named
from ocpi.doctor.entry import Unreadable
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_requests import batch_get_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, ScanInputTypeDef

    from ocpi.doctor.entry import Entry, Finding, Flaw
    from ocpi.store.dynamodb_items import Item
    from ocpi.store.port import Grant, Partner

PAGE = 200
LONGEST_VALUE = 1024
"""Bytes. What is longer is not compared: what is written with it has a revision or an id of the write, which is."""


class DynamoDBShelf:
    """Implements :class:`ocpi.doctor.entry.Shelf`. ``rate`` is in read capacity units a second."""

    def __init__(self, table: str, client: DynamoDBClient, rate: float) -> None:
        self._client, self._table, self._rate = client, table, rate
        self._reading = DynamoDBReading()
        self._items, self._units = 0, 0.0
        self.store = DynamoDBStore(table, client)
        self.counters = DynamoDBCounters(client, table)

    def flaws_as_a_whole(self) -> Iterator[Finding]:
        """As in the protocol: the database is Amazon's."""
        return iter(())

    def pages(self) -> Iterator[list[Entry]]:
        """As in the protocol; eventually consistent, at half the price: what looks wrong is read again."""
        request: ScanInputTypeDef = {"TableName": self._table, "Limit": PAGE, "ReturnConsumedCapacity": "TOTAL"}
        while True:
            began = time.monotonic()
            answer = self._client.scan(**request)
            units = float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0))
            self._items, self._units = self._items + len(answer["Items"]), self._units + units
            yield [named(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            time.sleep(max(0.0, units / self._rate - (time.monotonic() - began)))

    def again(self, entry: Entry) -> Entry | None:
        """As in the protocol."""
        pk, sk = entry.address
        found = batch_get_items(self._client, self._table, [(pk, sk)])
        return named(found[pk, sk]) if found else None

    def read(self, entry: Entry) -> Any:
        """As in the protocol."""
        return self._reading.read(entry)

    def unreadable(self, entry: Entry) -> Iterator[Flaw]:
        """As in the protocol."""
        return beside.unreadable(entry, self._reading, self._change)

    def beside(self, entry: Entry, thing: Any) -> Iterator[Flaw]:
        """As in the protocol."""
        return beside.flaws(entry, thing, self._change, self._holder)

    def delete(self, entry: Entry) -> bool:
        """As in the protocol."""
        try:
            self._client.delete_item(TableName=self._table, Key=_key(entry), **_unchanged(entry.raw))
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def partners(self) -> tuple[list[Partner], set[str]]:
        """As in the protocol."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "PARTNERS"}},
            ConsistentRead=True,
        )
        partners, unreadable = [], set()
        for entry in (named(item) for page in pages for item in page["Items"]):
            try:
                partners.append(self.read(entry))
            except Unreadable:
                unreadable.add(entry.address[1])
        return partners, unreadable

    def grants(self, hashes: Sequence[str]) -> dict[str, Grant]:
        """As in the protocol."""
        keys = [(f"GRANT#{token_hash}", "GRANT") for token_hash in hashes]
        return {grant.hash: grant for grant in self._found(keys)}

    def claims(self, parties: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """As in the protocol."""
        keys = [(f"PARTY#{role}#{party}", "PARTY") for role, party in parties]
        return {(claim.role, claim.party): claim.partner_id for claim in self._found(keys)}

    def _holder(self, partner: Partner) -> str | None:
        claim = (partner.role, str(partner.party).upper())
        return self.claims([claim]).get(claim) if partner.party is not None else None

    def _found(self, keys: Sequence[tuple[str, str]]) -> Iterator[Any]:
        for item in batch_get_items(self._client, self._table, keys).values():
            try:
                yield self.read(named(item))
            except Unreadable:
                continue

    def claim(self, partner: Partner) -> bool:
        """As in the protocol."""
        pk = f"PARTY#{partner.role}#{str(partner.party).upper()}"
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": {"pk": {"S": pk}, "sk": {"S": "PARTY"}, "partner_id": {"S": partner.id}},
                            # Race: another partner registers as this party.
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {
                        "Update": {
                            "TableName": self._table,
                            "Key": {"pk": {"S": "PARTNERS"}, "sk": {"S": partner.id}},
                            "UpdateExpression": "SET claim = :claim",
                            # Race: the partner leaves, or becomes another.
                            "ConditionExpression": "revision = :revision",
                            "ExpressionAttributeValues": {
                                ":claim": {"S": pk},
                                ":revision": {"N": str(partner.revision)},
                            },
                        }
                    },
                ]
            )
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True

    def cost(self) -> str:
        """As in the protocol."""
        return f"{self._items} items, {self._units:g} read capacity units"

    def _change(self, entry: Entry, changes: Mapping[str, AttributeValueTypeDef | None]) -> bool:
        """Set attributes, or remove those that are ``None``, of an item that is as it was read; whether it was. The
        revision stays: nothing that anybody wrote is another.
        """
        put = {name: value for name, value in changes.items() if value is not None}
        gone = [f"#c_{name}" for name in changes if name not in put]
        assigned = [f"#c_{name} = :c_{name}" for name in put]
        condition = _unchanged(entry.raw)
        expression = (f"SET {', '.join(assigned)} " if assigned else "") + (f"REMOVE {', '.join(gone)}" if gone else "")
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(entry),
                UpdateExpression=expression,
                ConditionExpression=condition["ConditionExpression"],
                ExpressionAttributeNames={
                    **condition["ExpressionAttributeNames"],
                    **{f"#c_{name}": name for name in changes},
                },
                ExpressionAttributeValues={
                    **condition.get("ExpressionAttributeValues", {}),
                    **{f":c_{name}": value for name, value in put.items()},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(entry: Entry) -> Item:
    pk, sk = entry.address
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _unchanged(item: Mapping[str, Any]) -> dict[str, Any]:
    """The condition that an item is what was read. Race: whoever writes it meanwhile may have put it right."""
    names = [
        name
        for name, value in sorted(item.items())
        if name not in ("pk", "sk") and len(str(next(iter(value.values()))).encode()) <= LONGEST_VALUE
    ]
    equal = ["attribute_exists(#pk)", *(f"#i{number} = :i{number}" for number, _ in enumerate(names))]
    condition: dict[str, Any] = {
        "ConditionExpression": " AND ".join(equal),
        "ExpressionAttributeNames": {"#pk": "pk", **{f"#i{number}": name for number, name in enumerate(names)}},
    }
    if names:  # DynamoDB refuses that there are none
        condition["ExpressionAttributeValues"] = {f":i{number}": item[name] for number, name in enumerate(names)}
    return condition
