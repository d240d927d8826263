"""How a stream and a queue hand over what they hold: in AWS not in the order in which it came, nor once.

A stream has shards. Within one the order is kept, and what has one key is in one; between them it is not. A batch ends
anywhere, what fails comes again from the failure on, and what went well may come again as well
(https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html). A queue delivers at least once, in any order, and late
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import sqlite3

SHARDS = 3
LONGEST_DELAY_SECONDS = 900.0
AGAIN = "-again"
MOST_RECEIVED = 2
"""A batch whose end is not heard of is received again; not so often that a message is given up for it."""


@dataclass
class Roughness:
    """How likely each of it is; 0: one batch after the other, each once and in order."""

    random: Random = field(default_factory=lambda: Random(0))
    strength: float = 0.0
    count: Counter[str] = field(default_factory=Counter)

    def strikes(self, name: str) -> bool:
        if self.random.random() >= self.strength:
            return False
        self.count[name] += 1
        return True


@dataclass
class Shards:
    """A stream's changes that nobody has taken to the end."""

    rough: Roughness
    _waiting: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(SHARDS)])

    def __len__(self) -> int:
        return sum(map(len, self._waiting))

    def clear(self) -> None:
        self._waiting = [[] for _ in range(SHARDS)]

    def add(self, changes: list[Any]) -> None:
        for change in changes:
            self._waiting[crc32(f"{change.collection}/{change.id}".encode()) % SHARDS].append(change)

    def batch(self, most: int) -> list[Any]:
        """What a function gets next; empty if nothing waits."""
        filled = [shard for shard in self._waiting if shard]
        if not filled:
            return []
        shard = self.rough.random.choice(filled) if self.rough.strikes("stream: another shard first") else filled[0]
        if self.rough.strikes("stream: a batch ends early"):
            most = self.rough.random.randint(1, min(most, len(shard)))
        return shard[:most]

    def done(self, batch: list[Any], first_failed: int | None) -> None:
        """All before what failed has gone well; some of it comes once more."""
        (shard,) = [shard for shard in self._waiting if shard and shard[0] is batch[0]]
        done = len(batch) if first_failed is None else first_failed
        if done and self.rough.strikes("stream: records come again"):
            done = self.rough.random.randrange(done)
        del shard[:done]


def shake(queues: sqlite3.Connection, name: str, now: float, rough: Roughness) -> None:
    """Double a message of a queue, or keep one back for long."""
    waiting = "SELECT id FROM messages WHERE queue = ? AND receive_count = 0 AND visible_at <= ? AND id NOT LIKE ?"
    rows = queues.execute(f"{waiting} ORDER BY sent_at, id", (name, now, f"%{AGAIN}")).fetchall()
    if not rows:
        return
    ((message_id,),) = rough.random.choices(rows)
    if rough.strikes("queue: a message comes twice"):
        # Once: it is asked for many times, and its copies would become more than are taken.
        queues.execute(
            "INSERT OR IGNORE INTO messages SELECT id || ?, queue, body, sent_at, visible_at, 0, NULL, NULL"
            " FROM messages WHERE id = ?",
            (AGAIN, message_id),
        )
    if rough.strikes("queue: a message is late"):
        until = now + rough.random.uniform(1, LONGEST_DELAY_SECONDS)
        queues.execute("UPDATE messages SET visible_at = ? WHERE id = ?", (until, message_id))


def mixed(messages: list[Any], rough: Roughness) -> list[Any]:
    """Of one batch, in any order."""
    if len(messages) > 1 and rough.strikes("queue: messages change places"):
        rough.random.shuffle(messages)
    return messages


def not_heard_of(messages: list[Any], rough: Roughness) -> bool:
    """Whether a batch comes again although it went well."""
    seldom = max(message.receive_count for message in messages) <= MOST_RECEIVED
    return seldom and rough.strikes("queue: the end of a batch is not heard of")
