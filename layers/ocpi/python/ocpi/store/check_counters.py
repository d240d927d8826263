"""Prove the counters of a store against a count of what is in it, and build them anew where they are wrong.

    python -m ocpi.store.check_counters dynamodb:<table> [--repair] [--wait SECONDS] [COLLECTION ...]
    python -m ocpi.store.check_counters sqlite:<path> [--repair] [COLLECTION ...]

Without collections (such as ``own/locations``) all that have objects are looked at. Every object is read: in DynamoDB
its keys at the price of the whole item. Nothing needs to be stopped. What is written meanwhile may be in the table and
not in the counters yet, so what looks wrong is looked at again after ``--wait`` seconds, three times in all. Ends with
1 if something is wrong and stays so.

A table from before there were counters is walked page by page until this was run with ``--repair``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKS = 3


class Counters(Protocol):
    """What each adapter has for this."""

    def collections(self) -> list[str]:
        """The collections that are counted."""

    def check(self, collection: str) -> list[str]:
        """What is wrong with the counters of a collection, in sentences."""

    def rebuild(self, collection: str) -> None:
        """Count a collection anew."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocpi.store.check_counters")
    parser.add_argument("store", help="dynamodb:<table> or sqlite:<path>")
    parser.add_argument("collections", nargs="*", metavar="collection")
    parser.add_argument("--repair", action="store_true", help="build wrong counters anew")
    parser.add_argument("--wait", type=float, default=5, help="seconds between looks (default: 5)")
    chosen = parser.parse_intermixed_args(arguments)
    try:
        counters = open_counters(chosen.store)
    except ValueError as error:
        parser.error(str(error))
    wrong = [
        collection
        for collection in chosen.collections or counters.collections()
        if not _see_to(counters, collection, chosen.wait, repair=chosen.repair)
    ]
    return 1 if wrong else 0


def open_counters(where: str) -> Counters:
    """The counters of the store at ``sqlite:<path>`` or ``dynamodb:<table>``; raises :class:`ValueError` for others."""
    adapter, _, place = where.partition(":")
    if adapter == "sqlite" and Path(place).is_file():
        import sqlite3  # noqa: PLC0415 - one of the two is needed

        from ocpi.store.sqlite_counters import SQLiteCounters  # noqa: PLC0415 - as above
        from ocpi.store.sqlite_database import Database  # noqa: PLC0415 - as above

        try:
            return SQLiteCounters(Database(Path(place)))
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{where!r} cannot be looked at: {error}") from error
    if adapter == "dynamodb" and place:
        from ocpi.store.dynamodb import shared_client  # noqa: PLC0415 - as above
        from ocpi.store.dynamodb_counters_check import DynamoDBCounters  # noqa: PLC0415 - as above

        return DynamoDBCounters(shared_client(), place)
    raise ValueError(f"{where!r} is neither dynamodb:<table> nor the sqlite:<path> of a file")


def _see_to(counters: Counters, collection: str, wait: float, *, repair: bool) -> bool:
    """Whether a collection is counted right in the end."""
    wrong = _look(counters, collection, wait)
    _say(collection, wrong)
    if wrong and repair:
        counters.rebuild(collection)
        wrong = _look(counters, collection, wait)
        _say(f"{collection}, built anew", wrong)
    return not wrong


def _look(counters: Counters, collection: str, wait: float) -> list[str]:
    wrong = counters.check(collection)
    for _ in range(LOOKS - 1):
        if not wrong:
            break
        time.sleep(wait)
        wrong = counters.check(collection)
    return wrong


def _say(what: str, wrong: list[str]) -> None:
    print(f"{what}: {f'{len(wrong)} findings' if wrong else 'exact'}")  # noqa: T201 - a command prints
    for finding in wrong[:20]:
        print(f"  {finding}")  # noqa: T201 - as above


if __name__ == "__main__":
    sys.exit(main())
