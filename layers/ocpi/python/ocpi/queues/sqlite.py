"""All queues of a local deployment in one SQLite file, for senders and for who feeds the messages to functions.

Whoever sends or receives may be another thread or another process. Times are seconds since 1970 of the one clock
that all of them share.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from ocpi.queues.limits import check_message, check_visibility
from ocpi.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE queues (
        name              TEXT PRIMARY KEY,
        delay_seconds     INTEGER NOT NULL,
        retention_seconds INTEGER NOT NULL,
        dead_letter_queue TEXT,
        max_receive_count INTEGER
    );
    CREATE TABLE messages (
        id                TEXT PRIMARY KEY,
        queue             TEXT NOT NULL,
        body              TEXT NOT NULL,
        sent_at           REAL NOT NULL,
        visible_at        REAL NOT NULL,
        receive_count     INTEGER NOT NULL,
        first_received_at REAL,
        receipt           TEXT UNIQUE
    );
    CREATE INDEX messages_by_visibility ON messages (queue, visible_at);
    CREATE INDEX messages_by_age ON messages (queue, sent_at);
    """,
)
FOUR_DAYS = 4 * 86_400


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """What ``AWS::SQS::Queue`` says of a queue, SQS's defaults where it says nothing."""

    delay_seconds: int = 0
    """For messages that are sent without a delay of their own."""
    retention_seconds: int = FOUR_DAYS
    """From sending on, also in a dead-letter queue: so long a message is kept."""
    dead_letter_queue: str | None = None
    """The name of the queue that takes what was received too often."""
    max_receive_count: int | None = None
    """How often a message may be received before it goes there."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as one receiver got it."""

    id: str
    body: str
    sent_at: float
    first_received_at: float
    receive_count: int
    """With this time."""
    receipt: str
    """Good until the message is received again."""


class SQLiteQueues:
    """All queues of one file. A queue needs no declaration; it then has SQS's defaults."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = SQLiteFile(path, MIGRATIONS)
        self._clock = clock
        self._listeners: dict[str, list[threading.Event]] = {}

    def declare(self, name: str, attributes: QueueAttributes) -> None:
        """Set the attributes of a queue, whether it is there or not."""
        with self._file.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?, ?)",
                (
                    name,
                    attributes.delay_seconds,
                    attributes.retention_seconds,
                    attributes.dead_letter_queue,
                    attributes.max_receive_count,
                ),
            )

    def listener(self, name: str) -> threading.Event:
        """An event that is set whenever this process puts something on the queue, delayed or not."""
        event = threading.Event()
        self._listeners.setdefault(name, []).append(event)
        return event

    def send(self, name: str, body: str, delay_seconds: int = 0) -> None:
        """As :meth:`ocpi.queues.port.Queue.send`."""
        check_message(body, delay_seconds)
        with self._file.writing() as db:
            attributes, now = _attributes(db, name), self._clock()
            _forget_expired(db, name, now - attributes.retention_seconds)
            db.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, 0, NULL, NULL)",
                (str(uuid4()), name, body, now, now + (delay_seconds or attributes.delay_seconds)),
            )
        self._tell(name)

    def next_visible_at(self, name: str) -> float | None:
        """When the queue has something to receive, as far as is known now: a time that may have passed."""
        with self._file.reading() as db:
            found: float | None = db.execute(
                "SELECT MIN(visible_at) FROM messages WHERE queue = ?", (name,)
            ).fetchone()[0]
        return found

    def receive(self, name: str, limit: int, visibility_seconds: int) -> list[Message]:
        """At most ``limit`` messages, hidden from everybody else for so many seconds; what has been received too often
        goes to the dead-letter queue instead.
        """
        check_visibility(visibility_seconds)
        # Lost when the power fails, as the deletion may be: then the messages come again.
        with self._file.writing(durable=False) as db:
            attributes, now = _attributes(db, name), self._clock()
            _forget_expired(db, name, now - attributes.retention_seconds)
            moved = _redrive(db, name, attributes, now)
            rows = db.execute(
                "SELECT id FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?",
                (name, now, limit),
            ).fetchall()
            messages = [_take(db, message_id, now, now + visibility_seconds) for (message_id,) in rows]
        if moved and attributes.dead_letter_queue:
            self._tell(attributes.dead_letter_queue)
        return messages

    def delete(self, receipts: Iterable[str]) -> None:
        """Delete what was received under these receipts and not received again since then."""
        with self._file.writing(durable=False) as db:
            db.executemany("DELETE FROM messages WHERE receipt = ?", [(receipt,) for receipt in receipts])

    def postpone(self, name: str, receipt: str, seconds: int) -> None:
        """As :meth:`ocpi.queues.port.Queue.postpone`."""
        check_visibility(seconds)
        with self._file.writing() as db:
            now = self._clock()
            db.execute(
                "UPDATE messages SET visible_at = ? WHERE queue = ? AND receipt = ? AND visible_at > ?",
                (now + seconds, name, receipt, now),
            )
        self._tell(name)

    def release(self, name: str) -> None:
        """Make visible what anybody is working on or has postponed: for whoever knows that all of them have ended."""
        with self._file.writing() as db:
            db.execute(
                "UPDATE messages SET visible_at = MIN(visible_at, ?), receipt = NULL "
                "WHERE queue = ? AND receipt IS NOT NULL",
                (self._clock(), name),
            )
        self._tell(name)

    def depth(self, name: str) -> int:
        """As :meth:`ocpi.queues.port.Queue.depth`; exact."""
        with self._file.reading() as db:
            oldest = self._clock() - _attributes(db, name).retention_seconds
            count: int = db.execute(
                "SELECT COUNT(*) FROM messages WHERE queue = ? AND sent_at > ?", (name, oldest)
            ).fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file. Harmless when repeated."""
        self._file.close()

    def _tell(self, name: str) -> None:
        for listener in self._listeners.get(name, ()):
            listener.set()


