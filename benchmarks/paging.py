"""What a page costs in collections of 1,000, 60,000 and 1,000,000 objects, wherever it begins and whatever it filters.

    python benchmarks/paging.py [--json FILE] [--sizes 1000,60000,1000000]

**DynamoDB** is not there: the adapter's own code runs against a table in memory (``tests/support/fake_dynamodb.py``)
that counts requests and charges for reads by DynamoDB's rules, items and index entries at their real sizes. Objects are
made up as they are asked for, and the counters are laid out as the function ``counters`` leaves those of a list that
only grew: that it counts right is for the tests to prove. What is shown is requests and read units of one page, and of
these what is beyond the page's own: beyond its documents, read consistently, and its entries in the index.

**SQLite** is the real thing, on a disk: objects are put into the file at once and counted by its migration's statement.
Shown is the median time of a page.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from ocpi.store.counter_tree import BOTTOM, MIDDLE, NodeId, packed, separator  # noqa: E402 - the path comes first
from ocpi.store.dynamodb import DynamoDBStore  # noqa: E402 - as above
from ocpi.store.dynamodb_counters import CountedList, State, node_key, state_key  # noqa: E402 - as above
from ocpi.store.port import Collection, PageQuery  # noqa: E402 - as above
from ocpi.store.sqlite import SQLiteStore  # noqa: E402 - as above
from ocpi.store.sqlite_counters import SQLiteCounters  # noqa: E402 - as above
from tests.support.fake_dynamodb import UNIT, FakeDynamoDB, size_of  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCATIONS = Collection("own", "locations")
PARTY = "NL-TNM"
DOCUMENT = "x" * 3000
LISTS = [
    (str(LOCATIONS), "created"),
    (str(LOCATIONS), "updated"),
    (f"{LOCATIONS}|{PARTY}", "addressed"),
    (f"{LOCATIONS}|{PARTY}", "updated"),
]
LIMIT = 50
SIZES = (1_000, 60_000, 1_000_000)
YEAR_S = 365 * 86_400
CHUNK, FANOUT = 75, 24
"""As splitting at the end of a list leaves them."""
REPEATS = 50


@dataclass(frozen=True)
class Objects:
    """``size`` objects, every third for one party, the others for everybody. ``tied``: imported with one timestamp."""

    size: int
    tied: bool

    def id(self, number: int) -> str:
        """In lower case, as keys have it."""
        return f"loc-{number:07d}"

    def created(self, number: int) -> str:
        """One every millisecond."""
        return f"2025-06-01T00:{number // 60_000:02d}:{number // 1000 % 60:02d}.{number % 1000 * 1000:06d}Z"

    def updated(self, number: int) -> str:
        """All over a year, or all at once."""
        if self.tied:
            return "2026-01-01T00:00:00Z"
        second = number * 7_919_993 % YEAR_S
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + second))

    def audience(self, number: int) -> str:
        """Who may see it."""
        return "*" if number % 3 else PARTY


class BigTable(FakeDynamoDB):
    """Lists of keys instead of items: what is in the items follows from the numbers of the objects."""

    def __init__(self, objects: Objects) -> None:
        super().__init__()
        self._objects = objects
        numbers = range(objects.size)
        collection = str(LOCATIONS)
        self._lists = {
            CountedList(where, order): sorted(
                f"{objects.updated(n) if order == 'updated' else objects.created(n)}#{objects.id(n)}"
                for n in (numbers if where == collection else range(0, objects.size, 3))
            )
            for where, order in LISTS
        }
        state = State(1, complete=True).item(collection)
        self.items[state_key(collection)] = state
        for counted, keys in self._lists.items():
            self._lay_out(counted, keys)

    def _lay_out(self, counted: CountedList, keys: Sequence[str]) -> None:
        """The nodes of a list's tree."""
        everybody = "|" not in counted.partition
        children = []
        for start in range(0, len(keys), CHUNK):
            low = separator(keys[start - 1], keys[start]) if start else ""
            chunk = keys[start : start + CHUNK]
            number = packed(len(chunk), sum(everybody and int(key[-7:]) % 3 > 0 for key in chunk))
            children.append((low, number))
        for level in (BOTTOM, MIDDLE):
            parts = [children[start : start + FANOUT] for start in range(0, len(children), FANOUT)]
            ends = [*(part[0][0] for part in parts[1:]), None]
            for part, end in zip(parts, ends, strict=True):
                self._node(counted, NodeId(level, part[0][0]), part, end if level == BOTTOM else None)
            children = [(part[0][0], sum(number for _, number in part)) for part in parts]
        self._node(counted, NodeId(0, ""), children, None)

    def _node(self, counted: CountedList, node: NodeId, children: list[tuple[str, int]], upper: str | None) -> None:
        key = node_key(counted, 1, node)
        numbers = {"structure": 1000, "changes": 1_000_000, **{f"={low}": number for low, number in children}}
        item: dict[str, Any] = {name: {"N": str(number)} for name, number in numbers.items()}
        item |= {"pk": {"S": key[0]}, "sk": {"S": key[1]}} | ({"upper": {"S": upper}} if upper else {})
        self.items[key] = item

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Objects are made up, anything else is there."""
        ((table, wanted),) = request["RequestItems"].items()
        if not wanted["Keys"][0]["pk"]["S"].startswith("OBJECT#"):
            return super().batch_get_item(**request)
        self.calls["BatchGetItem"] += 1
        items = [self._item(key["pk"]["S"]) for key in wanted["Keys"]]
        for item in items:
            self._charge(size_of(item), consistent=True)
        return {"Responses": {table: items}, "UnprocessedKeys": {}}

    def _item(self, pk: str) -> dict[str, Any]:
        number, objects = int(pk[-7:]), self._objects
        values = {
            "pk": pk,
            "sk": "OBJECT",
            "collection": str(LOCATIONS),
            "id": objects.id(number).upper(),
            "version": "2.1.1",
            "document": DOCUMENT,
            "last_updated": objects.updated(number),
            "created": objects.created(number),
            "received": objects.created(number),
            "created_key": f"{objects.created(number)}#{objects.id(number)}",
            "updated_key": f"{objects.updated(number)}#{objects.id(number)}",
            "write_id": "0" * 32,
            "audience": objects.audience(number),
        }
        return {name: {"S": value} for name, value in values.items()}

    def query(self, **request: Any) -> dict[str, Any]:
        """Of the lists."""
        self.calls["Query"] += 1
        values, index = request["ExpressionAttributeValues"], request["IndexName"]
        partition = values[":partition"]["S"]
        order = "updated" if index.endswith("updated") else "addressed" if "|" in partition else "created"
        keys = self._lists[CountedList(partition, order)]
        after = request.get("ExclusiveStartKey")
        start = bisect_left(keys, after[f"{order}_key"]["S"] + "\0" if after else values[":low"]["S"])
        end = bisect_left(keys, values[":high"]["S"])
        last = min(start + request.get("Limit", 10**9), start + 1_000_000 // self.entry_size(), end)
        self._charge(max(0, last - start) * self.entry_size(), consistent=False)
        found = keys[start:last]
        if ":audience" in values:
            found = [key for key in found if int(key[-7:]) % 3]
        answer: dict[str, Any] = {"Count": len(found)}
        if request.get("Select") != "COUNT":
            answer["Items"] = [
                {"pk": {"S": f"OBJECT#{LOCATIONS}#{key[-11:]}"}, f"{order}_key": {"S": key}} for key in found
            ]
        if last < end:
            answer["LastEvaluatedKey"] = {f"{order}_key": {"S": keys[last - 1]}}
        return answer

    def entry_size(self) -> int:
        """Bytes of an entry of an index."""
        entry = {
            "pk": f"OBJECT#{LOCATIONS}#{self._objects.id(0)}",
            "sk": "OBJECT",
            "collection": str(LOCATIONS),
            "created_key": f"{self._objects.created(0)}#{self._objects.id(0)}",
            "audience": PARTY,
        }
        return size_of({name: {"S": value} for name, value in entry.items()})

    def own_units(self, documents: int, audience: str | None) -> float:
        """What a page costs by itself: its documents, and its entries and one more."""
        share = 3 / 2 if audience == "*" else 1
        entries = (documents + 1) * share * self.entry_size()
        document = size_of(self._item(f"OBJECT#{LOCATIONS}#{self._objects.id(0)}"))
        return documents * -(-document // UNIT) + -(-entries // UNIT) * 0.5


def queries(size: int) -> dict[str, PageQuery]:
    """Pages at every place, with every filter, by what they are called in the output."""
    created = PageQuery(LOCATIONS, LIMIT)
    updated = replace(created, order="last_updated")
    start, middle, end = "2026-01-01T00:00:00Z", "2026-06-15T12:34:56Z", "2027-01-01T00:00:00Z"
    both = replace(updated, updated_from="2026-03-01T00:00:00Z", updated_to="2026-11-11T11:11:11Z")
    return {
        "first": created,
        "offset in the middle": replace(created, offset=size // 2),
        "offset at the end": replace(created, offset=size - LIMIT),
        "offset beyond the end": replace(created, offset=size * 2),
        "date_from": replace(updated, updated_from=middle),
        "date_from all": replace(updated, updated_from=start, offset=size // 2),
        "date_from, offset": replace(updated, updated_from="2026-03-01T00:00:00Z", offset=size // 3),
        "date_to, offset": replace(updated, updated_to=end, offset=size // 3),
        "both, offset": replace(both, offset=size // 4),
        "one party, offset": replace(created, audience=PARTY, offset=size // 4),
        "one party, both, offset": replace(both, audience=PARTY, offset=size // 8),
        "everybody, offset": replace(created, audience="*", offset=size // 4),
    }


def dynamodb(size: int, *, tied: bool) -> Iterator[dict[str, Any]]:
    table = BigTable(Objects(size, tied))
    client: Any = table
    store = DynamoDBStore("table", client)
    pages = queries(size)
    position = store.objects.page(pages["offset in the middle"]).next
    pages["Link"] = replace(pages["first"], after=position)
    for name, query in pages.items():
        table.calls.clear()
        table.read_units = 0
        page = store.objects.page(query)
        own = table.own_units(len(page.documents), query.audience)
        yield {
            "store": "dynamodb, simulated" + (", one timestamp" if tied else ""),
            "objects": size,
            "page": name,
            "total": page.total,
            "calls": table.calls.total(),
            "read_units": table.read_units,
            "beyond_the_page": table.read_units - own,
        }


def sqlite(size: int) -> Iterator[dict[str, Any]]:
    objects = Objects(size, tied=False)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "ocpi.db")
        with store._database.writing(durable=False) as db:  # noqa: SLF001 - a million puts would take ten minutes
            db.executemany(
                "INSERT INTO objects (collection, folded_id, id, version, document, last_updated, audience, revision,"
                " created, received, findings, addressed_key) VALUES (?, ?, ?, '2.1.1', ?, ?, ?, 1, ?, ?, '[]', ?)",
                (_row(objects, number) for number in range(size)),
            )
        counters = SQLiteCounters(store._database)  # noqa: SLF001 - as above
        counters.rebuild(str(LOCATIONS))
        for name, query in queries(size).items():
            times = []
            for _ in range(REPEATS):
                begin = time.perf_counter()
                page = store.objects.page(query)
                times.append(time.perf_counter() - begin)
            milliseconds = statistics.median(times) * 1000
            yield {"store": "sqlite", "objects": size, "page": name, "total": page.total, "ms": round(milliseconds, 3)}
        store.close()


def _row(objects: Objects, number: int) -> tuple[str | None, ...]:
    name, created, audience = objects.id(number), objects.created(number), objects.audience(number)
    addressed = f"{created}#{name}" if audience == PARTY else None
    document = DOCUMENT[:500]  # a file of 1 GB instead of 4: the documents of a page are read one by one anyway
    last_updated = objects.updated(number)
    return (str(LOCATIONS), name, name, document, last_updated, audience, created, created, addressed)


def measure(sizes: Sequence[int] = SIZES) -> Iterator[dict[str, Any]]:
    """A row for each store, size and page."""
    for size in sizes:
        yield from dynamodb(size, tied=False)
        yield from dynamodb(size, tied=True)
        yield from sqlite(size)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a page costs by the size of its collection.")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    chosen = parser.parse_args()
    rows = []
    for row in measure([int(size) for size in chosen.sizes.split(",")]):
        rows.append(row)
        cost = (
            f"{row['ms']:8.3f} ms"
            if "ms" in row
            else (
                f"{row['calls']:3} calls {row['read_units']:6.1f} read units, {row['beyond_the_page']:4.1f} not its own"
            )
        )
        print(f"{row['store']:36} {row['objects']:>9,} {row['page']:24} {row['total']:>9,}  {cost}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
