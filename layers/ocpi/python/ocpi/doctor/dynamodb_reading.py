"""What an item of the table is; the keys are drawn in :mod:`ocpi.store.dynamodb`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.doctor.entry import Claim, Entry, Unreadable
from ocpi.doctor.names import delivery_name, grant_name, object_name
from ocpi.store.channel_document import channel_from
from ocpi.store.dynamodb_delivery_items import delivery_from
from ocpi.store.dynamodb_items import record_from, text, unpacked
from ocpi.store.exchanges import Exchange
from ocpi.store.partner_document import NOTES, older_from, partner_from
from ocpi.store.port import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.doctor.entry import Kind

KINDS: Mapping[str, Kind] = {
    "OBJECT": "object",
    "PARTNERS": "partner",
    "GRANT": "grant",
    "PARTY": "claim",
    "DELIVERIES": "delivery",
    "CHANNEL": "channel",
    "EXCHANGES": "exchange",
    "FAILURES": "failures",
}
COUNTERS = ("COUNTED", "COUNTERS")
"""Which :mod:`ocpi.store.check_counters` looks at."""


def named(item: Mapping[str, Any]) -> Entry:
    """The entry of an item."""
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    prefix, _, rest = pk.partition("#")
    kind = KINDS.get(prefix, "other")
    return Entry(kind, (pk, sk), _name(kind, prefix, rest, sk, item), item)


def _name(kind: Kind, prefix: str, rest: str, sk: str, item: Mapping[str, Any]) -> str:
    match kind:
        case "object":
            collection, _, folded_id = rest.partition("#")
            return object_name(collection, _text(item, "id") or folded_id, _text(item, "created"))
        case "partner":
            return f"partner {sk}"
        case "grant":
            return grant_name(rest)
        case "claim":
            return f"party {rest.replace('#', ' ')}"
        case "delivery":
            module, _, folded_id = sk.partition("#")
            return delivery_name(rest, module, _text(item, "object_id") or folded_id, _text(item, "since"))
        case "channel":
            return f"channel to {rest}"
        case "exchange":
            return f"exchange with {rest.replace('#', ' ')} {sk}"
        case "failures":
            return f"failed attempts to authenticate, until {rest.rpartition('#')[2]}"
        case "other":
            return f"item {prefix}"


def _text(item: Mapping[str, Any], name: str) -> Any:
    return item.get(name, {}).get("S")


class DynamoDBReading:
    """Reads items by the functions that the adapter reads them with, one by one."""

    def read(self, entry: Entry) -> Any:
        """As :meth:`ocpi.doctor.entry.Shelf.read`."""
        readers: dict[Kind, Callable[[Mapping[str, Any]], Any]] = {
            "object": _record,
            "partner": _partner,
            "grant": _grant,
            "claim": _claim,
            "delivery": _delivery,
            "channel": _channel,
            "exchange": _exchange,
            "failures": _failures,
            "other": _other,
        }
        try:
            return readers[entry.kind](entry.raw)
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(f"cannot be read ({type(error).__name__})") from error


def _record(item: Mapping[str, Any]) -> Any:
    record = record_from(item)
    if item["pk"]["S"] != f"OBJECT#{record.key.collection}#{record.key.folded_id}":
        raise Unreadable("is kept under another key than its own")
    return record


def _partner(item: Mapping[str, Any]) -> Any:
    notes = {name: text(item, name) for name in NOTES}
    partner = partner_from(item["document"]["S"], revision=int(item["revision"]["N"]), notes=notes)
    if partner.id != item["sk"]["S"]:
        raise Unreadable("is kept under another id than its document's")
    return partner


def _grant(item: Mapping[str, Any]) -> Grant:
    return Grant(
        hash=item["pk"]["S"].removeprefix("GRANT#"),
        partner_id=item["partner_id"]["S"],
        kind=item["kind"]["S"],
        expires_at=text(item, "expires_at"),
        **older_from(text(item, "replaces")),
    )


def _claim(item: Mapping[str, Any]) -> Claim:
    role, _, party = item["pk"]["S"].removeprefix("PARTY#").partition("#")
    return Claim(role, party, item["partner_id"]["S"])


def _delivery(item: Mapping[str, Any]) -> Any:
    delivery = delivery_from(item)
    if item["sk"]["S"] != f"{delivery.key.module}#{delivery.key.folded_id}":
        raise Unreadable("is kept under another key than its own")
    return delivery


def _channel(item: Mapping[str, Any]) -> Any:
    partner_id = item["pk"]["S"].removeprefix("CHANNEL#")
    return channel_from(partner_id, item["document"]["S"], revision=int(item["revision"]["N"]))


def _exchange(item: Mapping[str, Any]) -> Exchange:
    exchange = Exchange.read(unpacked(item["document"]))
    key = (f"EXCHANGES#{exchange.partner_id}#{exchange.at[:10]}", exchange.at)
    if key != (item["pk"]["S"], item["sk"]["S"].partition("#")[0]):
        raise Unreadable("is kept under another key than its own")
    return exchange


def _failures(item: Mapping[str, Any]) -> None:
    if min(int(item["failures"]["N"]), int(item["expires"]["N"])) < 0:
        raise Unreadable("counts nothing")


def _other(item: Mapping[str, Any]) -> None:
    prefix = item["pk"]["S"].partition("#")[0]
    if prefix in COUNTERS:
        return
    if (item["pk"]["S"], item["sk"]["S"]) != ("SETTINGS", "signing_key"):
        raise Unreadable("is nothing that is known here")
    if len(bytes(item["secret"]["B"])) != 32:
        raise Unreadable("is no key of 32 bytes")
