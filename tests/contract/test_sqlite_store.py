"""What only the store in a SQLite file promises: what waits for the disk, what is deleted along the way, what it writes
down, and that nothing is searched for by reading everything.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.sqlite_file import SQLiteFile
from ocpi.store import sqlite_exchanges, sqlite_failures
from ocpi.store.deliveries import HELD, Channel, Delivery, DeliveryKey, DeliveryState
from ocpi.store.exchanges import Exchange, ExchangeQuery
from ocpi.store.port import Grant, PageQuery, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import BUILD, CHUNK, FANOUT, LEVELS
from ocpi.store.sqlite_database import MIGRATIONS
from tests.support.known_partners import know
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT = "2026-01-01T00:00:00.000000Z"
PARTNER = Partner("p1", "EMSP", "Säule", PartnerStatus.REGISTERED, AT, country_code="NL", party_id="TNM")
WAITING = Delivery(DeliveryKey("p1", "cdrs", "C1"), DeliveryState.PENDING, AT, due=AT)
GRANT = Grant("a" * 64, "p1", "registered", replaces="b" * 64, ends=("c" * 64, "d" * 64))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ocpi.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as opened:
        yield opened


@contextmanager
def traced(store: SQLiteStore) -> Iterator[list[str]]:
    """What SQLite is told by a store that has one connection, so each act takes the same."""
    statements: list[str] = []
    with store._database.reading() as db:
        db.set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        with store._database.reading() as db:
            db.set_trace_callback(None)


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def exchange(at: str = AT, **fields: Any) -> Exchange:
    plain = Exchange(at, "p1", "in", "GET", "/ocpi/cpo/2.1.1/cdrs", 200, 1000, 7, "c-1")
    return replace(plain, **fields)


WAITS: dict[str, tuple[bool, Callable[[SQLiteStore], object]]] = {
    "an object": (True, lambda store: store.objects.put(key("L1"), draft("1"), expected=None)),
    "objects": (True, lambda store: store.objects.put_many([])),
    "a deletion": (True, lambda store: store.objects.delete(key("there"), expected=1)),
    "a partner": (True, lambda store: store.partners.save(PartnerChange(replace(PARTNER, id="p2"), None))),
    "a partner that goes": (True, lambda store: store.partners.remove(replace(PARTNER, revision=1))),
    "a token that ends": (True, lambda store: store.partners.settle(GRANT)),
    "what was learned": (True, lambda store: store.partners.learn("p1", {})),
    "the key of cursors": (True, lambda store: store.signing_key()),
    "a try that must not be repeated": (True, lambda store: store.deliveries.put_many([replace(WAITING, unsure=True)])),
    "such a try among others": (
        True,
        lambda store: store.deliveries.put_many([WAITING, replace(WAITING, unsure=True)]),
    ),
    "a delivery": (False, lambda store: store.deliveries.put_many([WAITING])),
    "a delivery that is over": (False, lambda store: store.deliveries.delete_many([WAITING])),
    "a channel": (False, lambda store: store.channels.put(Channel("p1"))),
    "an exchange": (False, lambda store: store.exchanges.append([exchange()], days=1)),
    "a failure": (False, lambda store: store.failures.count("192.0.2.1", 4_000_000_000, most=3)),
    "changes that are done": (False, lambda store: store.changes.done(1)),
}


@pytest.mark.parametrize("what", WAITS)
def test_what_must_not_be_lost_waits_for_the_disk_and_nothing_else_does(store: SQLiteStore, what: str) -> None:
    store.objects.put(key("there"), draft("1"), expected=None)
    store.partners.save(PartnerChange(PARTNER, None))
    waits, act = WAITS[what]
    with traced(store) as statements:
        act(store)

    commit = statements.index("COMMIT")
    assert ("PRAGMA synchronous = NORMAL" in statements[:commit]) == (not waits)
    with store._database.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


# --- the key of cursors, and whether the file is there


def test_the_key_of_cursors_is_read_once_and_outlives_the_process(store: SQLiteStore, path: Path) -> None:
    first = store.signing_key()
    with traced(store) as statements:
        assert store.signing_key() == first
    assert not [each for each in statements if "settings" in each]
    with closing(SQLiteStore(path)) as later:
        assert later.signing_key() == first
    with closing(SQLiteStore(path.with_name("other.sqlite"))) as other:
        assert other.signing_key() != first


def test_a_file_that_has_lost_its_objects_does_not_answer(store: SQLiteStore, path: Path) -> None:
    store.ping()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP VIEW places")
        db.execute("DROP TABLE objects")

    with pytest.raises(sqlite3.OperationalError, match="objects"):
        store.ping()


def test_following_the_stream_of_a_table_is_nothing_to_do(store: SQLiteStore) -> None:
    store.follow([{"eventName": "INSERT", "dynamodb": {}}])

    assert store.changes.pending(1) == []


# --- channels


def test_who_delivered_in_an_earlier_life_delivers_no_more(store: SQLiteStore) -> None:
    know(store, "p1", "p2")
    leased = store.channels.put(Channel("p1", leased_until="2999", called=2, failures=3, catch_up="söme"))
    free = store.channels.put(Channel("p2", paused_until="2999"))
    store.channels.release()

    assert store.channels.get("p1") == replace(leased, leased_until=None, revision=2)
    assert store.channels.get("p2") == free, "who had no lease has lost none"


def test_a_channel_is_written_down_without_what_says_nothing(store: SQLiteStore, path: Path) -> None:
    know(store, "p1")
    store.channels.put(Channel("p1", failures=3, catch_up="söme"))

    assert rows(path, "SELECT * FROM channels") == [("p1", '{"called":0,"failures":3,"catch_up":"söme"}', 1)]


# --- partners and their tokens


def test_a_partner_is_written_down_without_its_notes(store: SQLiteStore, path: Path) -> None:
    store.partners.save(PartnerChange(replace(PARTNER, learned={"way": "ä"}, last_seen_at=AT), None, (GRANT,)))

    ((document, *beside),) = rows(path, "SELECT document, revision, invited_at, last_seen_at, learned FROM partners")
    assert beside == [1, AT, AT, '{"way":"ä"}']
    assert document.startswith('{"id":"p1","role":"EMSP","name":"Säule","status":"REGISTERED","invited_at":')
    assert not {"revision", "last_seen_at", "last_synced_at", "behind_since", "learned"} & json.loads(document).keys()
    assert rows(path, "SELECT replaces FROM grants") == [(" ".join(("b" * 64, "c" * 64, "d" * 64)),)]


def test_what_was_learned_and_is_nothing_any_more_is_gone_from_the_file(store: SQLiteStore, path: Path) -> None:
    store.partners.save(PartnerChange(replace(PARTNER, learned={"way": "a"}), None))
    store.partners.learn("p1", {})

    assert rows(path, "SELECT learned FROM partners") == [(None,)]


# --- failed attempts to authenticate


def test_a_window_is_counted_until_the_second_in_which_it_ends_is_over(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        now = 1000.9

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(sqlite_failures, "time", clock)

    assert [store.failures.count("192.0.2.1", 1000, most=1) for _ in range(2)] == [True, False]
    clock.now = 1001.0
    assert not store.failures.count("192.0.2.1", 1000, most=1)
    assert store.failures.count("192.0.2.1", 1000, most=1), "that window is over and forgotten"


# --- the exchange log


class Instants:
    """The instant and the seconds that the exchange log goes by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = AT
        self.seconds = 50.0
        monkeypatch.setattr(sqlite_exchanges, "instant", lambda: self.now)
        monkeypatch.setattr(sqlite_exchanges, "time", self)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def instants(monkeypatch: pytest.MonkeyPatch) -> Instants:
    return Instants(monkeypatch)


