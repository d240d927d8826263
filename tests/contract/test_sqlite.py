"""What only the SQLite file does: it outlives its process, and belongs to one user."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from ocpi.sqlite_file import SQLiteFile
from ocpi.store.deliveries import DeliveryState
from ocpi.store.port import Collection, Page, PageQuery, Partner, PartnerChange, PartnerStatus, Write
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import SQLiteCounters
from ocpi.store.sqlite_database import MIGRATIONS
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Callable

LAYER = Path(__file__).parents[2] / "layers" / "ocpi" / "python"
WRITER = """
import sys
from pathlib import Path
from ocpi.store.port import Collection, Draft, Key
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import SQLiteCounters

objects = SQLiteStore(Path(sys.argv[1])).objects
number = 0
while True:
    number += 1
    objects.put(Key(Collection("own", "locations"), f"L{number}"), Draft("2.1.1", "x" * 3000, "", None), expected=None)
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "ocpi.sqlite"


def test_every_acknowledged_write_outlives_a_killed_process(path: Path) -> None:
    for life in range(1, 4):
        acknowledged = _write_and_be_killed(path.with_name(f"{life}.sqlite"), after=40 * life)
        store = SQLiteStore(path.with_name(f"{life}.sqlite"))
        found = store.objects.get_many([key(f"L{number}") for number in range(1, acknowledged + 1)])
        assert acknowledged >= 40 * life
        assert all(record and record.document == "x" * 3000 for record in found)
        # One more may have been on the disk and not yet acknowledged; it is whole, and counted.
        assert store.objects.page(PageQuery(LOCATIONS, 1)).total in (acknowledged, acknowledged + 1)
        assert store.objects.put(key("L1"), draft("after"), expected=1).revision == 2
        store.close()


