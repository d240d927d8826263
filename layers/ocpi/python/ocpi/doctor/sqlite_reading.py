"""What a row of the file is; its tables are in :mod:`ocpi.store.sqlite_database`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from ocpi.doctor.entry import Claim, Entry, Unreadable
from ocpi.doctor.names import delivery_name, grant_name, object_name
from ocpi.store.channel_document import channel_from
from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState
from ocpi.store.exchanges import Exchange
from ocpi.store.partner_document import NOTES, older_from, partner_from
from ocpi.store.port import Collection, Grant, Key, Record
from ocpi.store.sqlite_changes import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.doctor.entry import Kind

TABLES: Mapping[str, Kind] = {
    "objects": "object",
    "partners": "partner",
    "grants": "grant",
    "parties": "claim",
    "deliveries": "delivery",
    "channels": "channel",
    "exchanges": "exchange",
    "settings": "other",
    "changes": "other",
}
"""All but the counters, which :mod:`ocpi.store.check_counters` looks at."""
_OBJECT = ("version", "document", "last_updated", "audience", "revision", "created", "received", "lookup", "due")
_DELIVERY = (
    "since",
    "due",
    "holds",
    "attempts",
    "last_attempt_at",
    "http_status",
    "ocpi_status",
    "message",
    "url",
    "revision",
)


def named(table: str, row: Mapping[str, Any]) -> Entry:
    """The entry of a row, of which ``rowid`` is a column."""
    return Entry(TABLES[table], (table, row["rowid"]), _name(table, row), row)


def _name(table: str, row: Mapping[str, Any]) -> str:
    match table:
        case "objects":
            return object_name(row["collection"], row["id"], row["created"])
        case "partners":
            return f"partner {row['id']}"
        case "grants":
            return grant_name(row["hash"])
        case "parties":
            return f"party {row['role']} {row['party']}"
        case "deliveries":
            return delivery_name(row["partner_id"], row["module"], row["object_id"], row["since"])
        case "channels":
            return f"channel to {row['partner_id']}"
        case "exchanges":
            return f"exchange with {row['partner_id']} {row['at']}"
        case _:
            return f"row {row['rowid']} of {table}"


def _grant(row: Mapping[str, Any]) -> Grant:
    older = older_from(row["replaces"])
    return Grant(row["hash"], row["partner_id"], row["kind"], row["expires_at"], **older)


def read(entry: Entry) -> Any:
    """As :meth:`ocpi.doctor.entry.Shelf.read`."""
    readers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "objects": _record,
        "partners": _partner,
        "grants": _grant,
        "parties": lambda row: Claim(row["role"], row["party"], row["partner_id"]),
        "deliveries": _delivery,
        "channels": lambda row: channel_from(row["partner_id"], row["document"], revision=row["revision"]),
        "exchanges": _exchange,
        "settings": _setting,
        "changes": _change,
    }
    try:
        _require_text(entry.raw)
        return readers[entry.address[0]](entry.raw)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"cannot be read ({type(error).__name__})") from error


def _require_text(row: Mapping[str, Any]) -> None:
    """SQLite keeps whatever it is given, and bytes look like nothing that is looked for."""
    if any(isinstance(value, bytes) for name, value in row.items() if name != "value"):
        raise Unreadable("has bytes where there must be text")


def _record(row: Mapping[str, Any]) -> Record:
    key = Key(Collection.parse(row["collection"]), row["id"])
    if key.folded_id != row["folded_id"]:
        raise Unreadable("is kept under another key than its own")
    values: dict[str, Any] = {name: row[name] for name in _OBJECT}
    return Record(key, findings=tuple(json.loads(row["findings"])), journal=row["journal"], **values)


def _partner(row: Mapping[str, Any]) -> Any:
    notes = {name: row[name] for name in NOTES}
    partner = partner_from(row["document"], revision=row["revision"], notes=notes)
    if partner.id != row["id"]:
        raise Unreadable("is kept under another id than its document's")
    return partner


def _delivery(row: Mapping[str, Any]) -> Delivery:
    key = DeliveryKey(row["partner_id"], row["module"], row["object_id"])
    if key.folded_id != row["folded_id"]:
        raise Unreadable("is kept under another key than its own")
    values: dict[str, Any] = {name: row[name] for name in _DELIVERY}
    return Delivery(key, DeliveryState(row["state"]), unsure=bool(row["unsure"]), **values)


def _exchange(row: Mapping[str, Any]) -> Exchange:
    exchange = Exchange.read(row["document"])
    if (exchange.at, exchange.partner_id) != (row["at"], row["partner_id"]):
        raise Unreadable("is kept under another key than its own")
    return exchange


def _setting(row: Mapping[str, Any]) -> None:
    if row["name"] != "signing_key":
        raise Unreadable("is nothing that is known here")
    if len(row["value"]) != 32:
        raise Unreadable("is no key of 32 bytes")


def _change(row: Mapping[str, Any]) -> None:
    if row["event"] not in get_args(Event) or not row["collection"].startswith("own/"):
        raise Unreadable("is no change of an object of ours")
