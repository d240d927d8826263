"""Deliveries in SQLite: a row each, with an index for each order in which they are looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ocpi.store.sqlite_database import Database

_ROW = (
    "partner_id, module, object_id, state, since, due, holds, attempts, last_attempt_at, http_status, ocpi_status,"
    " message, url, unsure, revision"
)
_THIS = "partner_id = ? AND module = ? AND folded_id = ?"


@dataclass(frozen=True, slots=True)
class _List:
    """Which of a partner's deliveries, and in which order. A position in it is their columns with ``#`` between."""

    condition: str
    columns: str

    @property
    def width(self) -> int:
        return self.columns.count(",") + 1

    @property
    def placeholders(self) -> str:
        return ", ".join("?" * self.width)

    def place(self, position: str) -> list[str]:
        # An instant and the name of a module have no '#', an id may.
        parts = position.split("#", self.width - 1)
        return parts + [""] * (self.width - len(parts))


_LISTS = {
    None: _List("TRUE", "module, folded_id"),
    DeliveryState.PENDING: _List("due IS NOT NULL", "due, module, folded_id"),
    DeliveryState.DELIVERED: _List("state = 'delivered'", "module, folded_id"),
    DeliveryState.FAILED: _List("state = 'failed'", "since, module, folded_id"),
}


class SQLiteDeliveries:
    """Implements :class:`ocpi.store.deliveries.Deliveries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_many(self, keys: Sequence[DeliveryKey]) -> list[Delivery | None]:
        """As in the port; all as of one moment."""
        with self._database.reading() as db:
            return [_find(db, key) for key in keys]

    def put_many(self, deliveries: Sequence[Delivery]) -> list[Delivery | Conflict]:
        """As in the port; one transaction, and one wait for the disk if something that must not be repeated blindly is
        about to be sent.

        A power failure may take the last of the others, but then it takes the deletion of the changes that led to them
        as well, which came later; and what was delivered is delivered again.
        """
        with self._database.writing(durable=any(delivery.unsure for delivery in deliveries)) as db:
            return [_put(db, delivery) for delivery in deliveries]

    def delete_many(self, deliveries: Sequence[Delivery]) -> list[Conflict | None]:
        """As in the port; one transaction, which need not be on the disk."""
        with self._database.writing(durable=False) as db:
            return [_delete(db, delivery) for delivery in deliveries]

    def due(self, partner_id: str, at: str, limit: int) -> list[Delivery]:
        """As in the port."""
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_ROW} FROM deliveries WHERE partner_id = ? AND due <= ?"  # noqa: S608 - _ROW is a constant
                " ORDER BY due, module, folded_id LIMIT ?",
                (partner_id, at, limit),
            )
            return [_delivery(row) for row in rows]

    def page(
        self,
        partner_id: str,
        state: DeliveryState | None,
        limit: int,
        after: str | None = None,
        *,
        module: str | None = None,
        counted: bool = False,
    ) -> DeliveryPage:
        """As in the port; page and total are of one moment."""
        listed = _LISTS[state]
        if module is not None and listed.width > 2:
            raise ValueError(f"{state} deliveries are in no order of modules")
        # Conditions and columns are constants: nothing of a caller is in the text.
        condition, values = _matching(partner_id, state, module)
        if after is not None:
            condition += f" AND ({listed.columns}) > ({listed.placeholders})"
            values += listed.place(after)
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {listed.columns}, {_ROW} FROM deliveries WHERE {condition} ORDER BY {listed.columns} LIMIT ?",  # noqa: S608 - see above
                (*values, limit + 1),
            ).fetchall()
            total = _count(db, partner_id, state, module) if counted else None
        deliveries = [_delivery(row[listed.width :]) for row in rows[:limit]]
        return DeliveryPage(deliveries, total, "#".join(rows[limit - 1][: listed.width]) if len(rows) > limit else None)

    def count(self, partner_id: str, state: DeliveryState) -> int:
        """As in the port."""
        with self._database.reading() as db:
            return _count(db, partner_id, state, None)

    def forget(self, partner_id: str, limit: int | None = None) -> bool:
        """As in the port."""
        with self._database.writing() as db:
            db.execute(
                "DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries WHERE partner_id = ? LIMIT ?)",
                (partner_id, -1 if limit is None else limit),
            )
            if db.execute("SELECT 1 FROM deliveries WHERE partner_id = ? LIMIT 1", (partner_id,)).fetchone():
                return False
            db.execute("DELETE FROM channels WHERE partner_id = ?", (partner_id,))
            return True


def _find(db: sqlite3.Connection, key: DeliveryKey) -> Delivery | None:
    row = db.execute(f"SELECT {_ROW} FROM deliveries WHERE {_THIS}", _identity(key)).fetchone()  # noqa: S608 - constants
    return _delivery(row) if row else None


def _matching(partner_id: str, state: DeliveryState | None, module: str | None) -> tuple[str, list[str]]:
    """The condition of a list, and its values."""
    condition = f"partner_id = ? AND {_LISTS[state].condition}"
    return (condition, [partner_id]) if module is None else (f"{condition} AND module = ?", [partner_id, module])


def _count(db: sqlite3.Connection, partner_id: str, state: DeliveryState | None, module: str | None) -> int:
    condition, values = _matching(partner_id, state, module)
    count: int = db.execute(f"SELECT count(*) FROM deliveries WHERE {condition}", values).fetchone()[0]  # noqa: S608 - constants
    return count


def _put(db: sqlite3.Connection, delivery: Delivery) -> Delivery | Conflict:
    content = (
        delivery.state,
        delivery.since,
        delivery.due,
        delivery.holds,
        delivery.attempts,
        delivery.last_attempt_at,
        delivery.http_status,
        delivery.ocpi_status,
        delivery.message,
        delivery.url,
        delivery.unsure,
    )
    identity = _identity(delivery.key)
    if delivery.revision:
        done = db.execute(
            f"UPDATE deliveries SET state = ?, since = ?, due = ?, holds = ?, attempts = ?, last_attempt_at = ?,"  # noqa: S608 - a constant
            " http_status = ?, ocpi_status = ?, message = ?, url = ?, unsure = ?, revision = revision + 1"
            f" WHERE {_THIS} AND revision = ?",
            (*content, *identity, delivery.revision),
        )
    else:
        done = db.execute(
            "INSERT INTO deliveries (state, since, due, holds, attempts, last_attempt_at, http_status, ocpi_status,"
            " message, url, unsure, partner_id, module, folded_id, object_id, revision)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING",
            (*content, *identity, delivery.key.object_id),
        )
    if not done.rowcount:
        return Conflict(delivery.key.module)
    return replace(delivery, revision=delivery.revision + 1)


def _delete(db: sqlite3.Connection, delivery: Delivery) -> Conflict | None:
    deleted = db.execute(
        f"DELETE FROM deliveries WHERE {_THIS} AND revision = ?",  # noqa: S608 - a constant
        (*_identity(delivery.key), delivery.revision),
    )
    return None if deleted.rowcount else Conflict(delivery.key.module)


def _identity(key: DeliveryKey) -> tuple[str, str, str]:
    return (key.partner_id, key.module, key.folded_id)


def _delivery(row: tuple[Any, ...]) -> Delivery:
    partner_id, module, object_id, state, *others, unsure, revision = row
    values = (*others, bool(unsure), revision)
    return Delivery(DeliveryKey(partner_id, module, object_id), DeliveryState(state), *values)
