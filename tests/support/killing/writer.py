"""Writes to a SQLite store until it is killed, and tells on standard output of each write that was acknowledged.

    python writer.py FILE SEED

Two threads write, each to objects of its own. A line is ``<what> <name> <revision>``, with revision 0 for what was
deleted; a write that is not told of may have happened or not, and of each thread that is one at most.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from ocpi.objects.documents import draft  # noqa: E402 - the path comes first
from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState  # noqa: E402 - as above
from ocpi.store.exchanges import Exchange  # noqa: E402 - as above
from ocpi.store.port import Collection, Key, Partner, PartnerChange, PartnerStatus, Write  # noqa: E402 - as above
from ocpi.store.sqlite import SQLiteStore  # noqa: E402 - as above
from ocpi.times import now_precise, now_wire  # noqa: E402 - as above
from tests.support.party import fixture  # noqa: E402 - as above

if TYPE_CHECKING:
    from ocpi.store.port import Draft

NAMES = 120
"""Objects of each thread: few enough to be updated and deleted again and again."""
THEN = "2026-01-01T00:00:00.000000Z"
LOCATION = fixture("location_min")


class Writer:
    """One thread's writes. Everything of it begins with ``name``."""

    def __init__(self, store: SQLiteStore, name: str, chance: random.Random) -> None:
        self._store, self._name, self._chance = store, name, chance
        self._exchanges = 0

    def write(self) -> None:
        """Any write."""
        kinds = (self._put, self._put, self._put_many, self._delete, self._delivery, self._channel, self._exchange)
        self._chance.choice(kinds)()

    def partner(self) -> None:
        """The partner that deliveries are to, if there is none yet."""
        partner_id = f"p-{self._name}"
        if self._store.partners.get(partner_id) is None:
            suspended = Partner(partner_id, "EMSP", partner_id, PartnerStatus.INVITED, now_wire(), grants=(partner_id,))
            self._store.partners.save(PartnerChange(suspended, expected=None))

    def _key(self) -> Key:
        return Key(Collection("own", "locations"), f"{self._name}-{self._chance.randrange(NAMES)}")

    def _draft(self, key: Key) -> Draft:
        name = f"Changed {self._chance.random()}"
        return draft("2.1.1", {**LOCATION, "id": key.id, "name": name, "last_updated": now_wire()}, audience="*")

    def _put(self) -> None:
        key = self._key()
        record = self._store.objects.get(key)
        written = self._store.objects.put(key, self._draft(key), expected=record.revision if record else None)
        say("object", key.id, written.revision)

    def _put_many(self) -> None:
        keys = {self._key() for _ in range(10)}
        known = dict(zip(keys, self._store.objects.get_many(list(keys)), strict=True))
        writes = [Write(key, self._draft(key), record.revision if record else None) for key, record in known.items()]
        for key, written in zip(known, self._store.objects.put_many(writes), strict=True):
            assert not isinstance(written, Exception)
            say("object", key.id, written.revision)

    def _delete(self) -> None:
        key = self._key()
        record = self._store.objects.get(key)
        if record is not None:
            self._store.objects.delete(key, expected=record.revision)
            say("object", key.id, 0)

    def _delivery(self) -> None:
        key = DeliveryKey(f"p-{self._name}", "tariffs", f"t-{self._chance.randrange(20)}")
        (known,) = self._store.deliveries.get_many([key])
        state = known or Delivery(key, DeliveryState.PENDING, THEN, due=THEN)
        (written,) = self._store.deliveries.put_many([replace(state, attempts=state.attempts + 1)])
        assert isinstance(written, Delivery)
        say("delivery", f"{key.partner_id}/{key.object_id}", written.revision)

    def _channel(self) -> None:
        channel = self._store.channels.get(f"p-{self._name}")
        say("channel", channel.partner_id, self._store.channels.put(replace(channel, taken_at=now_precise())).revision)

    def _exchange(self) -> None:
        self._exchanges += 1
        name = f"{os.getpid()}-{self._name}-{self._exchanges}"
        exchange = Exchange(now_precise(), "-", "in", "GET", "/ocpi", 200, 1000, 1, name)
        self._store.exchanges.append([exchange], days=1)
        say("exchange", name, 1)


def say(what: str, name: str, revision: int) -> None:
    """A line at once and whole: less than a pipe takes in one piece."""
    os.write(1, f"{what} {name} {revision}\n".encode())


def main() -> None:
    """Write until killed."""
    store, seed = SQLiteStore(Path(sys.argv[1])), int(sys.argv[2])

    def run(name: str) -> None:
        writer = Writer(store, name, random.Random(f"{seed} {name}"))
        writer.partner()
        while True:
            writer.write()

    for name in ("a", "b"):
        threading.Thread(target=run, args=(name,)).start()


if __name__ == "__main__":
    main()