class SQLiteQueue:
    """One of the queues, as a :class:`~ocpi.queues.port.Queue`."""

    def __init__(self, queues: SQLiteQueues, name: str) -> None:
        self._queues, self._name = queues, name

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """As in the port."""
        self._queues.send(self._name, body, delay_seconds)

    def postpone(self, receipt: str, seconds: int) -> None:
        """As in the port."""
        self._queues.postpone(self._name, receipt, seconds)

    def depth(self) -> int:
        """As in the port."""
        return self._queues.depth(self._name)


_SHARING = threading.Lock()
_shared: dict[Path, SQLiteQueues] = {}


def queues_in(path: Path) -> SQLiteQueues:
    """The queues of a file, one object per process: what one thread sends, another one's listener hears of."""
    with _SHARING:
        resolved = path.resolve()
        if resolved not in _shared:
            _shared[resolved] = SQLiteQueues(resolved)
        return _shared[resolved]


def _attributes(db: sqlite3.Connection, name: str) -> QueueAttributes:
    row = db.execute(
        "SELECT delay_seconds, retention_seconds, dead_letter_queue, max_receive_count FROM queues WHERE name = ?",
        (name,),
    ).fetchone()
    return QueueAttributes(*row) if row else QueueAttributes()


def _forget_expired(db: sqlite3.Connection, name: str, oldest: float) -> None:
    db.execute("DELETE FROM messages WHERE queue = ? AND sent_at <= ?", (name, oldest))


def _redrive(db: sqlite3.Connection, name: str, attributes: QueueAttributes, now: float) -> bool:
    """Whether anything went to the dead-letter queue. It keeps its age and count there, as in SQS."""
    if attributes.dead_letter_queue is None or attributes.max_receive_count is None:
        return False
    moved = db.execute(
        "UPDATE messages SET queue = ?, visible_at = ?, receipt = NULL "
        "WHERE queue = ? AND visible_at <= ? AND receive_count >= ?",
        (attributes.dead_letter_queue, now, name, now, attributes.max_receive_count),
    )
    return moved.rowcount > 0


def _take(db: sqlite3.Connection, message_id: str, now: float, visible_at: float) -> Message:
    receipt = str(uuid4())
    db.execute(
        "UPDATE messages SET receipt = ?, visible_at = ?, receive_count = receive_count + 1, "
        "first_received_at = COALESCE(first_received_at, ?) WHERE id = ?",
        (receipt, visible_at, now, message_id),
    )
    # As bytes: a body that somebody wrote into the file and that is no UTF-8 must not hold up all others.
    row = db.execute(
        "SELECT id, CAST(body AS BLOB), sent_at, first_received_at, receive_count, receipt FROM messages WHERE id = ?",
        (message_id,),
    ).fetchone()
    return Message(row[0], row[1].decode("utf-8", "replace"), *row[2:])
