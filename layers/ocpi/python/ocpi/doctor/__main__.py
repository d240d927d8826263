"""Check what must be true of everything in a store, and mend what can be mended safely.

    python -m ocpi.doctor sqlite:<path> [--repair]
    python -m ocpi.doctor dynamodb:<table> [--repair] [--rate UNITS] [--wait SECONDS]

Nothing needs to be stopped. Prints a line for each finding: what it is about, what is wrong, and what is to be done. No
line has a token or the uid of a card in it. With ``--repair`` what can be mended safely is: on the condition that it is
as it was read, so nothing that others write meanwhile is lost. Ends with 0 if nothing is wrong (any more), with 1 if
something is, and with 2 if it could not look.

A table is scanned: half a read capacity unit for each 4 kB of it, at most ``--rate`` of them a second. Counters cost as
much again (:mod:`ocpi.store.check_counters`).
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocpi.doctor.entry import Finding, Flaw, Shelf

CLEAN, FINDINGS, CANNOT_LOOK = 0, 1, 2
RATE = 200.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocpi.doctor", description="Check what a store holds.")
    parser.add_argument("store", help="dynamodb:<table> or sqlite:<path>")
    parser.add_argument("--repair", action="store_true", help="mend what can be mended safely")
    parser.add_argument("--rate", type=_positive, default=RATE, help=f"read capacity units a second ({RATE:g})")
    parser.add_argument("--wait", type=float, default=2, help="seconds before what looks wrong is read again (2)")
    chosen = parser.parse_args(arguments)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and --help does without

    try:
        with open_shelf(chosen.store, chosen.rate) as shelf:
            left = examine(chosen.store, shelf, chosen.wait, repair=chosen.repair)
    except (ValueError, OSError, sqlite3.Error, BotoCoreError, ClientError) as error:
        print(f"{chosen.store} cannot be looked at: {error}", file=sys.stderr)  # noqa: T201 - a command prints
        return CANNOT_LOOK
    return FINDINGS if left else CLEAN


@contextmanager
def open_shelf(where: str, rate: float) -> Iterator[Shelf]:
    """The store at ``sqlite:<path>`` or ``dynamodb:<table>``; raises :class:`ValueError` for others."""
    adapter, _, place = where.partition(":")
    if adapter == "sqlite" and Path(place).is_file():
        from ocpi.doctor.sqlite_shelf import SQLiteShelf  # noqa: PLC0415 - one of the two is needed

        with closing(SQLiteShelf(Path(place))) as shelf:
            yield shelf
    elif adapter == "dynamodb" and place:
        from ocpi.doctor.dynamodb_shelf import DynamoDBShelf  # noqa: PLC0415 - as above
        from ocpi.store.dynamodb import shared_client  # noqa: PLC0415 - as above

        yield DynamoDBShelf(place, shared_client(), rate)
    else:
        raise ValueError("a store is dynamodb:<table> or the sqlite:<path> of a file")


def examine(where: str, shelf: Shelf, wait: float, *, repair: bool) -> int:
    """Look at everything and say what is wrong; how much of it is left."""
    from ocpi.doctor.counters import CounterChecks  # noqa: PLC0415 - as above
    from ocpi.doctor.examination import Examination  # noqa: PLC0415 - as above

    told = [_as_a_whole(finding, repair=repair) for finding in shelf.flaws_as_a_whole()]
    examination = Examination(shelf, wait)
    for entry, flaws in examination.findings():
        rest = flaws
        if repair and any(flaw.repair is not None for flaw in flaws):
            rest = examination.mended(entry)
        left = {flaw.what for flaw in rest}
        told += [_told(entry.name, flaw, repaired=flaw.what not in left) for flaw in flaws]
        told += [_told(entry.name, flaw) for flaw in rest if flaw.what not in {known.what for known in flaws}]
    told += [_as_a_whole(finding, repair=repair) for finding in CounterChecks(shelf.counters, wait).findings()]
    print(f"{where}: {len(told)} findings, {sum(told)} left; {shelf.cost()} read")  # noqa: T201 - a command prints
    return sum(told)


def _as_a_whole(finding: Finding, *, repair: bool) -> int:
    flaw = finding.flaw
    return _told(finding.name, flaw, repaired=repair and flaw.repair is not None and flaw.repair())


def _told(name: str, flaw: Flaw, *, repaired: bool = False) -> int:
    """Say it; 1 if it is left."""
    safe = " (safe: --repair)" if flaw.repair is not None and not repaired else ""
    print(f"{name}: {flaw.what}; {'repaired' if repaired else flaw.remedy}{safe}")  # noqa: T201 - a command prints
    return 0 if repaired else 1


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("a rate is more than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
