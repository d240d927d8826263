"""Kills a process that writes to a SQLite store, again and again, and looks at what is left."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ocpi.doctor.__main__ import main as doctor

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("writer.py")
LONGEST_SECONDS = 0.8
"""After the first write that was acknowledged."""
START_SECONDS = 60.0
THREADS = 2
IN_A_TRANSACTION = 10
"""Objects that the writer writes at once: so many may be further than it has told of, for each of its threads."""
STATES = {
    "object": "SELECT id, revision FROM objects",
    "delivery": "SELECT partner_id || '/' || object_id, revision FROM deliveries",
    "channel": "SELECT partner_id, revision FROM channels",
    "exchange": "SELECT json_extract(document, '$.correlation_id'), 1 FROM exchanges",
}


@dataclass
class Killing:
    """Rounds over one file. ``lost`` and ``damage`` say what must not be."""

    path: Path
    chance: random.Random
    rounds: int = 0
    while_starting: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    """Writes that had happened though nobody was told."""
    lost: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def round(self) -> None:
        """Start the writer, kill it, and look at what is left."""
        self.rounds += 1
        told = self._kill_one(while_starting=self.chance.random() < 0.1)
        self.acknowledged += len(told)
        for what, name, revision in told:
            self._known[what, name] = revision
        if self.path.exists():
            self._look()

    def _kill_one(self, *, while_starting: bool) -> list[tuple[str, str, int]]:
        command = [sys.executable, str(WRITER), str(self.path), str(self.chance.randrange(2**32))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            if while_starting:
                self.while_starting += 1
                output = _read_for(process.stdout.fileno(), self.chance.uniform(0.05, 1.0))
            else:
                output = _first(process.stdout.fileno())
                output += _read_for(process.stdout.fileno(), self.chance.uniform(0, LONGEST_SECONDS))
            process.send_signal(signal.SIGKILL)
            output += process.stdout.read()
            if errors := process.stderr.read():
                self.damage.append(f"round {self.rounds}: {errors.decode(errors='replace')[-500:]}")
        return list(_lines(output))

    def _look(self) -> None:
        with closing(sqlite3.connect(self.path)) as db:
            if [row for (row,) in db.execute("PRAGMA integrity_check") if row != "ok"]:
                self.damage.append(f"round {self.rounds}: integrity_check")
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
            if "failures" not in tables:
                return  # killed before the first migration was done
            now = {(what, name): revision for what, query in STATES.items() for name, revision in db.execute(query)}
        self._compare(now)
        self._known = now
        with contextlib.redirect_stdout(io.StringIO()) as output:
            if doctor([f"sqlite:{self.path}", "--wait", "0"]):
                self.damage.append(f"round {self.rounds}: {output.getvalue()}")

    def _compare(self, now: dict[tuple[str, str], int]) -> None:
        """What is there is what was told of last, or one write further: the one that each thread was at."""
        further = 0
        for entry in self._known.keys() | now.keys():
            told, found = self._known.get(entry, 0), now.get(entry, 0)
            if found == told:
                continue
            further += 1
            # One more write: made (1), changed (one more), or deleted (none), of which a deletion was told as 0.
            if found not in (told + 1, 0) or (found == 0 and entry[0] != "object"):
                self.lost.append(f"round {self.rounds}: {entry} was told at {told}, and is at {found}")
        if further > THREADS * IN_A_TRANSACTION:
            self.lost.append(f"round {self.rounds}: {further} are not as they were told")
        self.unacknowledged += further


def _first(pipe: int) -> bytes:
    ready, _, _ = select.select([pipe], [], [], START_SECONDS)
    return os.read(pipe, 65_536) if ready else b""


def _read_for(pipe: int, seconds: float) -> bytes:
    """All that comes within so many seconds: a full pipe would have the writer wait."""
    output, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([pipe], [], [], left)
        if ready:
            read = os.read(pipe, 65_536)
            if not read:
                break
            output += read
    return output


def _lines(output: bytes) -> Iterator[tuple[str, str, int]]:
    for line in output.decode().splitlines():
        what, name, revision = line.split()
        yield what, name, int(revision)
