"""What cannot be counted holds up nothing: it is noted, pages stay right, and a repair makes them cheap again."""

from __future__ import annotations

import random
import re
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ocpi.store import dynamodb_following
from ocpi.store.dynamodb_counters import COMPLETE, as_key, state_key
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.dynamodb_counting import Counting
from ocpi.store.port import PageQuery, Uncounted
from tests.support.counted import FakeStream
from tests.support.histories import History
from tests.support.stores import LOCATIONS, draft, key
from tests.support.strict_dynamodb import StrictDynamoDB

if TYPE_CHECKING:
    from ocpi.store.dynamodb_tallies import ObjectChange

pytestmark = pytest.mark.usefixtures("small_chunks", "short_pauses")

HOUR = 3600


def poison(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    count = Counting._count

    def fail(counting: Counting, batch: list[ObjectChange]) -> None:
        if any(change.pk.endswith(f"#{name}") for change in batch):
            raise error
        count(counting, batch)

    monkeypatch.setattr(Counting, "_count", fail)


def written(stream: FakeStream, size: int = 40) -> list[dict[str, Any]]:
    for number in range(size):
        stream.store.objects.put(key(f"l{number}"), draft("1", f"2026-01-01T00:00:{number:02d}Z"), expected=None)
    return stream.pending()


def counters(stream: FakeStream) -> DynamoDBCounters:
    return DynamoDBCounters(stream.client, "store")


def test_one_change_that_cannot_be_counted_is_given_up_and_all_others_are_counted() -> None:
    stream = FakeStream()
    records = written(stream)
    with pytest.MonkeyPatch.context() as patched:
        poison(patched, "l7", KeyError("structure"))
        with pytest.raises(Uncounted, match="own/locations"):
            stream.store.follow(records)
        stream.store.follow(records)  # the batch comes again, and there is nothing left to do

    assert counters(stream).check("own/locations") == ["own/locations is not counted completely"]
    page = stream.store.objects.page(PageQuery(LOCATIONS, 2, 20, order="last_updated", audience="*"))
    assert (len(page.documents), page.total) == (2, 40)
    tallies = [key for key in stream.table.items if key[1] == "COUNTED"]
    assert len(tallies) == 40
    counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == []
    stream.store.objects.delete(key("l7"), expected=1)
    stream.catch_up()
    assert counters(stream).check("own/locations") == []


def test_a_batch_that_can_be_counted_is_one_transaction() -> None:
    stream = FakeStream()
    stream.store.follow(written(stream, 3))

    assert stream.table.calls["TransactWriteItems"] == 1


def test_what_is_given_up_before_anything_was_counted_is_noted_with_its_reason() -> None:
    stream = FakeStream(StrictDynamoDB())
    records = written(stream, 1)
    with pytest.MonkeyPatch.context() as patched:
        poison(patched, "l0", KeyError("structure"))
        with pytest.raises(Uncounted):
            stream.store.follow(records)
        stream.store.follow(records)  # and is known to be given up, however late a copy of the table may be

    state = dict(stream.table.items[state_key("own/locations")])
    doubt: Any = state.pop("doubt")
    assert state == as_key(state_key("own/locations")) | {"generation": {"N": "1"}, COMPLETE: {"BOOL": False}}
    assert re.fullmatch(r"KeyError at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", doubt["S"])
    counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == []


def test_a_change_that_is_given_up_while_counters_are_built_keeps_them_from_being_complete() -> None:
    stream = FakeStream()
    records = written(stream)
    stream.store.follow(records)
    stream.store.objects.put(key("l7"), draft("2", "2026-01-02T00:00:00Z"), expected=1)
    late = stream.pending()

    def give_up_meanwhile() -> None:
        stream.table.after = lambda: None
        with pytest.MonkeyPatch.context() as patched:
            poison(patched, "l7", KeyError("structure"))
            with pytest.raises(Uncounted):
                stream.store.follow(late)

    stream.table.after = give_up_meanwhile
    with pytest.raises(stream.client.exceptions.ConditionalCheckFailedException):
        counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == ["own/locations is not counted completely"]
    counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == []


THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")


@pytest.mark.parametrize("error", [THROTTLED, TimeoutError("others were faster")])
@pytest.mark.parametrize("age", [None, 5 * HOUR])
def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch, error: Exception, age: int | None) -> None:
    stream = FakeStream()
    records = written(stream, 3)
    if age:
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] = time.time() - age
    with monkeypatch.context() as patched:
        poison(patched, "l1", error)
        with pytest.raises(type(error)):
            stream.store.follow(records)
    stream.store.follow(records)
    assert counters(stream).check("own/locations") == []


