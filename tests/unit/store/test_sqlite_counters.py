"""The shape of SQLite's counters: how chunks and groups are split and given up, and that any place is found in them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from ocpi.store import sqlite_counters
from ocpi.store.port import Collection, PageQuery, Write
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import BUILD, Ranks, SQLiteCounters
from ocpi.store.sqlite_database import MIGRATIONS
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

INSTANT = "2026-01-01T00:00:00Z"
LIST = "own/locations|updated"
Shape = list[list[tuple[str, int]]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "ocpi.sqlite")) as opened:
        yield opened


@pytest.fixture
def counters(store: SQLiteStore) -> SQLiteCounters:
    return SQLiteCounters(store._database)


def put(store: SQLiteStore, names: Iterable[str], audience: str | None = None) -> None:
    """New objects, all of one instant: the list is in the order of their names."""
    store.objects.put_many([Write(key(name), draft(name, INSTANT, audience), None) for name in names])


def delete(store: SQLiteStore, *names: str) -> None:
    for name in names:
        store.objects.delete(key(name), expected=1)


def shape(store: SQLiteStore, listed: str = LIST) -> Shape:
    """Each level, the chunks first: the names with which its rows begin, and how many keys they count."""
    with store._database.reading() as db:
        rows = db.execute("SELECT level, low, n FROM counters WHERE list = ? ORDER BY level, low", (listed,)).fetchall()
    return [[(low.partition("#")[2], n) for at, low, n in rows if at == level] for level in (1, 2, 3)]


pytestmark = pytest.mark.usefixtures("small_chunks")  # of 8 keys, four to a group
AB = [f"{letter}{digit}" for letter in "abcdefghijklmnopqrstuvwxyz" for digit in range(8)]


def test_a_full_chunk_is_one_chunk(store: SQLiteStore) -> None:
    put(store, AB[:8])
    assert shape(store) == [[("", 8)], [("", 8)], [("", 8)]]


def test_at_the_end_of_a_list_the_left_part_of_a_chunk_stays_rather_full(store: SQLiteStore) -> None:
    put(store, AB[:9])
    assert shape(store) == [[("", 6), ("a6", 3)], [("", 9)], [("", 9)]]


def test_elsewhere_a_chunk_is_split_in_the_middle(store: SQLiteStore) -> None:
    put(store, AB[:9])
    put(store, ["a00", "a01", "a02"])
    assert shape(store) == [[("", 4), ("a1", 5), ("a6", 3)], [("", 12)], [("", 12)]]


def test_a_group_of_more_than_four_is_split_in_the_middle_and_so_on_upwards(store: SQLiteStore) -> None:
    # Each chunk but the last keeps six keys: the fifth begins with the 25th, when the fourth has nine.
    put(store, AB[:26])
    assert shape(store)[1:] == [[("", 26)], [("", 26)]]
    put(store, AB[26:27])
    assert shape(store) == [
        [("", 6), ("a6", 6), ("b4", 6), ("c2", 6), ("d0", 3)],
        [("", 12), ("b4", 15)],
        [("", 27)],
    ]
    put(store, AB[27:])
    chunks, groups, top = shape(store)
    assert [n for _, n in chunks[:-1]] == [6] * (len(chunks) - 1)
    assert [n for _, n in groups[:-1]] == [12] * (len(groups) - 1)
    assert [n for _, n in top[:-1]] == [24] * (len(top) - 1)
    assert len(top) > 2
    assert [sum(n for _, n in level) for level in (chunks, groups, top)] == [208] * 3


def test_few_keys_go_to_the_chunk_before_where_there_is_room_for_as_many_again(store: SQLiteStore) -> None:
    put(store, AB[:9])
    delete(store, "b0", "a0", "a1", "a2")
    assert shape(store)[0] == [("", 3), ("a6", 2)], "five keys are more than half of a chunk"
    put(store, ["a00"])
    delete(store, "a00", "a3")
    assert shape(store)[0] == [("", 2), ("a6", 2)], "who shrinks looks at itself only"
    delete(store, "a7")
    assert shape(store) == [[("", 3)]] * 3


def test_a_chunk_of_two_keys_is_given_up_into_one_of_two_and_one_of_three_is_not(store: SQLiteStore) -> None:
    put(store, AB[:9])
    delete(store, "a0", "a1", "a2", "a3", "a4")
    assert shape(store)[0] == [("", 1), ("a6", 3)]
    delete(store, "b0")
    assert shape(store) == [[("", 3)]] * 3


def test_a_chunk_is_given_up_when_it_has_a_quarter_of_what_it_may_have(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_counters, "CHUNK", 16)
    put(store, AB[:18])
    assert shape(store)[0] == [("", 12), ("b4", 6)]
    delete(store, *AB[:11])
    delete(store, AB[17])
    assert shape(store)[0] == [("", 1), ("b4", 5)]
    delete(store, AB[16])
    assert shape(store)[0] == [("", 5)]


def test_the_chunk_that_takes_over_is_the_nearest_before_and_what_is_behind_stays(store: SQLiteStore) -> None:
    put(store, AB[:22])
    assert shape(store)[0] == [("", 6), ("a6", 6), ("b4", 6), ("c2", 4)]
    delete(store, "a6", "a7", "b0", "b1")
    assert shape(store)[0] == [("", 6), ("a6", 2), ("b4", 6), ("c2", 4)]
    delete(store, "b4", "b5", "b6", "b7")
    assert shape(store) == [[("", 6), ("a6", 4), ("c2", 4)], [("", 14)], [("", 14)]]


def test_a_chunk_with_which_a_group_begins_stays_until_the_group_is_empty(store: SQLiteStore) -> None:
    put(store, AB[:27])
    delete(store, "b4", "b5", "b6", "b7", "c0", "c1")
    assert shape(store) == [
        [("", 6), ("a6", 6), ("b4", 0), ("c2", 6), ("d0", 3)],
        [("", 12), ("b4", 9)],
        [("", 21)],
    ]
    delete(store, "c2", "c3", "c4", "c5", "c6", "c7")
    assert shape(store)[1:] == [[("", 12), ("b4", 3)], [("", 15)]]
    delete(store, "d0", "d1")
    assert [n for _, n in shape(store)[0]] == [6, 6, 1]
    delete(store, "d2")
    # What was the last key was counted by the chunk that the group begins with, which is empty and goes with it.
    assert shape(store) == [[("", 6), ("a6", 6)], [("", 12)], [("", 12)]]


def test_a_group_of_groups_that_is_empty_leaves_no_row_at_any_level(store: SQLiteStore) -> None:
    put(store, AB)
    begins = [low for low, _ in shape(store)[2]]
    first, behind = AB.index(begins[1]), AB.index(begins[2])
    middle = (first + behind) // 2
    # The rear half from its front, so that a row that counts nothing stays there; then the front half from its rear.
    delete(store, *AB[middle:behind], *reversed(AB[first:middle]))

    assert [low for level in shape(store) for low, _ in level if AB[first] <= low < AB[behind]] == []
    assert [sum(n for _, n in level) for level in shape(store)] == [len(AB) - (behind - first)] * 3


def test_the_first_chunk_stays_when_nothing_is_left(store: SQLiteStore, counters: SQLiteCounters) -> None:
    put(store, AB[:2])
    delete(store, "a0", "a1")
    assert shape(store) == [[("", 0)]] * 3
    assert counters.check("own/locations") == []
    assert counters.collections() == ["own/locations"]
    assert store.objects.page(PageQuery(LOCATIONS, 1, 0, order="last_updated")).total == 0
    put(store, ["b0"])
    assert shape(store) == [[("", 1)]] * 3


def test_a_write_that_moves_nothing_counts_nothing(store: SQLiteStore) -> None:
    put(store, AB[:4], "*")
    told: list[str] = []
    with store._database.reading() as db:
        db.set_trace_callback(told.append)
    store.objects.put(key("a1"), draft("again", INSTANT, "*"), expected=1)
    assert not [statement for statement in told if "counters" in statement]
    store.objects.put(key("a1"), draft("later", "2026-01-01T00:00:01Z", "*"), expected=2)
    named = {statement.split("list = '")[1].split("'")[0] for statement in told if "UPDATE counters" in statement}
    assert named == {"own/locations|updated", "own/locations|*|updated"}


@pytest.mark.parametrize(
    ("audience", "lists"),
    [
        (None, {"created", "updated"}),
        ("*", {"created", "updated", "*|created", "*|updated"}),
        ("NL-TNM", {"created", "updated", "NL-TNM|addressed", "NL-TNM|updated"}),
    ],
)
def test_an_object_is_in_the_lists_of_its_audience(store: SQLiteStore, audience: str | None, lists: set[str]) -> None:
    put(store, ["a"], audience)
    with store._database.reading() as db:
        counted = {name for (name,) in db.execute("SELECT list FROM counters WHERE n = 1")}
        assert counted == {name for (name,) in db.execute("SELECT list FROM places")}
    assert counted == {f"own/locations|{name}" for name in lists}


def test_an_audience_may_be_any_text(store: SQLiteStore, counters: SQLiteCounters) -> None:
    odd = "NL|x|updated}"
    put(store, AB[:20], odd)
    put(store, ["other"], "NL")

    assert shape(store, f"own/locations|{odd}|updated") == [[("", 6), ("a6", 6), ("b4", 8)], [("", 20)], [("", 20)]]
    page = store.objects.page(PageQuery(LOCATIONS, 1, 15, audience=odd))
    assert (page.documents, page.total) == ([AB[15]], 20)
    assert counters.check("own/locations") == []


@pytest.fixture
def grown(store: SQLiteStore) -> list[str]:
    """A list that grew and shrank everywhere, in order."""
    chance = random.Random(3)
    names = chance.sample(AB, len(AB))
    for begin in range(0, len(names), 16):
        put(store, names[begin : begin + 16])
    gone = chance.sample(names, 60)
    delete(store, *gone, *(set(AB[40:64]) - set(gone)))
    return sorted(set(names) - set(gone) - set(AB[40:64]))


def test_no_chunk_and_no_group_grows_beyond_its_size(
    store: SQLiteStore, counters: SQLiteCounters, grown: list[str]
) -> None:
    chunks, groups, top = shape(store)
    assert max(n for _, n in chunks) <= 8
    for upper, lower in ((groups, chunks), (top, groups)):
        ends = [low for low, _ in upper[1:]] + ["~"]
        members = [[low for low, _ in lower if begin <= low < end] for (begin, _), end in zip(upper, ends, strict=True)]
        assert max(map(len, members)) <= 4
    assert len(top) > 1
    assert {low for low, _ in top} <= {low for low, _ in groups} <= {low for low, _ in chunks}
    assert counters.check("own/locations") == []
    assert sum(n for _, n in chunks) == len(grown)


@pytest.mark.parametrize("order", ["created", "last_updated"])
def test_any_place_is_found_from_the_front_and_its_rank_told(
    store: SQLiteStore, grown: list[str], order: Literal["created", "last_updated"]
) -> None:
    query = PageQuery(LOCATIONS, 1, order=order)
    column = "created_key" if order == "created" else "updated_key"
    with store._database.reading() as db:
        keys = [each for (each,) in db.execute(f"SELECT {column} FROM objects ORDER BY 1")]  # noqa: S608 - of this test
        ranks = Ranks(db, query, column)
        assert ranks.total() == len(keys) == len(grown)
        assert [ranks.rank(each) for each in keys] == list(range(len(keys)))
        assert [ranks.rank(each + "\0") for each in keys] == list(range(1, len(keys) + 1))
        assert (ranks.rank(""), ranks.rank("~")) == (0, len(keys))
        for rank, each in enumerate(keys):
            low, skip = ranks.seek(rank)
            assert [one for one in keys if one >= low][skip] == each
            assert skip < 8, "no more is passed over than a chunk has"
        assert ranks.seek(len(keys)) == ("~", 0)


def test_no_place_costs_more_rows_than_a_group_has(
    store: SQLiteStore, grown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[int, int]] = []
    rows = sqlite_counters._Counted.rows

    def counting(counted: sqlite_counters._Counted, level: int, low: str, end: str | None) -> list[tuple[str, int]]:
        found = rows(counted, level, low, end)
        read.append((level, len(found)))
        return found

    monkeypatch.setattr(sqlite_counters._Counted, "rows", counting)
    with store._database.reading() as db:
        ranks = Ranks(db, PageQuery(LOCATIONS, 1, order="last_updated"), "updated_key")
        for number, name in enumerate(grown):
            ranks.rank(f"{INSTANT}#{name}")
            ranks.seek(number)
        assert len(read) == len(grown) * 6
        ranks.total()
    assert read[-1][0] == 3, "all are counted by the rows of which there are fewest"
    assert max(size for level, size in read if level < 3) <= 4


def test_nothing_comes_before_anything_in_a_list_that_was_never_counted(store: SQLiteStore) -> None:
    with store._database.reading() as db:
        ranks = Ranks(db, PageQuery(LOCATIONS, 1), "created_key")
        assert (ranks.total(), ranks.rank("x"), ranks.seek(0)) == (0, 0, ("~", 0))


# --- held against what is there, and built anew


def test_what_is_wrong_is_told_in_sentences(store: SQLiteStore, counters: SQLiteCounters) -> None:
    put(store, AB[:9])
    put(store, ["x"], "NL-TNM")
    with store._database.writing() as db:
        db.execute("UPDATE counters SET n = n + 1 WHERE list = ? AND level = 1 AND low <> ''", (LIST,))
        db.execute("DELETE FROM counters WHERE list = 'own/locations|created' AND level = 2")
        db.execute("UPDATE counters SET low = 'y' WHERE list LIKE '%TNM|updated' AND level = 3")
        db.execute("INSERT INTO counters VALUES ('own/locations|DE-BOB|updated', 2, '', 4)")
        db.execute("INSERT INTO counters VALUES ('own/tariffs|created', 1, '', 7)")

    assert counters.check("own/locations") == [
        "own/locations|DE-BOB|updated: 4 are counted from '' on at level 2, 0 are there",
        "own/locations|NL-TNM|updated: level 3 does not begin at the beginning",
        "own/locations|created: level 2 does not begin at the beginning",
        f"own/locations|updated: 5 are counted from '{INSTANT}#a6' on at level 1, 4 are there",
    ]
    assert counters.check("own/tariffs") == ["own/tariffs|created: 7 are counted from '' on at level 1, 0 are there"]
    assert counters.collections() == ["own/locations", "own/tariffs"]


def test_collections_are_listed_in_order(store: SQLiteStore, counters: SQLiteCounters) -> None:
    names = [f"{owner}/{module}" for owner in ("own", "NL-TNM", "DE-8AA", "BE-XYZ") for module in ("cdrs", "tokens")]
    for name in names:
        store.objects.put(key("a", Collection.parse(name)), draft("a", INSTANT), expected=None)

    assert counters.collections() == sorted(names)


def test_a_collection_is_built_anew_and_none_beside_it(store: SQLiteStore, counters: SQLiteCounters) -> None:
    beside = [Collection("own", module) for module in ("location", "locations2")]
    for collection in (LOCATIONS, *beside):
        store.objects.put(key("a", collection), draft("a", INSTANT), expected=None)
    with store._database.writing() as db:
        db.execute("UPDATE counters SET n = 9")
        db.execute("INSERT INTO counters VALUES ('own/locations|DE-BOB|updated', 2, '', 4)")
    counters.rebuild("own/locations")

    assert counters.check("own/locations") == []
    assert [len(counters.check(str(collection))) for collection in beside] == [12, 12]
    with store._database.reading() as db:
        assert db.execute("SELECT count(*) FROM counters WHERE list LIKE '%BOB%'").fetchone() == (0,)
        assert db.execute("SELECT DISTINCT n FROM counters WHERE list LIKE 'own/locations2|%'").fetchall() == [(9,)]


def test_a_collection_without_counters_is_one_all_the_same(store: SQLiteStore, counters: SQLiteCounters) -> None:
    put(store, ["a"])
    with store._database.writing() as db:
        db.execute("DELETE FROM counters")

    assert counters.collections() == ["own/locations"]
    assert len(counters.check("own/locations")) == 6
    counters.rebuild("own/locations")
    assert shape(store) == [[("", 1)]] * 3


def test_what_is_built_is_half_full() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(MIGRATIONS[2].split(";")[0])
        db.execute("CREATE TABLE places (collection, list, key)")
        numbers = "WITH RECURSIVE numbers(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers WHERE n < 4096)"
        db.execute(f"INSERT INTO places {numbers} SELECT 'a', 'a|x', printf('%04d', (n * 5) % 4097) FROM numbers")  # noqa: S608 - of this test
        db.execute("INSERT INTO places VALUES ('b', 'b|x', 'only'), ('b', 'b|y', 'only')")
        db.execute(BUILD, ("a",))
        built = db.execute("SELECT level, low, n FROM counters").fetchall()
        assert [row for row in built if row[0] > 1] == [(2, "", 4096), (2, "4096", 1), (3, "", 4097)]
        chunks = [("" if begin == 0 else f"{begin:04}", 128) for begin in range(0, 4096, 128)]
        assert [row[1:] for row in built if row[0] == 1] == [*chunks, ("4096", 1)]
        db.execute("DELETE FROM counters")
        db.execute("DELETE FROM places WHERE collection = 'a' AND key > '0001'")
        db.execute(BUILD, (None,))
        assert db.execute("SELECT list, low, n FROM counters WHERE level = 1").fetchall() == [
            ("a|x", "", 2),
            ("b|x", "", 1),
            ("b|y", "", 1),
        ]


def test_a_page_goes_on_right_after_a_key_that_others_begin_with(store: SQLiteStore) -> None:
    put(store, ["a", "a-", "a1"])
    query = PageQuery(LOCATIONS, 1, order="last_updated")
    following = store.objects.page(replace(query, after=store.objects.page(query).next))
    assert following.documents == ["a-"]


def test_pages_by_offset_and_by_date_are_those_of_the_list(store: SQLiteStore, grown: list[str]) -> None:
    whole = PageQuery(LOCATIONS, 3, order="last_updated")
    for offset in range(0, len(grown) + 2, 5):
        page = store.objects.page(replace(whole, offset=offset))
        assert (page.documents, page.total) == (grown[offset : offset + 3], len(grown))
    for since, total in ((INSTANT, len(grown)), ("2026-01-01T00:00:01Z", 0)):
        assert store.objects.page(replace(whole, updated_from=since)).total == total
        assert store.objects.page(replace(whole, updated_to=since)).total == len(grown) - total
