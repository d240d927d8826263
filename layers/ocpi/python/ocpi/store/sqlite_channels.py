"""Channels in SQLite: a row each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ocpi.store.channel_document import channel_document, channel_from
from ocpi.store.deliveries import Channel
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from ocpi.store.sqlite_database import Database


class SQLiteChannels:
    """Implements :class:`ocpi.store.deliveries.Channels`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, partner_id: str) -> Channel:
        """As in the port."""
        with self._database.reading() as db:
            row = db.execute("SELECT document, revision FROM channels WHERE partner_id = ?", (partner_id,)).fetchone()
        return channel_from(partner_id, row[0], revision=row[1]) if row else Channel(partner_id)

    def put(self, channel: Channel) -> Channel:
        """As in the port."""
        document = channel_document(channel)
        # Not worth waiting for the disk, several times a drain: when the power fails all leases end, and what is asked
        # for here the regular comparison finds.
        with self._database.writing(durable=False) as db:
            if channel.revision:
                done = db.execute(
                    "UPDATE channels SET document = ?, revision = revision + 1 WHERE partner_id = ? AND revision = ?",
                    (document, channel.partner_id, channel.revision),
                )
            else:
                done = db.execute(
                    "INSERT INTO channels (partner_id, document, revision) SELECT id, ?, 1 FROM partners WHERE id = ? "
                    "ON CONFLICT DO NOTHING",
                    (document, channel.partner_id),
                )
            if not done.rowcount:
                raise Conflict(channel.partner_id)
        return replace(channel, revision=channel.revision + 1)

    def release(self) -> None:
        """End the lease of everybody who delivers: for whoever knows that all of them have ended."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE channels SET document = json_remove(document, '$.leased_until'), revision = revision + 1 "
                "WHERE json_extract(document, '$.leased_until') IS NOT NULL"
            )
