"""Whether we were down: upkeep, which runs each minute, notes when it did.

Source: OCPI 2.1.1 section 3.3. What partners pushed meanwhile is not queued at them: it has to be fetched (TF-60).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.store.port import Collection, Draft, Key
from ocpi.store.update import update
from ocpi.times import normalise, parse_instant
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

LAST_RUN = Key(Collection("jobs", "upkeep"), "last-run")
OUTAGE = timedelta(minutes=6)
"""Upkeep that did not run for longer was down, and not just late."""


def was_down(objects: Objects, now: str) -> bool:
    """Whether there was an outage that ends at ``now``."""
    record = objects.get(LAST_RUN)
    return record is not None and parse_instant(now) - parse_instant(strict_json.read(record.document)) > OUTAGE


def note_run(objects: Objects, now: str) -> None:
    """Remember that upkeep ran, and did what an outage asks for."""

    def noted(record: Record | None) -> Draft | None:
        at = normalise(now)
        if record is not None and strict_json.read(record.document) >= at:
            return None
        return Draft(VERSION, strict_json.write(at), last_updated="2000-01-01T00:00:00Z")

    update(objects, LAST_RUN, noted)
