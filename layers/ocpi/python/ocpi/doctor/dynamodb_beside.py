"""What the adapter of DynamoDB keeps beside a thing: the keys of the indexes, and when it may be forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ocpi.doctor.entry import Claim, Flaw, Unreadable
from ocpi.doctor.names import PRECISE
from ocpi.doctor.remedies import KEPT_DAYS, LOST
from ocpi.store.deliveries import Delivery
from ocpi.store.dynamodb_delivery_items import due_key, due_list
from ocpi.store.dynamodb_items import DUE, object_pk, view
from ocpi.store.exchanges import Exchange, end_of_life
from ocpi.store.port import EVERYBODY, Grant, Partner, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ocpi.doctor.dynamodb_reading import DynamoDBReading
    from ocpi.doctor.entry import Entry
    from ocpi.store.dynamodb_items import Item

    Change = Callable[[Entry, Mapping[str, AttributeValueTypeDef | None]], bool]

HINTS = ("journal", "findings")
"""Of an object; without them it is the same object."""
FAR = 400 * 366 * 86_400
"""Seconds since 1970."""


def unreadable(entry: Entry, reading: DynamoDBReading, change: Change) -> Iterator[Flaw]:
    """As :meth:`ocpi.doctor.entry.Shelf.unreadable`."""
    if entry.kind == "object":
        for name in HINTS:
            without = replace(entry, raw={each: value for each, value in entry.raw.items() if each != name})
            try:
                reading.read(without)
            except Unreadable:
                continue
            yield Flaw(f"its {name} cannot be read", "remove that", lambda name=name: change(entry, {name: None}))  # type: ignore[misc] # mypy sees no default
            return
    try:
        reading.read(entry)
    except Unreadable as error:
        yield Flaw(str(error), LOST[entry.kind])


def flaws(entry: Entry, thing: Any, change: Change, holder: Callable[[Partner], str | None]) -> Iterator[Flaw]:
    """As :meth:`ocpi.doctor.entry.Shelf.beside`; ``holder`` says which partner holds the party of one."""
    expected = _expected(entry.raw, thing)
    if isinstance(thing, Partner) and holder(thing) == thing.id:
        expected = {**expected, "claim": {"S": f"PARTY#{thing.role}#{str(thing.party).upper()}"}}
    wrong = {name: value for name, value in expected.items() if entry.raw.get(name) != value}
    if wrong:
        yield Flaw(
            f"{', '.join(sorted(wrong))} does not follow from the rest of the item",
            "write what does",
            lambda: change(entry, wrong),
        )


def _expected(item: Mapping[str, Any], thing: Any) -> Mapping[str, AttributeValueTypeDef | None]:
    """Attributes as they must be; ``None``: there must be none."""
    match thing:
        case Record():
            return _of_object(item, thing)
        case Partner():
            held = sorted(thing.grants)
            return {"invited_at": {"S": thing.invited_at}, "held_grants": _same_set(item, held)}
        case Grant():
            ends = None if thing.expires_at is None else int(datetime.fromisoformat(thing.expires_at).timestamp())
            return {"expires": None if ends is None else {"N": str(ends)}}
        case Delivery():
            place = due_key(thing)
            listed = due_list(thing.key.partner_id, thing.state) if place is not None else None
            return {"due_key": _text(place), "due_list": _text(listed)}
        case Exchange():
            lookup = None if thing.subject is None else f"exchange/{thing.subject}"
            return {"lookup": _text(lookup), "expires": _end(item, thing)}
        case Claim() | _:
            return {}


def _of_object(item: Mapping[str, Any], record: Record) -> Mapping[str, AttributeValueTypeDef | None]:
    folded_id, pk = record.key.folded_id, object_pk(record.key)
    expected: dict[str, AttributeValueTypeDef | None] = {
        "created_key": {"S": f"{record.created}#{folded_id}"},
        "updated_key": {"S": f"{record.last_updated}#{folded_id}"},
        "due_list": _text(DUE if record.due else None),
        "due_key": _text(f"{record.due}#{pk}" if record.due else None),
        "view": _text(view(record.key.collection, record.audience) if record.audience is not None else None),
    }
    if record.audience is None:
        return {**expected, "addressed_key": None, "party_key": None}
    if record.audience == EVERYBODY:
        return {**expected, "addressed_key": expected["created_key"], "party_key": None}
    # Its place is that of the write that gave it to a party, which only it tells. Without it comes last, where a crawl
    # under way still finds it.
    place = item.get("party_key", {}).get("S", "")
    right = place[27:] == f"#{folded_id}" and PRECISE.fullmatch(place[:27]) is not None
    known: Item = {"place": {"S": place if right else f"{record.received}#{folded_id}"}}
    return {**expected, "addressed_key": known["place"], "party_key": known["place"]}


def _same_set(item: Mapping[str, Any], held: list[str]) -> AttributeValueTypeDef | None:
    """Sets have no order; those that are the same are what is there."""
    found = item.get("held_grants")
    if found is not None and set(found.get("SS", ())) == set(held):
        same: AttributeValueTypeDef = found
        return same
    return {"SS": held} if held else None


def _end(item: Mapping[str, Any], exchange: Exchange) -> AttributeValueTypeDef:
    """When an entry of the log is forgotten; any instant will do, and none will not."""
    found = item.get("expires", {}).get("N")
    if found is not None and 0 < float(found) < FAR:
        end: AttributeValueTypeDef = item["expires"]
        return end
    return {"N": str(int(end_of_life(exchange.at, KEPT_DAYS).timestamp()))}


def _text(value: str | None) -> AttributeValueTypeDef | None:
    return None if value is None else {"S": value}
