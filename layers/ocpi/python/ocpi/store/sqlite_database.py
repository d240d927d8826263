"""The SQLite file of the store: its schema, and its migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE objects (
        collection    TEXT NOT NULL,
        folded_id     TEXT NOT NULL,
        id            TEXT NOT NULL,
        version       TEXT NOT NULL,
        document      TEXT NOT NULL,
        last_updated  TEXT NOT NULL,
        audience      TEXT,
        revision      INTEGER NOT NULL,
        created       TEXT NOT NULL,
        received      TEXT NOT NULL,
        lookup        TEXT,
        due           TEXT,
        findings      TEXT NOT NULL,
        addressed_key TEXT,
        created_key   TEXT GENERATED ALWAYS AS (created || '#' || folded_id) VIRTUAL,
        updated_key   TEXT GENERATED ALWAYS AS (last_updated || '#' || folded_id) VIRTUAL,
        PRIMARY KEY (collection, folded_id)
    );
    CREATE INDEX objects_by_created ON objects (collection, created_key);
    CREATE INDEX objects_by_updated ON objects (collection, updated_key);
    CREATE INDEX objects_by_audience_created ON objects (collection, audience, created_key)
        WHERE audience IS NOT NULL;
    CREATE INDEX objects_by_audience_addressed ON objects (collection, audience, addressed_key)
        WHERE audience IS NOT NULL;
    CREATE INDEX objects_by_audience_updated ON objects (collection, audience, updated_key)
        WHERE audience IS NOT NULL;
    CREATE INDEX objects_by_lookup ON objects (lookup) WHERE lookup IS NOT NULL;
    CREATE INDEX objects_by_due ON objects (due, collection, folded_id) WHERE due IS NOT NULL;
    CREATE TABLE partners (
        id           TEXT PRIMARY KEY,
        invited_at   TEXT NOT NULL,
        document     TEXT NOT NULL,
        revision     INTEGER NOT NULL,
        last_seen_at TEXT
    );
    CREATE TABLE grants (
        hash       TEXT PRIMARY KEY,
        partner_id TEXT NOT NULL,
        kind       TEXT NOT NULL,
        expires_at TEXT,
        replaces   TEXT
    );
    CREATE INDEX grants_by_partner ON grants (partner_id);
    CREATE TABLE parties (
        role       TEXT NOT NULL,
        party      TEXT NOT NULL,
        partner_id TEXT NOT NULL,
        PRIMARY KEY (role, party)
    );
    CREATE TABLE settings (
        name  TEXT PRIMARY KEY,
        value BLOB NOT NULL
    );
    """,
    """
    ALTER TABLE objects ADD COLUMN journal TEXT NOT NULL DEFAULT '';
    ALTER TABLE partners ADD COLUMN last_synced_at TEXT;
    ALTER TABLE partners ADD COLUMN behind_since TEXT;
    ALTER TABLE partners ADD COLUMN learned TEXT;
    CREATE TABLE changes (
        position   INTEGER PRIMARY KEY AUTOINCREMENT,
        event      TEXT NOT NULL,
        collection TEXT NOT NULL,
        id         TEXT NOT NULL
    );
    CREATE TABLE deliveries (
        partner_id      TEXT NOT NULL,
        module          TEXT NOT NULL,
        folded_id       TEXT NOT NULL,
        object_id       TEXT NOT NULL,
        state           TEXT NOT NULL,
        since           TEXT NOT NULL,
        due             TEXT,
        holds           TEXT,
        attempts        INTEGER NOT NULL,
        last_attempt_at TEXT,
        http_status     INTEGER,
        ocpi_status     INTEGER,
        message         TEXT,
        url             TEXT,
        unsure          INTEGER NOT NULL,
        revision        INTEGER NOT NULL,
        PRIMARY KEY (partner_id, module, folded_id)
    );
    CREATE INDEX deliveries_by_due ON deliveries (partner_id, due, module, folded_id) WHERE due IS NOT NULL;
    CREATE INDEX deliveries_failed ON deliveries (partner_id, since, module, folded_id) WHERE state = 'failed';
    CREATE TABLE channels (
        partner_id TEXT PRIMARY KEY,
        document   TEXT NOT NULL,
        revision   INTEGER NOT NULL
    );
    CREATE TABLE exchanges (
        position       INTEGER PRIMARY KEY AUTOINCREMENT,
        at             TEXT NOT NULL,
        partner_id     TEXT NOT NULL,
        subject        TEXT,
        http_status    INTEGER,
        expires        TEXT NOT NULL,
        document       TEXT NOT NULL
    );
    CREATE INDEX exchanges_by_time ON exchanges (at, position);
    CREATE INDEX exchanges_by_partner ON exchanges (partner_id, at, position);
    CREATE INDEX exchanges_by_subject ON exchanges (subject, at, position) WHERE subject IS NOT NULL;
    CREATE INDEX exchanges_by_end ON exchanges (expires);
    """,
    """
    CREATE TABLE counters (
        list  TEXT NOT NULL,
        level INTEGER NOT NULL,
        low   TEXT NOT NULL,
        n     INTEGER NOT NULL,
        PRIMARY KEY (list, level, low)
    ) WITHOUT ROWID;
    CREATE VIEW places AS
        SELECT collection, collection || '|created' AS list, created_key AS key FROM objects
        UNION ALL SELECT collection, collection || '|updated', updated_key FROM objects
        UNION ALL SELECT collection, collection || '|' || audience || '|updated', updated_key FROM objects
            WHERE audience IS NOT NULL
        UNION ALL SELECT collection, collection || '|*|created', created_key FROM objects WHERE audience = '*'
        UNION ALL SELECT collection, collection || '|' || audience || '|addressed', addressed_key FROM objects
            WHERE audience IS NOT NULL AND audience <> '*';
    INSERT INTO counters
        SELECT list, level, CASE WHEN min(place) = 0 THEN '' ELSE min(key) END, count(*)
        FROM (SELECT list, key, row_number() OVER (PARTITION BY list ORDER BY key) - 1 AS place FROM places),
             (SELECT 1 AS level, 128 AS size UNION ALL SELECT 2, 4096 UNION ALL SELECT 3, 131072)
        GROUP BY list, level, place / size;
    """,
    """
    CREATE TABLE failures (
        until    INTEGER NOT NULL,
        source   TEXT NOT NULL,
        failures INTEGER NOT NULL,
        PRIMARY KEY (until, source)
    ) WITHOUT ROWID;
    """,
)
"""Each brings a file from the schema version of its index to the next; a released one is never edited."""


class Database(SQLiteFile):
    """The store's file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, MIGRATIONS)