def _write_and_be_killed(path: Path, *, after: int) -> int:
    """How many writes a process acknowledged before it was killed among others."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(LAYER)}
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) >= after:
                break
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    return int(lines[-1]) if lines else after


def test_the_file_and_its_companions_are_for_its_user_only(path: Path) -> None:
    store = SQLiteStore(path)
    store.objects.put(key("LOC1"), draft("1"), expected=None)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    store.close()

    assert modes == dict.fromkeys(["ocpi.sqlite", "ocpi.sqlite-wal", "ocpi.sqlite-shm"], 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    SQLiteStore(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writes_reach_the_disk_before_they_are_acknowledged(path: Path) -> None:
    store = SQLiteStore(path)
    with store._database.reading() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_reader_does_not_wait_for_a_writer(path: Path) -> None:
    store = SQLiteStore(path)
    first = store.objects.put(key("LOC1"), draft("1"), expected=None)
    with store._database.writing() as db:
        db.execute("UPDATE objects SET revision = 9")
        assert store.objects.get(key("LOC1")) == first
    store.close()


def test_what_raises_in_the_middle_of_a_transaction_leaves_nothing_behind(path: Path) -> None:
    store = SQLiteStore(path)
    first = store.objects.put(key("LOC1"), draft("1"), expected=None)

    def fail_halfway() -> None:
        with store._database.writing() as db:
            db.execute("UPDATE objects SET revision = 9")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert store.objects.get(key("LOC1")) == first
    store.close()


def test_a_closed_store_is_closed_for_every_thread(path: Path) -> None:
    store = SQLiteStore(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.objects.put(key(f"L{n}"), draft("1"), expected=None), range(8)))
    store.close()
    store.close()

    assert [file.name for file in path.parent.iterdir()] == ["ocpi.sqlite"]
    with pytest.raises(sqlite3.ProgrammingError):
        store.ping()


def test_closing_waits_for_nobody_and_what_is_under_way_ends(path: Path) -> None:
    store = SQLiteStore(path)
    with store._database.writing() as db:
        store.close()
        db.execute("INSERT INTO settings VALUES ('x', x'00')")
    with pytest.raises(sqlite3.ProgrammingError):
        db.execute("SELECT 1")

    again = SQLiteStore(path)
    with again._database.reading() as db:
        assert db.execute("SELECT count(*) FROM settings").fetchone() == (1,)
    again.close()


def test_several_may_open_and_write_a_new_file_at_once(path: Path) -> None:
    together = threading.Barrier(4)

    def open_and_write(number: int) -> SQLiteStore:
        together.wait()
        store = SQLiteStore(path.with_name(f"{number // 4}.sqlite"))
        store.objects.put(key(f"L{number}"), draft("1"), expected=None)
        return store

    with ThreadPoolExecutor(4) as pool:
        for first in range(0, 40, 4):
            stores = list(pool.map(open_and_write, range(first, first + 4)))
            assert stores[0].objects.page(PageQuery(LOCATIONS, 1)).total == 4
            for store in stores:
                store.close()


def test_opening_waits_for_another_that_has_just_made_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE made (by_another)")
    other.execute("BEGIN IMMEDIATE")
    # The moment it is told to wait is the moment the other is done.
    monkeypatch.setattr("time.sleep", lambda _: other.execute("COMMIT"))

    SQLiteStore(path).close()
    assert not other.in_transaction
    other.close()


def test_opening_a_file_twice_keeps_the_locks_of_the_first_against_other_processes(path: Path) -> None:
    first = SQLiteStore(path)
    first.objects.put(key("LOC1"), draft("1"), expected=None)
    second = SQLiteStore(path)
    # A process that closes the last connection, as far as it can see, takes the log away with it.
    other = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM objects').fetchall()"
    subprocess.run([sys.executable, "-c", f"{other}; db.close()", str(path)], check=True)
    assert path.with_name(f"{path.name}-wal").exists()
    second.close()
    first.close()


def test_a_file_of_a_later_program_is_refused_unchanged(path: Path) -> None:
    SQLiteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(sqlite3.DatabaseError, match="99"):
        SQLiteStore(path)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (99,)
    db.close()


@pytest.mark.parametrize("audience", [None, "*", "NL-TNM"])
@pytest.mark.parametrize(("order", "attribute"), [("created", "created_key"), ("last_updated", "updated_key")])
def test_pages_and_totals_are_read_from_an_index(
    path: Path, order: Literal["created", "last_updated"], attribute: str, audience: str | None
) -> None:
    store = SQLiteStore(path)
    since = "2026-01-01T00:00:00Z" if order == "last_updated" else None
    query = PageQuery(LOCATIONS, 5, order=order, updated_from=since, audience=audience)
    store.objects.put_many([Write(key(f"L{n}"), draft("1", audience="NL-TNM"), None) for n in range(9)])
    store.objects.put_many([Write(key(f"E{n}"), draft("1"), None) for n in range(9)])
    *ranks, page = plans(store, lambda: store.objects.page(query))
    *_, rest = plans(store, lambda: store.objects.page(replace(query, after="2026-01-01T00:00:00.000000Z#x")))
    *_, beyond = plans(store, lambda: store.objects.page(replace(query, offset=3)))

    if order == "created" and audience == "NL-TNM":
        attribute = "addressed_key"
    name = ("objects_by_audience_" if audience else "objects_by_") + attribute.removesuffix("_key")
    keys = "collection=? AND audience=?" if audience else "collection=?"
    assert page == rest == beyond == [f"SEARCH objects USING INDEX {name} ({keys} AND {attribute}>?)"]
    for (step,) in ranks:
        counters = r"SEARCH counters USING PRIMARY KEY \(list=\? AND level=\?( AND low>\?)?( AND low<\?)?\)"
        chunk = re.escape(f"SEARCH objects USING INDEX {name} ({keys} AND {attribute}>? AND {attribute}<?)")
        assert re.fullmatch(f"{counters}|{chunk}", step.replace("COVERING ", ""))
    store.close()


def test_what_is_found_and_what_is_due_are_read_from_an_index(path: Path) -> None:
    store = SQLiteStore(path)

    found = plans(store, lambda: store.objects.find("token/x"))
    due = plans(store, lambda: store.objects.due("2026-01-01T00:00:00Z", 5))
    assert found == [["SEARCH objects USING INDEX objects_by_lookup (lookup=?)"]]
    assert due == [["SEARCH objects USING INDEX objects_by_due (due<?)"]]


def test_deliveries_by_state_are_read_from_an_index(path: Path) -> None:
    store = SQLiteStore(path)

    due = plans(store, lambda: store.deliveries.due("p1", "2026-01-01T00:00:00.000000Z", 5))
    assert due == [["SEARCH deliveries USING INDEX deliveries_by_due (partner_id=? AND due<?)"]]
    for state, index in ((DeliveryState.PENDING, "deliveries_by_due"), (DeliveryState.FAILED, "deliveries_failed")):
        for after in (None, "2026#locations#x"):
            listed, counted = plans(store, lambda: store.deliveries.page("p1", state, 5, after, counted=True))  # noqa: B023 - called at once
            (step,) = listed  # no step for sorting
            assert step.startswith(f"SEARCH deliveries USING INDEX {index} (partner_id=?")
            (step,) = counted
            assert f"INDEX {index} (partner_id=?" in step
    (of_module,) = plans(store, lambda: store.deliveries.page("p1", DeliveryState.DELIVERED, 5, module="tariffs"))
    assert of_module == ["SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (partner_id=? AND module=?)"]
    store.close()


def test_a_file_of_the_first_release_is_brought_up_to_date_with_all_that_is_in_it(path: Path) -> None:
    first_release = SQLiteFile(path, MIGRATIONS[:1])
    with first_release.writing() as db:
        db.execute(
            "INSERT INTO objects (collection, folded_id, id, version, document, last_updated, revision, created,"
            " received, findings) VALUES ('own/locations', 'l1', 'L1', '2.1.1', '{}', ?, 3, ?, ?, '[]')",
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"),
        )
        db.execute("INSERT INTO partners VALUES ('p1', 'x', ?, 4, '2026-01-03T00:00:00.000000Z')", (OLD_PARTNER,))
    first_release.close()

    store = SQLiteStore(path)
    record, partner = store.objects.get(key("L1")), store.partners.get("p1")
    assert record
    assert (record.document, record.revision, record.journal) == ("{}", 3, "")
    assert store.objects.put(key("L1"), draft("new", journal="j"), expected=3).journal == "j"
    assert partner == Partner(
        id="p1",
        role="CPO",
        name="Old",
        status=PartnerStatus.REGISTERED,
        invited_at="2026-01-01T00:00:00.000000Z",
        last_seen_at="2026-01-03T00:00:00.000000Z",
        revision=4,
    )
    store.partners.learn("p1", {"trailing_slash": "add"})
    store.partners.synced("p1", "2026-01-04T00:00:00.000000Z")
    assert store.partners.save(PartnerChange(replace(partner, name="New"), 4)).revision == 5
    again = store.partners.get("p1")
    assert again
    assert (again.learned, again.last_synced_at) == ({"trailing_slash": "add"}, "2026-01-04T00:00:00.000000Z")
    store.close()


def test_a_file_from_before_there_were_counters_is_counted_when_it_is_opened(path: Path) -> None:
    before = SQLiteFile(path, MIGRATIONS[:2])
    with before.writing() as db:
        for number in range(1000):
            audience = (None, "*", "NL-TNM")[number % 3]
            created = f"2026-01-01T00:00:00.{number:06d}Z"
            db.execute(
                "INSERT INTO objects (collection, folded_id, id, version, document, last_updated, audience, revision,"
                " created, received, findings, addressed_key)"
                " VALUES (?, ?, 'x', '2.1.1', ?, '2026-01-01T00:00:00Z', ?, 1, ?, ?, '[]', ?)",
                (
                    "own/sessions" if number % 2 else "own/cdrs",
                    f"l{number:04d}",
                    str(number),
                    audience,
                    created,
                    created,
                    f"{created}#l{number:04d}" if audience == "NL-TNM" else None,
                ),
            )
    before.close()

    store = SQLiteStore(path)
    counters = SQLiteCounters(store._database)
    assert counters.collections() == ["own/cdrs", "own/sessions"]
    assert [counters.check(collection) for collection in counters.collections()] == [[], []]
    sessions = Collection("own", "sessions")
    assert store.objects.page(PageQuery(sessions, 1, 400)) == Page(["801"], 500, "2026-01-01T00:00:00.000801Z#l0801")
    store.objects.put(key("new", sessions), draft("new", audience="NL-TNM"), expected=None)
    assert counters.check("own/sessions") == []
    store.close()


OLD_PARTNER = """{"id": "p1", "role": "CPO", "name": "Old", "status": "REGISTERED",
    "invited_at": "2026-01-01T00:00:00.000000Z", "version": null, "country_code": null, "party_id": null,
    "business_details": null, "versions_url": null, "endpoints": [], "settings": {}, "token": null, "grants": [],
    "expires_at": null, "registered_at": null, "last_synced_at": null}"""


def plans(store: SQLiteStore, act: Callable[[], object]) -> list[list[str]]:
    """How SQLite carries out each SELECT of what a store does, step by step."""
    statements: list[str] = []
    with store._database.reading() as db:
        db.set_trace_callback(statements.append)
    act()
    with store._database.reading() as db:  # the same connection: nobody else has borrowed one
        db.set_trace_callback(None)
        selects = [statement for statement in statements if statement.startswith("SELECT")]
        return [[row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {select}")] for select in selects]
