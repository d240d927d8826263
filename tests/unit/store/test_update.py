"""The optimistic update, over a fake of the port."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.port import Collection, Conflict, Draft, Key, Page, PageQuery, Record, TooLarge, Write
from ocpi.store.update import TRIES, Busy, Outcome, update, update_many

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY = Key(Collection("own", "locations"), "LOC1")


class FakeObjects:
    """Records in a dictionary; ``meddle`` runs before every write, as another writer would."""

    def __init__(self, meddle: Callable[[FakeObjects], None] = lambda _: None) -> None:
        self.records: dict[tuple[Collection, str], Record] = {}
        self.writes = 0
        self.batches: list[int] = []
        self.meddle = meddle

    def get(self, key: Key) -> Record | None:
        return self.records.get((key.collection, key.folded_id))

    def get_many(self, keys: Sequence[Key]) -> list[Record | None]:
        return [self.get(key) for key in keys]

    def put(self, key: Key, draft: Draft, *, expected: int | None) -> Record:
        self.meddle(self)
        return self.write(key, draft, expected)

    def write(self, key: Key, draft: Draft, expected: int | None) -> Record:
        stored = self.get(key)
        if (stored.revision if stored else None) != expected:
            raise Conflict(key.id)
        if len(draft.document) > 100:
            raise TooLarge(len(draft.document), 100)
        self.writes += 1
        record = Record(
            stored.key if stored else key,
            draft.version,
            draft.document,
            draft.last_updated,
            draft.audience,
            (expected or 0) + 1,
            "",
            "",
            draft.lookup,
            draft.due,
            draft.findings,
        )
        self.records[(key.collection, key.folded_id)] = record
        return record

    def put_many(self, writes: Sequence[Write]) -> list[Record | Conflict | TooLarge]:
        self.batches.append(len(writes))
        results: list[Record | Conflict | TooLarge] = []
        for write in writes:
            try:
                results.append(self.put(write.key, write.draft, expected=write.expected))
            except (Conflict, TooLarge) as refusal:
                results.append(refusal)
        return results

    def delete(self, key: Key, *, expected: int) -> None:
        raise NotImplementedError

    def find(self, lookup: str) -> list[Record]:
        raise NotImplementedError

    def due(self, at: str, limit: int) -> list[Record]:
        raise NotImplementedError

    def page(self, query: PageQuery) -> Page:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without their being waited for."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


def draft(document: str) -> Draft:
    return Draft("2.1.1", document, "2026-01-01T00:00:00Z", "*")


def appended(letter: str) -> Callable[[Record | None], Draft]:
    return lambda record: draft((record.document if record else "") + letter)


def add_x_times(times: int) -> Callable[[FakeObjects], None]:
    left = iter(range(times))

    def meddle(objects: FakeObjects) -> None:
        if next(left, None) is not None:
            stored = objects.get(KEY)
            objects.write(KEY, appended("x")(stored), stored.revision if stored else None)

    return meddle


def test_what_is_not_there_is_created() -> None:
    objects = FakeObjects()
    outcome = update(objects, KEY, appended("a"))

    assert outcome.before is None
    assert outcome.after == objects.get(KEY)
    assert outcome.changed


def test_what_is_there_is_replaced() -> None:
    objects = FakeObjects()
    first = update(objects, KEY, appended("a")).after
    outcome = update(objects, KEY, appended("b"))

    assert (outcome.before, outcome.changed) == (first, True)
    assert outcome.after
    assert (outcome.after.document, outcome.after.revision) == ("ab", 2)


def test_deciding_for_nothing_leaves_it() -> None:
    objects = FakeObjects()
    assert update(objects, KEY, lambda _: None) == Outcome(None, None)
    first = update(objects, KEY, appended("a")).after
    outcome = update(objects, KEY, lambda _: None)

    assert outcome == Outcome(first, first)
    assert not outcome.changed
    assert objects.writes == 1


@pytest.mark.parametrize(
    ("changes", "writes"),
    [
        ({}, 1),
        ({"last_updated": "2030-01-01T00:00:00Z"}, 1),
        ({"document": "b"}, 2),
        ({"version": "2.2.1"}, 2),
        ({"audience": None}, 2),
        ({"lookup": "x"}, 2),
        ({"due": "2030-01-01T00:00:00Z"}, 2),
        ({"findings": ("x",)}, 2),
    ],
)
def test_equal_content_writes_nothing(changes: dict[str, Any], writes: int) -> None:
    objects = FakeObjects()
    update(objects, KEY, lambda _: draft("a"))
    outcome = update(objects, KEY, lambda _: replace(draft("a"), **changes))

    assert objects.writes == writes
    assert outcome.changed == (writes == 2)


def test_a_conflict_is_decided_anew_on_what_the_other_wrote(pauses: list[float]) -> None:
    outcome = update(FakeObjects(add_x_times(3)), KEY, appended("a"))

    assert outcome.after
    assert outcome.before
    assert (outcome.before.document, outcome.after.document) == ("xxx", "xxxa")
    assert len(pauses) == 3


def test_one_who_never_gets_through_is_told_that_it_is_busy(pauses: list[float]) -> None:
    objects = FakeObjects(add_x_times(TRIES))
    with pytest.raises(Busy) as busy:
        update(objects, KEY, appended("a"))

    assert str(busy.value) == "an object of own/locations was written by others 30 times in a row"
    stored = objects.get(KEY)
    assert stored
    assert stored.document == "x" * TRIES
    assert len(pauses) == TRIES - 1
    assert max(pauses) <= 0.5


def test_pauses_are_at_random_within_a_bound_that_doubles_up_to_half_a_second(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []

    def longest(low: float, high: float) -> float:
        drawn.append(low)
        return high

    monkeypatch.setattr("random.uniform", longest)
    update(FakeObjects(add_x_times(9)), KEY, appended("a"))

    assert pauses == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5]
    assert drawn == [0] * 9


def test_one_who_gets_through_at_the_last_try_does(pauses: list[float]) -> None:
    outcome = update(FakeObjects(add_x_times(TRIES - 1)), KEY, appended("a"))

    assert outcome.after
    assert outcome.after.document == "x" * (TRIES - 1) + "a"


def test_what_decide_raises_ends_it_and_nothing_is_written() -> None:
    objects = FakeObjects()

    def refuse(_: Record | None) -> Draft:
        raise PermissionError

    with pytest.raises(PermissionError):
        update(objects, KEY, refuse)
    assert objects.writes == 0


def test_many_are_written_in_one_batch_and_a_bad_one_stops_no_other() -> None:
    objects = FakeObjects()
    keys = [replace(KEY, id=str(number)) for number in range(5)]

    def refuse(_: Record | None) -> Draft:
        raise PermissionError

    decisions = [appended("a"), refuse, lambda _: None, appended("y" * 101), appended("b")]
    results = update_many(objects, list(zip(keys, decisions, strict=True)))
    assert [type(result) for result in results] == [Outcome, PermissionError, Outcome, TooLarge, Outcome]
    assert [isinstance(result, Outcome) and result.changed for result in results] == [True, False, False, False, True]
    assert objects.batches == [3]
    assert update_many(objects, []) == []


def test_what_is_there_is_replaced_in_the_batch_and_decided_once() -> None:
    objects = FakeObjects()
    first = update(objects, KEY, appended("a")).after
    decided: list[Record | None] = []

    def decide(record: Record | None) -> Draft:
        decided.append(record)
        return appended("b")(record)

    (result,) = update_many(objects, [(KEY, decide)])
    assert result == Outcome(first, objects.get(KEY))
    assert decided == [first]
    assert objects.batches == [1]


def test_where_nothing_changes_the_database_is_asked_for_no_write() -> None:
    objects = FakeObjects()
    first = update(objects, KEY, appended("a")).after
    results = update_many(objects, [(KEY, lambda _: draft("a")), (replace(KEY, id="other"), lambda _: None)])

    assert results == [Outcome(first, first), Outcome(None, None)]
    assert objects.batches == []


@pytest.mark.parametrize("method", ["get_many", "put_many"])
def test_a_database_that_tells_of_one_too_few_is_an_error_and_no_line_lost(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = FakeObjects()
    whole = getattr(objects, method)
    monkeypatch.setattr(objects, method, lambda asked: whole(asked)[:-1])

    with pytest.raises(ValueError, match="shorter"):
        update_many(objects, [(KEY, appended("a")), (replace(KEY, id="other"), appended("b"))])


def test_a_repeated_key_is_handled_in_order() -> None:
    objects = FakeObjects()
    other = replace(KEY, id="other")
    lower = replace(KEY, id=KEY.id.lower())
    items = [(KEY, appended("a")), (other, appended("1")), (lower, appended("b")), (KEY, appended("c"))]
    results = update_many(objects, items)

    after = [result.after for result in results if isinstance(result, Outcome)]
    assert [record and record.document for record in after] == ["a", "1", "ab", "abc"]
    assert objects.batches == [2, 1, 1]


def test_of_many_only_the_one_in_conflict_is_decided_anew() -> None:
    objects = FakeObjects(add_x_times(1))
    other = replace(KEY, id="other")
    decided: list[str] = []

    def counting(name: str) -> Callable[[Record | None], Draft]:
        def decide(record: Record | None) -> Draft:
            decided.append(name)
            return appended("a")(record)

        return decide

    results = update_many(objects, [(KEY, counting("one")), (other, counting("other"))])
    after = [result.after for result in results if isinstance(result, Outcome)]
    assert [record and record.document for record in after] == ["xa", "a"]
    assert decided == ["one", "other", "one"]


def test_of_many_one_that_never_gets_through_is_busy_and_the_rest_is_done() -> None:
    objects = FakeObjects(add_x_times(1000))
    other = replace(KEY, id="other")
    results = update_many(objects, [(KEY, appended("a")), (other, appended("b"))])

    assert [type(result) for result in results] == [Busy, Outcome]


def test_what_decide_raises_the_second_time_is_the_result_too() -> None:
    def only_once(record: Record | None) -> Draft:
        if record:
            raise FileExistsError
        return draft("a")

    (result,) = update_many(FakeObjects(add_x_times(1)), [(KEY, only_once)])
    assert isinstance(result, FileExistsError)


def test_an_error_of_the_database_is_raised_and_is_no_result() -> None:
    class Unreachable(FakeObjects):
        def get(self, key: Key) -> Record | None:
            if self.batches:  # the database goes away in the middle
                raise ConnectionError
            return super().get(key)

        def put(self, key: Key, draft: Draft, *, expected: int | None) -> Record:
            raise Conflict(key.id)

    with pytest.raises(ConnectionError):
        update_many(Unreachable(), [(KEY, appended("a"))])
