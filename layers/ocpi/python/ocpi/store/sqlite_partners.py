"""Partners in SQLite: the partner, its grants and its claim to a party change in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
    import sqlite3

    from ocpi.store.sqlite_database import Database

_ROW = ", ".join(("document", "revision", *NOTES))


class SQLitePartners:
    """Implements :class:`ocpi.store.port.Partners`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, partner_id: str) -> Partner | None:
        """As in the port."""
        with self._database.reading() as db:
            return _find(db, partner_id)

    def list(self) -> list[Partner]:
        """As in the port."""
        with self._database.reading() as db:
            rows = db.execute(f"SELECT {_ROW} FROM partners ORDER BY invited_at, id")  # noqa: S608 - _ROW is a constant
            return [_partner(row) for row in rows]

    def by_party(self, role: str, country_code: str, party_id: str) -> Partner | None:
        """As in the port."""
        with self._database.reading() as db:
            claim = db.execute(
                "SELECT partner_id FROM parties WHERE role = ? AND party = ?",
                (role, f"{country_code}-{party_id}".upper()),
            ).fetchone()
            return _find(db, claim[0]) if claim else None

    def grant(self, token_hash: str) -> Grant | None:
        """As in the port."""
        with self._database.reading() as db:
            return _find_grant(db, token_hash)

    def save(self, change: PartnerChange) -> Partner:
        """As in the port."""
        with self._database.writing() as db:
            if change.shown is not None and _find_grant(db, change.shown) is None:
                raise Conflict(change.partner.id)
            saved = _save_partner(db, change)
            if change.claim_party:
                _claim(db, saved)
            elif change.release_party:
                _release(db, saved)
            db.executemany("DELETE FROM grants WHERE hash = ?", [(dropped,) for dropped in change.drop_grants])
            db.executemany(
                "INSERT OR REPLACE INTO grants (hash, partner_id, kind, expires_at, replaces) VALUES (?, ?, ?, ?, ?)",
                [(g.hash, g.partner_id, g.kind, g.expires_at, older_note(g)) for g in change.put_grants],
            )
        return saved

    def remove(self, partner: Partner) -> None:
        """As in the port."""
        with self._database.writing() as db:
            removed = db.execute("DELETE FROM partners WHERE id = ? AND revision = ?", (partner.id, partner.revision))
            if not removed.rowcount:
                raise Conflict(partner.id)
            db.execute("DELETE FROM grants WHERE partner_id = ?", (partner.id,))
            db.execute("DELETE FROM channels WHERE partner_id = ?", (partner.id,))
            _release(db, partner)

    def seen(self, partner_id: str, at: str) -> None:
        """As in the port; an earlier instant than the recorded one changes nothing."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE partners SET last_seen_at = ?1 WHERE id = ?2 AND coalesce(last_seen_at, '') < ?1",
                (at, partner_id),
            )

    def synced(self, partner_id: str, at: str) -> None:
        """As in the port; an earlier instant than the recorded one changes nothing."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE partners SET last_synced_at = ?1 WHERE id = ?2 AND coalesce(last_synced_at, '') < ?1",
                (at, partner_id),
            )

    def mark_behind(self, partner_id: str, since: str | None) -> None:
        """As in the port."""
        with self._database.writing() as db:
            db.execute("UPDATE partners SET behind_since = ? WHERE id = ?", (since, partner_id))

    def learn(self, partner_id: str, learned: dict[str, str]) -> None:
        """As in the port."""
        with self._database.writing() as db:
            note = learned_note(learned).get("learned")
            db.execute("UPDATE partners SET learned = ? WHERE id = ?", (note, partner_id))

    def settle(self, grant: Grant) -> None:
        """As in the port."""
        with self._database.writing() as db:
            db.executemany("DELETE FROM grants WHERE hash = ?", [(older,) for older in grant.older])


def _find_grant(db: sqlite3.Connection, token_hash: str) -> Grant | None:
    row = db.execute(
        "SELECT hash, partner_id, kind, expires_at, replaces FROM grants WHERE hash = ?", (token_hash,)
    ).fetchone()
    return Grant(*row[:-1], **older_from(row[-1])) if row else None


def _find(db: sqlite3.Connection, partner_id: str) -> Partner | None:
    row = db.execute(f"SELECT {_ROW} FROM partners WHERE id = ?", (partner_id,)).fetchone()  # noqa: S608 - see above
    return _partner(row) if row else None


def _partner(row: tuple[Any, ...]) -> Partner:
    document, revision, *notes = row
    return partner_from(document, revision=revision, notes=dict(zip(NOTES, notes, strict=True)))


def _save_partner(db: sqlite3.Connection, change: PartnerChange) -> Partner:
    partner, document = change.partner, partner_document(change.partner)
    if change.expected is None:
        notes = partner_notes(partner)
        done = db.execute(
            f"INSERT INTO partners (id, invited_at, {_ROW}) VALUES (?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608 - see above
            (partner.id, partner.invited_at, document, *(notes.get(name) for name in NOTES)),
        )
    else:
        # The notes stay: the partner may have called, or been called, since it was read.
        done = db.execute(
            "UPDATE partners SET invited_at = ?, document = ?, revision = revision + 1 WHERE id = ? AND revision = ?",
            (partner.invited_at, document, partner.id, change.expected),
        )
    if not done.rowcount:
        raise Conflict(partner.id)
    return replace(partner, revision=(change.expected or 0) + 1)


def _claim(db: sqlite3.Connection, partner: Partner) -> None:
    if partner.party is None:
        raise ValueError(f"partner {partner.id} has no party to claim")
    _release(db, partner)
    claimed = db.execute(
        "INSERT INTO parties (role, party, partner_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (partner.role, partner.party.upper(), partner.id),
    )
    if not claimed.rowcount:
        raise PartyTaken(partner.party)


def _release(db: sqlite3.Connection, partner: Partner) -> None:
    db.execute("DELETE FROM parties WHERE partner_id = ?", (partner.id,))