def test_an_exchange_is_there_until_the_instant_at_which_it_is_kept_no_longer(
    store: SQLiteStore, instants: Instants
) -> None:
    store.exchanges.append([exchange()], days=2)
    instants.now = "2026-01-02T23:59:59.999999Z"
    assert store.exchanges.page(ExchangeQuery(1)).exchanges == [exchange()]
    instants.now = "2026-01-03T00:00:00.000000Z"
    assert store.exchanges.page(ExchangeQuery(1)).exchanges == []


def test_what_has_expired_is_deleted_every_ten_minutes(store: SQLiteStore, path: Path, instants: Instants) -> None:
    def kept() -> list[str]:
        return [at for (at,) in rows(path, "SELECT at FROM exchanges ORDER BY position")]

    instants.now = "2026-01-02T00:00:00.000000Z"
    store.exchanges.append([exchange()], days=1)
    assert kept() == [], "the first of a process looks at once, also at what ends this very instant"
    store.exchanges.append([exchange()], days=1)
    instants.seconds += 599.9
    store.exchanges.append([exchange(instants.now)], days=1)
    assert kept() == [AT, instants.now]
    instants.seconds += 0.1
    store.exchanges.append([], days=1)
    assert kept() == [instants.now]


def test_so_much_is_deleted_at_a_time_and_what_expired_first_goes_first(
    store: SQLiteStore, path: Path, instants: Instants, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (sqlite_exchanges.MOST_SWEPT, sqlite_exchanges.MOST_READ) == (5_000, 10_000)
    monkeypatch.setattr(sqlite_exchanges, "MOST_SWEPT", 2)
    store.exchanges.append([], days=1)
    ats = [f"2026-01-0{day}T00:00:00.000000Z" for day in (4, 1, 3, 2)]
    store.exchanges.append([exchange(at) for at in ats], days=1)
    instants.now, instants.seconds = "2026-02-01T00:00:00.000000Z", 650.0
    store.exchanges.append([], days=1)

    assert rows(path, "SELECT at FROM exchanges ORDER BY position") == [(ats[0],), (ats[2],)]


@pytest.mark.usefixtures("instants")
def test_of_exchanges_of_one_instant_the_last_written_is_the_newest(store: SQLiteStore) -> None:
    written = [exchange(path=f"/{number}") for number in range(4)]
    store.exchanges.append(written, days=1)

    first = store.exchanges.page(ExchangeQuery(3))
    assert first.exchanges == written[:0:-1]
    assert first.next == f"{AT}#2"
    assert store.exchanges.page(ExchangeQuery(3, after=first.next)).exchanges == [written[0]]
    whole = store.exchanges.page(ExchangeQuery(4))
    assert (whole.exchanges, whole.next) == (written[::-1], None)


@pytest.mark.usefixtures("instants")
def test_a_page_looks_at_so_many_rows_and_at_no_more(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_exchanges, "MOST_READ", 3)
    store.exchanges.append([exchange(http_status=500), *(exchange() for _ in range(3))], days=1)

    picky = ExchangeQuery(1, http_status=500)
    first = store.exchanges.page(picky)
    assert (first.exchanges, first.next) == ([], f"{AT}#2")
    assert store.exchanges.page(replace(picky, after=first.next)).next is None
    (at_the_edge,) = store.exchanges.page(replace(picky, after=f"{AT}#4")).exchanges
    assert at_the_edge.http_status == 500
    assert store.exchanges.page(ExchangeQuery(3, after=f"{AT}#4")).next is None, "three rows are all that there are"


@pytest.mark.usefixtures("instants")
def test_an_exchange_is_written_down_without_what_says_nothing(store: SQLiteStore, path: Path) -> None:
    store.exchanges.append([exchange(subject="s", http_status=None, problem="ä")], days=1)

    ((document, *beside),) = rows(path, "SELECT document, at, partner_id, subject, http_status, expires FROM exchanges")
    assert beside == [AT, "p1", "s", None, "2026-01-02T00:00:00.000000Z"]
    assert document == (
        f'{{"at": "{AT}", "partner_id": "p1", "direction": "in", "method": "GET", "path": "/ocpi/cpo/2.1.1/cdrs",'
        ' "ocpi_status": 1000, "milliseconds": 7, "correlation_id": "c-1", "subject": "s", "problem": "ä"}'
    )


# --- plans: what is looked for is found by an index, and nothing is sorted

HOT: dict[str, tuple[Callable[[SQLiteStore], object], list[str]]] = {
    "an object": (
        lambda store: store.objects.get(key("L1")),
        ["SEARCH objects USING INDEX sqlite_autoindex_objects_1 (collection=? AND folded_id=?)"],
    ),
    "a partner": (
        lambda store: store.partners.get("p1"),
        ["SEARCH partners USING INDEX sqlite_autoindex_partners_1 (id=?)"],
    ),
    "a partner by its party": (
        lambda store: store.partners.by_party("EMSP", "NL", "TNM"),
        [
            "SEARCH parties USING INDEX sqlite_autoindex_parties_1 (role=? AND party=?)",
            "SEARCH partners USING INDEX sqlite_autoindex_partners_1 (id=?)",
        ],
    ),
    "a token": (
        lambda store: store.partners.grant("a"),
        ["SEARCH grants USING INDEX sqlite_autoindex_grants_1 (hash=?)"],
    ),
    "the tokens of a partner that goes": (
        lambda store: store.partners.remove(replace(PARTNER, revision=1)),
        [
            "SEARCH partners USING INDEX sqlite_autoindex_partners_1 (id=?)",
            "SEARCH grants USING INDEX grants_by_partner (partner_id=?)",
            "SEARCH channels USING INDEX sqlite_autoindex_channels_1 (partner_id=?)",
            "SCAN parties",  # a few rows, once in a partner's life
        ],
    ),
    "a delivery": (
        lambda store: store.deliveries.get_many([WAITING.key]),
        ["SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (partner_id=? AND module=? AND folded_id=?)"],
    ),
    "a channel": (
        lambda store: store.channels.get("p1"),
        ["SEARCH channels USING INDEX sqlite_autoindex_channels_1 (partner_id=?)"],
    ),
    "the log": (
        lambda store: store.exchanges.page(ExchangeQuery(1, at_from="2026")),
        ["SEARCH exchanges USING INDEX exchanges_by_time (at>?)"],
    ),
    "the log of a partner": (
        lambda store: store.exchanges.page(ExchangeQuery(1, partner_id="p1")),
        ["SEARCH exchanges USING INDEX exchanges_by_partner (partner_id=?)"],
    ),
    "the log of an object": (
        lambda store: store.exchanges.page(ExchangeQuery(1, subject="s", after=f"{AT}#4")),
        ["SEARCH exchanges USING INDEX exchanges_by_subject (subject=? AND "],
    ),
    "what of the log has expired": (
        lambda store: store.exchanges.append([], days=1),
        [
            "SEARCH exchanges USING INTEGER PRIMARY KEY (rowid=?)",
            "LIST SUBQUERY 1",
            "SEARCH exchanges USING INDEX exchanges_by_end (expires<?)",
        ],
    ),
    "failures of windows that are over": (
        lambda store: store.failures.count("192.0.2.1", 4_000_000_000, most=3),
        ["SEARCH failures USING PRIMARY KEY (until<?)"],
    ),
    "changes": (
        lambda store: store.changes.pending(9),
        ["SCAN changes"],  # from the oldest on, and no further than asked
    ),
    "changes that are done": (
        lambda store: store.changes.done(1),
        ["SEARCH changes USING INTEGER PRIMARY KEY (rowid<?)"],
    ),
    "what is held": (
        lambda store: store.deliveries.page("p1", DeliveryState.PENDING, 1, HELD),
        ["SEARCH deliveries USING INDEX deliveries_by_due (partner_id=? AND "],
    ),
}


@pytest.mark.parametrize("what", HOT)
def test_what_is_looked_for_is_found_by_an_index_and_nothing_is_sorted(store: SQLiteStore, what: str) -> None:
    store.partners.save(PartnerChange(PARTNER, None, claim_party=what != "the tokens of a partner that goes"))
    act, expected = HOT[what]
    with traced(store) as statements:
        act(store)
    with store._database.reading() as db:
        searches = [each for each in statements if each.startswith(("SELECT", "DELETE"))]
        plan = [row[3] for each in searches for row in db.execute(f"EXPLAIN QUERY PLAN {each}")]

    # As far as all releases of SQLite say it alike; a sort would be a step more.
    assert [step.replace("COVERING ", "")[: len(begin)] for step, begin in zip(plan, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("act", "read"),
    [
        (lambda store: store.objects.page(PageQuery(LOCATIONS, 3, counted=False)), "LIMIT 4 OFFSET 0"),
        (lambda store: store.deliveries.page("p1", None, 3), "LIMIT 4"),
        (lambda store: store.exchanges.page(ExchangeQuery(3)), "LIMIT 10001"),
    ],
)
def test_a_page_reads_one_row_more_than_it_gives(
    store: SQLiteStore, act: Callable[[SQLiteStore], object], read: str
) -> None:
    with traced(store) as statements:
        act(store)

    (select,) = [each for each in statements if each.startswith("SELECT")]
    assert select.endswith(f" {read}")


def test_findings_are_written_down_as_they_are_spelled(store: SQLiteStore, path: Path) -> None:
    store.objects.put(key("C1"), draft("1", findings=("Zwölf.", '"x"')), expected=None)

    assert rows(path, "SELECT findings FROM objects") == [('["Zwölf.", "\\"x\\""]',)]


# --- counters


def test_a_list_that_is_built_anew_has_room_for_as_many_again() -> None:
    assert (CHUNK, FANOUT, LEVELS) == (256, 64, (1, 2, 3))
    (sizes,) = re.findall(r"SELECT 1 AS level[^)]*", BUILD)
    with closing(sqlite3.connect(":memory:")) as db:
        assert db.execute(sizes).fetchall() == [(level, CHUNK // 2 * (FANOUT // 2) ** (level - 1)) for level in LEVELS]


# --- migrations

RELEASED = ("7140f7901993d73d", "2a2e4d9ec3994b11", "18041b55db441a0c", "6734d14e459fdb41")


def test_a_released_migration_is_never_edited() -> None:
    # A file that took it once never takes it again: what is edited here is right in new files only.
    digests = tuple(sha256(migration.encode()).hexdigest()[:16] for migration in MIGRATIONS)
    assert digests[: len(RELEASED)] == RELEASED


def schema(path: Path) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name")


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_file_of_every_earlier_version_becomes_what_a_new_one_is(path: Path, version: int) -> None:
    SQLiteFile(path, MIGRATIONS[:version]).close()
    SQLiteStore(path).close()
    SQLiteStore(path.with_name("new.sqlite")).close()

    assert schema(path) == schema(path.with_name("new.sqlite"))
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_deliveries_changes_and_the_log_of_the_second_version_are_kept(path: Path) -> None:
    written = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    with closing(SQLiteFile(path, MIGRATIONS[:2])) as second, second.writing() as db:
        db.execute(
            "INSERT INTO deliveries VALUES ('p1', 'cdrs', 'c1', 'C1', 'pending', ?1, ?1, '1-x', 2, ?1, 500, 3000, 'm',"
            " 'u', 1, 5)",
            (AT,),
        )
        db.execute("INSERT INTO channels VALUES ('p1', '{\"failures\":2}', 7)")
        db.execute("INSERT INTO changes (event, collection, id) VALUES ('INSERT', 'own/cdrs', 'C1')")
        db.execute(
            "INSERT INTO exchanges (at, partner_id, expires, document) VALUES (?, 'p1', '2999', ?)",
            (written, exchange(written).written()),
        )
        db.execute("INSERT INTO grants VALUES (?, 'p1', 'registered', NULL, ?)", ("a" * 64, "b" * 64))

    with closing(SQLiteStore(path)) as store:
        full = Delivery(WAITING.key, WAITING.state, AT, AT, "1-x", 2, AT, 500, 3000, "m", "u", unsure=True, revision=5)
        (kept,) = store.deliveries.get_many([WAITING.key])
        assert kept == full
        assert kept is not None
        assert kept.unsure is True
        assert store.channels.get("p1") == Channel("p1", failures=2, revision=7)
        assert [(change.event, change.id) for change in store.changes.pending(9)] == [("INSERT", "C1")]
        assert store.exchanges.page(ExchangeQuery(9)).exchanges == [exchange(written)]
        assert store.partners.grant("a" * 64) == Grant("a" * 64, "p1", "registered", replaces="b" * 64)
