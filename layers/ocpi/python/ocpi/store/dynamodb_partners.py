"""Partners in DynamoDB: the partner, its grants and its claim to a party change in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from ocpi.store.dynamodb_items import text
from ocpi.store.dynamodb_keys import channel_key, partner_key
from ocpi.store.dynamodb_partner_notes import note_instant, patiently, remove_note, set_note
from ocpi.store.dynamodb_transaction import transact
from ocpi.store.partner_document import (
    NOTES,
    learned_note,
    older_from,
    older_note,
    partner_document,
    partner_from,
    partner_notes,
)
from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartyTaken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from ocpi.store.dynamodb_items import Item

MOST_DROPPED = 50
"""Tokens that one transaction drops; DynamoDB takes a hundred actions, of which a renewal may need 40 for the tokens
that stay. A partner that renewed in a loop under an earlier release has more than that.
"""


class DynamoDBPartners:
    """Implements :class:`ocpi.store.port.Partners`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, partner_id: str) -> Partner | None:
        """As in the port."""
        item = self._item(partner_key(partner_id))
        return _partner(item) if item else None

    def list(self) -> list[Partner]:
        """As in the port."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "PARTNERS"}},
            ConsistentRead=True,
        )
        partners = [_partner(item) for page in pages for item in page["Items"]]
        return sorted(partners, key=lambda partner: (partner.invited_at, partner.id))

    def by_party(self, role: str, country_code: str, party_id: str) -> Partner | None:
        """As in the port."""
        claim = self._item(_claim_key(role, f"{country_code}-{party_id}"))
        return self.get(claim["partner_id"]["S"]) if claim else None

    def grant(self, token_hash: str) -> Grant | None:
        """As in the port; one that expired days ago may be gone, by the table's TTL."""
        item = self._item(_grant_key(token_hash))
        return _grant(item) if item else None

    def save(self, change: PartnerChange) -> Partner:
        """As in the port."""
        partner, write_id = change.partner, str(uuid4())
        stored = self._item(partner_key(partner.id)) if change.expected is not None else None
        if change.expected is not None and (stored is None or int(stored["revision"]["N"]) != change.expected):
            raise Conflict(partner.id)
        dropped = _dropped(change)
        if change.shown in dropped:
            # Never among those that a transaction is too small for: its condition belongs to it.
            dropped.remove(change.shown)
            dropped.insert(0, change.shown)
        grants = self._change_grants(change, dropped[:MOST_DROPPED])
        operations = [
            self._save_partner(change, stored or {}, write_id),
            *grants.values(),
            *self._move_claim(change, stored or {}),
        ]
        failed = transact(self._client, operations, write_id)
        # Of the grants only the one that was shown has a condition.
        if failed & set(range(1 + len(grants))):
            raise Conflict(partner.id)
        if failed:
            raise PartyTaken(partner.party)
        self._clear_away(dropped[MOST_DROPPED:])
        return replace(partner, revision=(change.expected or 0) + 1)

    def _save_partner(self, change: PartnerChange, stored: Item, write_id: str) -> TransactWriteItemTypeDef:
        """The partner's own item; ``stored`` is what the condition holds it to be."""
        held = set(stored["held_grants"]["SS"]) if "held_grants" in stored else set()
        held = (held | {grant.hash for grant in change.put_grants}) - set(_dropped(change))
        values: Item = {
            "document": {"S": partner_document(change.partner)},
            "invited_at": {"S": change.partner.invited_at},
            "revision": {"N": str((change.expected or 0) + 1)},
            "write_id": {"S": write_id},
        }
        # An existing partner's notes stay: the partner may have called, or been called, since it was read.
        if change.expected is None:
            values |= {name: {"S": note} for name, note in partner_notes(change.partner).items()}
        claim = _claim_after(change, stored)
        if claim:
            values["claim"] = claim
        if held:
            values["held_grants"] = {"SS": sorted(held)}
        gone = [name for name in ("claim", "held_grants") if name not in values]
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        return {
            "Update": {
                "TableName": self._table,
                "Key": partner_key(change.partner.id),
                "UpdateExpression": f"SET {assignments}" + (f" REMOVE {', '.join(gone)}" if gone else ""),
                # Race: two registrations or settings of one partner at once, both from the same revision, or
                # two of the same new partner; one would undo the other and its token stay alive.
                "ConditionExpression": "attribute_not_exists(pk)"
                if change.expected is None
                else "revision = :expected",
                "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}
                | ({} if change.expected is None else {":expected": {"N": str(change.expected)}}),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _change_grants(self, change: PartnerChange, drop: Sequence[str]) -> dict[str, TransactWriteItemTypeDef]:
        """By hash; a transaction takes one operation per item, so a grant that is dropped and put again is put."""
        operations = {dropped: self._delete(_grant_key(dropped)) for dropped in drop}
        operations |= {grant.hash: self._put(_grant_item(grant)) for grant in change.put_grants}
        if change.shown is not None:
            shown: Any
            (shown,) = operations[change.shown].values()
            # Race: the first use of a newer token ends the one by which this change was asked for, and the change
            # would have it open again; or two callers show one token A, whose first registration ends it.
            shown["ConditionExpression"] = "attribute_exists(pk)"
        return operations

    def _move_claim(self, change: PartnerChange, stored: Item) -> Iterator[TransactWriteItemTypeDef]:
        before, after = stored.get("claim"), _claim_after(change, stored)
        if change.claim_party and after:
            yield {
                "Put": {
                    "TableName": self._table,
                    "Item": {"pk": after, "sk": {"S": "PARTY"}, "partner_id": {"S": change.partner.id}},
                    # Race: two partners register as the same party at once; only one may hold it.
                    "ConditionExpression": "attribute_not_exists(pk) OR partner_id = :partner_id",
                    "ExpressionAttributeValues": {":partner_id": {"S": change.partner.id}},
                }
            }
        if before and before != after:
            # Unconditional: that the partner holds this claim is part of the revision that the transaction checks.
            yield self._delete({"pk": before, "sk": {"S": "PARTY"}})

    def remove(self, partner: Partner) -> None:
        """As in the port."""
        key = partner_key(partner.id)
        stored = self._item(key)
        if stored is None or int(stored["revision"]["N"]) != partner.revision:
            raise Conflict(partner.id)
        held = set(stored["held_grants"]["SS"]) if "held_grants" in stored else set()
        hashes = sorted(set(partner.grants) | held)
        operations: list[TransactWriteItemTypeDef] = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": key,
                    # Race: the partner registers while the operator revokes its invitation; it would lose its
                    # record and keep the token that it has just been given.
                    "ConditionExpression": "revision = :expected",
                    "ExpressionAttributeValues": {":expected": {"N": str(partner.revision)}},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            # In one step, and no channel is made without its partner: nobody would come by to forget it.
            self._delete(channel_key(partner.id)),
            *(self._delete(_grant_key(token_hash)) for token_hash in hashes[:MOST_DROPPED]),
        ]
        if "claim" in stored:
            operations.append(self._delete({"pk": stored["claim"], "sk": {"S": "PARTY"}}))
        if transact(self._client, operations, str(uuid4())):
            raise Conflict(partner.id)
        self._clear_away(hashes[MOST_DROPPED:])

    def _clear_away(self, hashes: Sequence[str]) -> None:
        """Delete grants that no partner names any more. They open nothing, and all but one of a partner's end by
        themselves, so this may fail.
        """
        with suppress(BotoCoreError, ClientError):
            for start in range(0, len(hashes), MOST_DROPPED):
                chunk = hashes[start : start + MOST_DROPPED]
                transact(self._client, [self._delete(_grant_key(each)) for each in chunk], str(uuid4()))

    def seen(self, partner_id: str, at: str) -> None:
        """As in the port; an earlier instant than the recorded one changes nothing."""
        # A request of the partner does not wait while its registration is being saved: the next one will tell.
        with suppress(self._client.exceptions.TransactionConflictException):
            note_instant(self._client, self._table, partner_key(partner_id), "last_seen_at", at)

    def synced(self, partner_id: str, at: str) -> None:
        """As in the port; an earlier instant than the recorded one changes nothing."""
        key = partner_key(partner_id)
        patiently(self._client, lambda: note_instant(self._client, self._table, key, "last_synced_at", at))

    def mark_behind(self, partner_id: str, since: str | None) -> None:
        """As in the port."""
        self._set(partner_id, "behind_since", since)

    def learn(self, partner_id: str, learned: dict[str, str]) -> None:
        """As in the port."""
        self._set(partner_id, "learned", learned_note(learned).get("learned"))

    def _set(self, partner_id: str, name: str, note: str | None) -> None:
        key = partner_key(partner_id)
        if note is None:
            patiently(self._client, lambda: remove_note(self._client, self._table, key, name))
        else:
            patiently(self._client, lambda: set_note(self._client, self._table, key, name, note))

    def settle(self, grant: Grant) -> None:
        """As in the port."""
        if grant.older:
            # A transaction, even of one, because another may be saving this partner and has a grant in its hands.
            transact(self._client, [self._delete(_grant_key(older)) for older in grant.older], str(uuid4()))

    def _item(self, key: Item) -> Item | None:
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _put(self, item: Item) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": item}}

    def _delete(self, key: Item) -> TransactWriteItemTypeDef:
        return {"Delete": {"TableName": self._table, "Key": key}}


def _claim_key(role: str, party: str) -> Item:
    return {"pk": {"S": f"PARTY#{role}#{party.upper()}"}, "sk": {"S": "PARTY"}}


def _grant_key(token_hash: str) -> Item:
    return {"pk": {"S": f"GRANT#{token_hash}"}, "sk": {"S": "GRANT"}}


def _claim_after(change: PartnerChange, stored: Item) -> Any:
    """Key attribute of the party that the partner holds after a change, or ``None``."""
    if change.claim_party:
        if change.partner.party is None:
            raise ValueError(f"partner {change.partner.id} has no party to claim")
        return _claim_key(change.partner.role, change.partner.party)["pk"]
    return None if change.release_party else stored.get("claim")


def _dropped(change: PartnerChange) -> list[str]:
    kept = {grant.hash for grant in change.put_grants}
    return [token_hash for token_hash in dict.fromkeys(change.drop_grants) if token_hash not in kept]


def _partner(item: Item) -> Partner:
    return partner_from(
        item["document"]["S"],
        revision=int(item["revision"]["N"]),
        notes={name: text(item, name) for name in NOTES},
    )


def _grant_item(grant: Grant) -> Item:
    item: Item = {**_grant_key(grant.hash), "partner_id": {"S": grant.partner_id}, "kind": {"S": grant.kind}}
    older = older_note(grant)
    if older:
        item["replaces"] = {"S": older}
    if grant.expires_at:
        item["expires_at"] = {"S": grant.expires_at}
        item["expires"] = {"N": str(int(datetime.fromisoformat(grant.expires_at).timestamp()))}
    return item


def _grant(item: Item) -> Grant:
    return Grant(
        hash=item["pk"]["S"].removeprefix("GRANT#"),
        partner_id=item["partner_id"]["S"],
        kind=item["kind"]["S"],  # type: ignore[arg-type] # only _grant_item writes it, from a Grant
        expires_at=item["expires_at"]["S"] if "expires_at" in item else None,
        **older_from(text(item, "replaces")),
    )
