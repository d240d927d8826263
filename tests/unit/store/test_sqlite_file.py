"""One SQLite file: who may read it, what a commit promises, how writers wait, and what becomes of it in each state."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi import sqlite_file
from ocpi.sqlite_file import BUSY_TIMEOUT_S, MOST_IDLE_CONNECTIONS, SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTES = "CREATE TABLE notes (text TEXT NOT NULL); CREATE INDEX notes_by_text ON notes (text)"


class FakeTime:
    """The clock of the module: nobody waits, and each pause is remembered."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.step: float | None = None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += self.step or seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one" / "two" / "file.sqlite"


@pytest.fixture
def file(path: Path) -> Iterator[SQLiteFile]:
    with closing(SQLiteFile(path, [NOTES])) as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(sqlite_file, "time", fake)
    return fake


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def add(file: SQLiteFile, text: str, *, durable: bool = True) -> None:
    with file.writing(durable=durable) as db:
        db.execute("INSERT INTO notes VALUES (?)", (text,))


def texts(file: SQLiteFile) -> list[str]:
    with file.reading() as db:
        return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY rowid")]


@contextmanager
def another(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process, as far as SQLite can see; it waits for nobody."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        yield db


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_a_new_folder_is_for_its_user_only_whatever_the_umask(path: Path) -> None:
    SQLiteFile(path, [NOTES]).close()

    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


@pytest.mark.usefixtures("open_umask")
def test_a_new_file_is_private_from_its_first_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("pathlib.Path.chmod", lambda self, _: made.append(mode(self)))
    SQLiteFile(path, [NOTES]).close()

    assert made == [0o600]


def test_no_descriptor_of_a_new_file_is_left_open(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112 - of links
    if not before:
        pytest.skip("no /proc")
    SQLiteFile(path, [NOTES]).close()

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - of links


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_is_there_stays_as_it_is(path: Path) -> None:
    path.parent.mkdir(0o755, parents=True)
    SQLiteFile(path, [NOTES]).close()

    assert mode(path.parent) == 0o755


def test_what_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a letter to somebody" * 100)

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        SQLiteFile(path, [NOTES])
    assert path.read_bytes() == b"a letter to somebody" * 100


def test_a_file_that_cannot_be_read_says_so_at_once(path: Path, clock: FakeTime) -> None:
    path.mkdir(parents=True)

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        SQLiteFile(path, [NOTES])
    assert clock.pauses == []


def test_every_connection_waits_for_the_disk_and_for_other_processes(file: SQLiteFile) -> None:
    with file.reading() as one, file.reading() as two:
        for db in (one, two):
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
            assert db.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
            assert db.isolation_level is None, "transactions begin where we say so"


def test_commits_wait_for_the_disk_also_where_sqlite_was_built_to_wait_for_less(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def with_another_default(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.execute("PRAGMA synchronous = NORMAL")  # as with SQLITE_DEFAULT_WAL_SYNCHRONOUS=1
        return connection

    monkeypatch.setattr(sqlite3, "connect", with_another_default)
    with closing(SQLiteFile(path, [NOTES])) as file, file.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("durable", [True, False])
def test_a_commit_waits_for_the_disk_unless_it_need_not_be_durable(file: SQLiteFile, *, durable: bool) -> None:
    with file.writing(durable=durable) as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2 if durable else 1,)
    with file.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert len(file._idle) == 1, "it was one connection after another"


@pytest.mark.parametrize("durable", [True, False])
def test_a_write_costs_no_statement_more_than_it_needs(file: SQLiteFile, *, durable: bool) -> None:
    told: list[str] = []
    with file.reading() as db:
        db.set_trace_callback(told.append)
    told.clear()
    add(file, "a", durable=durable)

    write = ["BEGIN IMMEDIATE", "INSERT INTO notes VALUES ('a')", "COMMIT"]
    assert told == (write if durable else ["PRAGMA synchronous = NORMAL", *write, "PRAGMA synchronous = FULL"])


def test_a_connection_is_durable_again_when_what_need_not_be_failed(file: SQLiteFile) -> None:
    def write_and_fail() -> None:
        with file.writing(durable=False) as db:
            db.execute("INSERT INTO notes VALUES ('gone')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with file.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert texts(file) == []


def test_what_need_not_be_durable_is_there_for_everybody_all_the_same(file: SQLiteFile, path: Path) -> None:
    add(file, "a", durable=False)

    with another(path) as db:
        assert db.execute("SELECT text FROM notes").fetchall() == [("a",)]


def test_a_reader_sees_one_state_throughout(file: SQLiteFile, path: Path) -> None:
    add(file, "before")
    with file.reading() as db:
        seen = db.execute("SELECT count(*) FROM notes").fetchone()
        add(file, "meanwhile")
        assert db.execute("SELECT count(*) FROM notes").fetchone() == seen
    assert texts(file) == ["before", "meanwhile"]


def test_what_a_reader_writes_is_undone(file: SQLiteFile) -> None:
    with file.reading() as db:
        db.execute("INSERT INTO notes VALUES ('x')")

    assert texts(file) == []


def test_a_reader_that_raises_leaves_no_transaction_behind(file: SQLiteFile) -> None:
    with pytest.raises(ZeroDivisionError), file.reading() as db:
        raise ZeroDivisionError
    assert not db.in_transaction
    assert texts(file) == []


def test_a_writer_is_the_only_one_from_its_beginning(file: SQLiteFile, path: Path) -> None:
    with file.writing(), another(path) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_a_writer_that_another_process_keeps_waiting_gives_up_and_the_file_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0)
    with closing(SQLiteFile(path, [NOTES])) as file, another(path) as other:
        other.execute("BEGIN IMMEDIATE")
        for durable in (True, False):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                add(file, "too early", durable=durable)
            with file.reading() as db:
                assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        other.execute("COMMIT")
        add(file, "later")
        assert texts(file) == ["later"]


def test_threads_of_one_process_queue_up_without_the_waiting_of_sqlite(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0)
    with closing(SQLiteFile(path, [NOTES])) as file, ThreadPoolExecutor(1) as pool:
        with file.writing() as db:
            waiting = pool.submit(add, file, "second", durable=False)
            with pytest.raises(TimeoutError):
                waiting.result(0.05)
            db.execute("INSERT INTO notes VALUES ('first')")
        waiting.result()
        assert texts(file) == ["first", "second"]


def test_a_full_disk_loses_what_is_being_written_and_nothing_else(file: SQLiteFile) -> None:
    add(file, "before")
    with file.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    for durable in (True, False):
        with pytest.raises(sqlite3.OperationalError, match="full"), file.writing(durable=durable) as db:
            db.executemany("INSERT INTO notes VALUES (?)", [("small",), ("x" * 100_000,)])
    assert texts(file) == ["before"]
    with file.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        db.execute("PRAGMA max_page_count = 100000")
    add(file, "after")
    assert texts(file) == ["before", "after"]


def test_a_commit_that_fails_is_undone(tmp_path: Path) -> None:
    orphans = """CREATE TABLE parents (id PRIMARY KEY);
        CREATE TABLE notes (text REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"""
    with closing(SQLiteFile(tmp_path / "file.sqlite", [orphans])) as file:
        with file._borrowed() as db:
            db.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            add(file, "of nobody")
        assert texts(file) == []
        with file.writing() as db:
            db.execute("INSERT INTO parents VALUES ('a')")
        add(file, "a")
        assert texts(file) == ["a"]


def test_connections_are_lent_again_and_only_so_many_are_kept(file: SQLiteFile) -> None:
    assert (MOST_IDLE_CONNECTIONS, len(file._idle)) == (16, 1)
    with ExitStack() as stack:
        lent = [stack.enter_context(file.reading()) for _ in range(17)]
        assert len({id(db) for db in lent}) == 17
        assert file._idle == []
    assert len(file._idle) == 16

    closed = [db for db in lent if db not in file._idle]
    for db in closed:
        with pytest.raises(sqlite3.ProgrammingError):
            db.execute("SELECT 1")
    assert len(closed) == 1
    with file.reading() as db:
        assert db in lent


def test_a_closed_file_says_which_it_is(file: SQLiteFile, path: Path) -> None:
    with file.reading() as in_use:
        file.close()
        assert in_use.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    for use in (file.reading, file.writing):
        with pytest.raises(sqlite3.ProgrammingError) as refused, use():
            pass
        assert str(refused.value) == f"{path} is closed"
    file.close()
    assert not path.with_name(f"{path.name}-wal").exists()


def test_a_connection_that_ends_while_the_file_is_closed_does_not_come_back(file: SQLiteFile) -> None:
    with file.reading() as first, file.reading() as second:
        file.close()
    assert file._idle == []
    for db in (first, second):
        with pytest.raises(sqlite3.ProgrammingError):
            db.execute("SELECT 1")


def test_opening_waits_for_who_has_the_file_and_not_for_ever(path: Path, clock: FakeTime) -> None:
    path.parent.mkdir(parents=True)
    clock.step = 2.5
    with another(path) as other:
        other.execute("CREATE TABLE made (by_another)")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            SQLiteFile(path, [NOTES])
        other.execute("COMMIT")
        assert other.execute("PRAGMA user_version").fetchone() == (0,)
    # Ten seconds are not over when exactly ten have passed.
    assert clock.pauses == [0.01] * 5
    assert clock.now - 1000 > BUSY_TIMEOUT_S == 10
    SQLiteFile(path, [NOTES]).close()


class Refusing:
    """A connection that SQLite refuses something with these codes, one after another."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.executed: list[str] = []

    def execute(self, statement: str) -> None:
        self.executed.append(statement)
        if self.codes:
            error = sqlite3.OperationalError("refused")
            error.sqlite_errorcode = self.codes.pop(0)
            raise error


def test_each_kind_of_being_busy_is_waited_for(clock: FakeTime) -> None:
    connection = Refusing(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT)
    sqlite_file._switch_to_wal(cast("Any", connection))

    assert connection.executed == ["PRAGMA journal_mode = WAL"] * 4
    assert clock.pauses == [0.01] * 3


def test_whatever_else_stops_it_is_raised_at_once(clock: FakeTime) -> None:
    connection = Refusing(sqlite3.SQLITE_IOERR)
    with pytest.raises(sqlite3.OperationalError, match="refused"):
        sqlite_file._switch_to_wal(cast("Any", connection))

    assert clock.pauses == []


def test_a_file_is_brought_to_its_schema_once_and_step_by_step(path: Path) -> None:
    with closing(SQLiteFile(path, [NOTES])) as file:
        add(file, "of the first version")
    second = [NOTES, "ALTER TABLE notes ADD COLUMN author TEXT; UPDATE notes SET author = 'somebody'"]
    for _ in range(2):
        with closing(SQLiteFile(path, second)) as file, file.writing() as db:
            assert db.execute("PRAGMA user_version").fetchone() == (2,)
            assert db.execute("SELECT * FROM notes").fetchall() == [("of the first version", "somebody")]
            assert db.execute("PRAGMA index_list(notes)").fetchone()[1] == "notes_by_text"
            db.execute("UPDATE notes SET author = 'somebody'")


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with closing(SQLiteFile(path, [NOTES])) as file:
        add(file, "kept")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        SQLiteFile(path, [NOTES, "CREATE TABLE more (x)", "DELETE FROM notes; DELETE FROM nowhere"])

    with closing(SQLiteFile(path, [NOTES])) as file:
        assert texts(file) == ["kept"]
        with file.reading() as db:
            assert db.execute("PRAGMA user_version").fetchone() == (1,)
            assert db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("notes",)]


def test_a_file_of_a_later_program_says_both_versions(path: Path) -> None:
    SQLiteFile(path, [NOTES, "CREATE TABLE more (x)"]).close()

    with pytest.raises(sqlite3.DatabaseError) as refused:
        SQLiteFile(path, [NOTES])
    assert str(refused.value) == "the file has schema version 2, this program knows 1"


def test_programs_that_open_a_new_file_at_once_bring_it_to_its_schema_once(path: Path) -> None:
    together = threading.Barrier(2)

    def open_it(_: int) -> SQLiteFile:
        together.wait()
        return SQLiteFile(path, [NOTES])

    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(open_it, range(2)))
    for file in files:
        with suppress(sqlite3.OperationalError):
            add(file, "one")
        file.close()
    with another(path) as db:
        assert db.execute("SELECT count(*) FROM notes").fetchone() == (2,)