def test_a_table_that_is_throttled_is_not_asked_for_each_change_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = FakeStream()
    records = written(stream, 3)
    asked = []

    def throttle(_: Counting, batch: list[ObjectChange]) -> None:
        asked.append(len(batch))
        raise THROTTLED

    monkeypatch.setattr(Counting, "_count", throttle)
    with pytest.raises(ClientError):
        stream.store.follow(records)
    assert asked == [3]


@pytest.mark.parametrize(("seconds", "refusal"), [(6 * HOUR - 1, ClientError), (6 * HOUR, Uncounted)])
def test_patience_ends_after_six_hours(monkeypatch: pytest.MonkeyPatch, seconds: int, refusal: type[Exception]) -> None:
    now = 1_800_000_000
    clock = SimpleNamespace(time=lambda: now, strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr(dynamodb_following, "time", clock)
    stream = FakeStream()
    records = written(stream, 2)
    records[0]["dynamodb"]["ApproximateCreationDateTime"] = now - seconds
    poison(monkeypatch, "l0", THROTTLED)

    with pytest.raises(refusal):
        stream.store.follow(records)


def test_what_did_not_pass_for_hours_is_given_up_before_the_stream_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = FakeStream()
    records = written(stream, 3)
    for record in records:
        record["dynamodb"]["ApproximateCreationDateTime"] = time.time() - 7 * HOUR
    poison(monkeypatch, "l1", THROTTLED)
    with pytest.raises(Uncounted):
        stream.store.follow(records)


def test_a_tree_that_lacks_a_part_is_walked_and_not_waited_for() -> None:
    stream = FakeStream()
    stream.store.follow(written(stream))
    part = next(key for key in stream.table.items if "|created" in key[0] and key[1].startswith("2#"))
    del stream.table.items[part]
    assert stream.store.objects.page(PageQuery(LOCATIONS, 1, 30)).total == 40
    for number in range(40):
        stream.store.objects.delete(key(f"l{number}"), expected=1)

    with pytest.raises(Uncounted) as refusal:
        stream.store.follow(stream.pending())
    assert isinstance(refusal.value.__cause__, LookupError)
    counters(stream).rebuild("own/locations")
    assert counters(stream).check("own/locations") == []


def test_objects_older_than_the_list_of_what_is_for_everybody_are_put_into_it() -> None:
    stream = FakeStream()
    history = History(stream.store.objects, random.Random(4))
    for _ in range(200):
        history.write()
    everybodys = [name for name, record in history.live.items() if record.audience == "*"]
    for name in everybodys:
        old = stream.table.items[(f"OBJECT#own/locations#{name}", "OBJECT")]
        new = {attribute: value for attribute, value in old.items() if attribute not in ("view", "addressed_key")}
        stream.table._replace((f"OBJECT#own/locations#{name}", "OBJECT"), old, new)

    with pytest.raises(Uncounted):
        stream.store.follow(stream.pending())
    assert stream.store.objects.page(PageQuery(LOCATIONS, 1, audience="*")).total == len(everybodys)
    counters(stream).rebuild("own/locations")
    stream.catch_up()
    assert counters(stream).check("own/locations") == []
    for _ in range(30):
        query = history.query()
        assert history.is_paged_right(query), query


def test_a_missing_place_in_the_list_of_what_is_for_everybody_is_found() -> None:
    stream = FakeStream()
    stream.store.follow(written(stream, 2))
    at = ("OBJECT#own/locations#l1", "OBJECT")
    old = stream.table.items[at]
    stream.table._replace(at, old, {name: value for name, value in old.items() if name != "view"})

    assert counters(stream).check("own/locations") == [f"{at[0]} is not in the list of what is for everybody"]


def test_counters_from_when_what_is_for_everybody_had_no_view_are_not_relied_on() -> None:
    stream = FakeStream()
    stream.store.follow(written(stream))
    pk, sk = state_key("own/locations")
    state = stream.table.items[pk, sk]
    state["complete"] = state.pop(COMPLETE)
    for (item_pk, _), item in stream.table.items.items():
        if item_pk.startswith("OBJECT#"):
            item.pop("view", None)

    page = stream.store.objects.page(PageQuery(LOCATIONS, 2, audience="*"))
    assert (len(page.documents), page.total) == (2, 40)
    assert counters(stream).check("own/locations") == ["own/locations is not counted completely"]
