"""What a page costs in collections of 1,000, 60,000 and 1,000,000 objects, wherever it begins and whatever it filters.

    python benchmarks/paging.py [--quick] [--json FILE] [--sizes 1000,60000,1000000] [--sqlite-sizes …]

**DynamoDB** is not there: the adapter's own code runs against a table in memory (``tests/support/big_table.py``) that
counts requests and charges for reads by DynamoDB's rules, items and index entries at their real sizes. That the
counters count right is for the tests to prove. What is shown is requests and read units of one page, and of these what
is beyond the page's own: beyond its documents, read consistently, and its entries in the index.

**SQLite** is the real thing, on a disk: objects are put into the file at once and counted by its migration's statement.
Shown is the median time of a page, which the load of the machine disturbs: the ratio to a page of the smallest
collection is what counts. ``--quick`` stops at 50,000 objects in SQLite, and
leaves out one mix of audiences.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from report import Curve, Figure, Report  # noqa: E402 - as above

from ocpi.store.dynamodb import DynamoDBStore  # noqa: E402 - as above
from ocpi.store.port import PageQuery  # noqa: E402 - as above
from ocpi.store.sqlite import SQLiteStore  # noqa: E402 - as above
from ocpi.store.sqlite_counters import SQLiteCounters  # noqa: E402 - as above
from tests.support.big_table import DOCUMENT, LOCATIONS, MIXES, PARTY, BigTable, Objects  # noqa: E402 - the path comes first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 50
SIZES = (1_000, 60_000, 1_000_000)
QUICK_SQLITE = (1_000, 10_000, 50_000)
REPEATS = 50
OFFSETS = 12
START, END = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
CURVED = {"first page": "first", "offset in the middle": "offset in the middle", "both dates, offset": "both, offset"}
"""Pages whose growth is drawn, by what they are called there."""


@dataclass(frozen=True)
class Row:
    """One page. ``cost`` is read units in DynamoDB, of which ``beyond`` are not its own; in SQLite milliseconds."""

    store: str
    kind: str
    objects: int
    page: str
    query: PageQuery
    total: int
    cost: float
    calls: int = 0
    beyond: float = 0.0


def queries(size: int) -> dict[str, PageQuery]:
    """Pages at every place, with every filter, by what they are called in the output."""
    created = PageQuery(LOCATIONS, LIMIT)
    updated = replace(created, order="last_updated")
    both = replace(updated, updated_from="2026-03-01T00:00:00Z", updated_to="2026-11-11T11:11:11Z")
    pages = {
        "first": created,
        "offset in the middle": replace(created, offset=size // 2),
        "offset at the end": replace(created, offset=size - LIMIT),
        "offset beyond the end": replace(created, offset=size * 2),
        "date_from": replace(updated, updated_from="2026-06-15T12:34:56Z"),
        "date_from all": replace(updated, updated_from=START, offset=size // 2),
        "date_from, offset": replace(updated, updated_from="2026-03-01T00:00:00Z", offset=size // 3),
        "date_to, offset": replace(updated, updated_to=END, offset=size // 3),
        "both, offset": replace(both, offset=size // 4),
    }
    for name, audience in (("one party", PARTY), ("everybody", "*")):
        pages[f"{name}, first"] = replace(created, audience=audience)
        pages[f"{name}, offset"] = replace(created, audience=audience, offset=size // 200)
        pages[f"{name}, both, offset"] = replace(both, audience=audience, offset=size // 400)
    return pages


def read(table: BigTable, name: str, query: PageQuery, objects: Objects) -> Row:
    """One page of a simulated table."""
    client: Any = table
    table.calls.clear()
    table.read_units = 0
    page = DynamoDBStore("table", client).objects.page(query)
    calls, units = table.calls.total(), table.read_units
    kind = f"{objects.mix}{', one timestamp' if objects.tied else ''}"
    own = table.own_units(len(page.documents))
    return Row("dynamodb, simulated", kind, objects.size, name, query, page.total, units, calls, units - own)


def dynamodb(size: int, mixes: Sequence[str]) -> Iterator[Row]:
    """Pages of every mix of audiences; of the first with one timestamp as well, and over offsets and filters."""
    for position, mix in enumerate(mixes):
        for tied in (False, True) if position == 0 else (False,):
            objects = Objects(size, tied, mix)
            table = BigTable(objects)
            for name, query in queries(size).items():
                yield read(table, name, query, objects)
            if not tied and position == 0:
                for step in range(OFFSETS):
                    offset = size * step // OFFSETS
                    yield read(table, "over offset", PageQuery(LOCATIONS, LIMIT, offset), objects)
                    until = f"2026-{step + 1:02d}-28T00:00:00Z"
                    filtered = PageQuery(LOCATIONS, LIMIT, size // 100, order="last_updated", updated_to=until)
                    yield read(table, "over filter", replace(filtered, updated_from=START), objects)


def sqlite(size: int) -> Iterator[Row]:
    """The same pages of a file."""
    objects = Objects(size)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "ocpi.db")
        with store._database.writing(durable=False) as db:  # noqa: SLF001 - a million puts would take ten minutes
            db.executemany(
                "INSERT INTO objects (collection, folded_id, id, version, document, last_updated, audience, revision,"
                " created, received, findings, addressed_key) VALUES (?, ?, ?, '2.1.1', ?, ?, ?, 1, ?, ?, '[]', ?)",
                (_row(objects, number) for number in range(size)),
            )
        SQLiteCounters(store._database).rebuild(str(LOCATIONS))  # noqa: SLF001 - as above
        for name, query in queries(size).items():
            times = []
            for _ in range(REPEATS):
                begin = time.perf_counter()
                page = store.objects.page(query)
                times.append(time.perf_counter() - begin)
            yield Row("sqlite", objects.mix, size, name, query, page.total, statistics.median(times) * 1000)
        store.close()


def _row(objects: Objects, number: int) -> tuple[str | None, ...]:
    name, created, audience = objects.id(number), objects.created(number), objects.audience(number)
    addressed = f"{created}#{name}" if audience == PARTY else None
    document = DOCUMENT[:500]  # a file of 1 GB instead of 4: the documents of a page are read one by one anyway
    last_updated = objects.updated(number)
    return (str(LOCATIONS), name, name, document, last_updated, audience, created, created, addressed)


def reported(rows: Sequence[Row]) -> Report:
    """As ``make bench`` takes it."""
    simulated = [row for row in rows if row.store != "sqlite"]
    files = [row for row in rows if row.store == "sqlite"]
    sizes, file_sizes = sorted({row.objects for row in simulated}), sorted({row.objects for row in files})
    figures = []
    for size in sizes:
        found = [row for row in simulated if row.objects == size]
        figures += [
            Figure(
                f"most requests for a page of {size:,} objects", max(row.calls for row in found), "requests", aim="20"
            ),
            Figure(
                f"most read units for a page of {size:,} objects, beyond its own",
                max(row.beyond for row in found),
                "read units",
                aim="at most 15",
            ),
        ]
    for label, page in CURVED.items():
        times = {row.objects: row.cost for row in files if row.page == page}
        figures.append(
            Figure(
                f"SQLite, {label}, {file_sizes[-1]:,} objects",
                round(times[file_sizes[-1]], 3),
                "ms",
                ratio=round(times[file_sizes[-1]] / times[file_sizes[0]], 2),
                baseline=f"the same of {file_sizes[0]:,} objects",
            )
        )
    notes = [
        "DynamoDB is simulated: requests and read units are counted by its rules, not measured.",
        "A chunk has up to 100 keys: within one a page may cost up to 2.5 read units more or less than beside it.",
        "SQLite's times are those of a shared machine.",
    ]
    return Report("paging", figures, [*dynamodb_curves(simulated), *sqlite_curves(files)], notes)


def dynamodb_curves(rows: Sequence[Row]) -> Iterator[Curve]:
    """Over the size of a collection, and in the largest over offset and filter."""
    sizes = sorted({row.objects for row in rows})
    series: dict[str, list[tuple[float, float]]] = {}
    for size in sizes:
        found = [row for row in rows if row.objects == size]
        series.setdefault("most requests", []).append((size, max(row.calls for row in found)))
        series.setdefault("most read units beyond the page's own", []).append((size, max(row.beyond for row in found)))
    yield Curve("A page in DynamoDB, whichever it is", "objects", "of a page", series, x_scale="log")
    largest = [row for row in rows if row.objects == sizes[-1] and row.kind == next(iter(MIXES))]
    for title, x in (("offset", "offset"), ("filter", "objects that match the filter")):
        found = [row for row in largest if row.page == f"over {title}"]
        at = [row.query.offset if title == "offset" else row.total for row in found]
        yield Curve(
            f"A page of {sizes[-1]:,} objects in DynamoDB, over {title}",
            x,
            "of a page",
            {
                "requests": [(where, row.calls) for where, row in zip(at, found, strict=True)],
                "read units": [(where, row.cost) for where, row in zip(at, found, strict=True)],
                "read units beyond its own": [(where, row.beyond) for where, row in zip(at, found, strict=True)],
            },
        )


def sqlite_curves(rows: Sequence[Row]) -> Iterator[Curve]:
    """Over the size of a collection."""
    series: dict[str, list[tuple[float, float]]] = {
        label: [(row.objects, round(row.cost, 3)) for row in rows if row.page == page] for label, page in CURVED.items()
    }
    yield Curve(f"A page of {LIMIT} in SQLite", "objects", "ms", series, x_scale="log")


def measure(sizes: Sequence[int], mixes: Sequence[str], sqlite_sizes: Sequence[int]) -> Iterator[Row]:
    """A row for each store, size and page."""
    for size in sizes:
        yield from dynamodb(size, mixes)
    for size in sqlite_sizes:
        yield from sqlite(size)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a page costs by the size of its collection.")
    parser.add_argument("--json", type=Path, help="write the report there")
    parser.add_argument(
        "--quick", action="store_true", help="SQLite up to 50,000 objects only, and one mix of audiences less"
    )
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="simulated, in DynamoDB")
    parser.add_argument("--sqlite-sizes", type=_numbers, default=None)
    chosen = parser.parse_args()
    rows = []
    mixes, sqlite_sizes = (list(MIXES)[:2], QUICK_SQLITE) if chosen.quick else (list(MIXES), SIZES)
    for row in measure(chosen.sizes, mixes, chosen.sqlite_sizes or sqlite_sizes):
        rows.append(row)
        cost = f"{row.cost:8.3f} ms"
        if row.store != "sqlite":
            cost = f"{row.calls:3} requests {row.cost:6.1f} read units, {row.beyond:4.1f} not its own"
        print(f"{row.store:20} {row.kind:38} {row.objects:>9,} {row.page:24} {row.total:>9,}  {cost}", flush=True)
    if chosen.json:
        reported(rows).write(chosen.json)


if __name__ == "__main__":
    main()
