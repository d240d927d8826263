"""Deliveries: what each partner did and did not get of our objects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.deliveries import HELD, Channel, Delivery, DeliveryKey, DeliveryPage, DeliveryState
from ocpi.store.port import Conflict
from tests.support.known_partners import know

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocpi.store.port import Store
    from tests.support.stores import Backend

PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}.000000Z"


def delivery_key(object_id: str, module: str = "locations", partner_id: str = "p1") -> DeliveryKey:
    return DeliveryKey(partner_id, module, object_id)


def pending(key: DeliveryKey, due: str | int = 0, **fields: Any) -> Delivery:
    return Delivery(key, PENDING, at(0), due=at(due) if isinstance(due, int) else due, **fields)


def delivered(key: DeliveryKey) -> Delivery:
    return Delivery(key, DELIVERED, at(0), holds="1-x")


def failed(key: DeliveryKey, since: int = 0) -> Delivery:
    return Delivery(key, FAILED, at(since))


def put(store: Store, *deliveries: Delivery) -> list[Delivery]:
    written = [result for result in store.deliveries.put_many(deliveries) if isinstance(result, Delivery)]
    assert len(written) == len(deliveries)
    return written


def ids(deliveries: Iterable[Delivery]) -> list[str]:
    return [delivery.key.object_id for delivery in deliveries]


@pytest.mark.parametrize(
    "delivery",
    [
        pending(delivery_key("Löc # 1", "tariffs"), 7),
        delivered(delivery_key("RFID/AbC", "tokens")),
        failed(delivery_key("CDR1", "cdrs")),
        Delivery(
            delivery_key("CDR1", "cdrs"),
            PENDING,
            since=at(1),
            due=at(2),
            holds=f"7-{at(0)}",
            attempts=3,
            last_attempt_at=at(1),
            http_status=500,
            ocpi_status=3000,
            message="Nicht möglich: “no” 😀",
            url="https://example.com/cdrs/1?a=b#c",
            unsure=True,
        ),
    ],
)
def test_a_delivery_is_kept_with_every_field(store: Store, delivery: Delivery) -> None:
    written = store.deliveries.put_many([delivery])

    assert written == [replace(delivery, revision=1)]
    assert store.deliveries.get_many([delivery.key]) == written


def test_fields_that_say_nothing_any_more_are_gone(store: Store) -> None:
    (full,) = put(store, pending(delivery_key("L"), 3, message="m", url="u", http_status=404, last_attempt_at=at(1)))
    bare = replace(delivered(full.key), revision=1)

    assert put(store, bare) == [replace(bare, revision=2)]
    assert store.deliveries.get_many([full.key]) == [replace(bare, revision=2)]


def test_another_instance_finds_it(backend: Backend) -> None:
    (written,) = put(backend.open(), pending(delivery_key("L")))

    assert backend.open().deliveries.get_many([written.key]) == [written]


def test_many_are_read_in_the_order_of_their_keys(store: Store) -> None:
    a, b, other = put(
        store, pending(delivery_key("A")), failed(delivery_key("B")), delivered(delivery_key("A", partner_id="p2"))
    )
    keys = [delivery_key("b"), delivery_key("A", "cdrs"), other.key, delivery_key("A"), delivery_key("B")]

    assert store.deliveries.get_many(keys) == [b, None, other, a, b]
    assert store.deliveries.get_many([]) == []
    assert store.deliveries.put_many([]) == []
    assert store.deliveries.delete_many([]) == []


def test_a_key_longer_than_any_database_takes_is_not_there(store: Store) -> None:
    (a,) = put(store, pending(delivery_key("A")))

    assert store.deliveries.get_many([delivery_key("x" * 3000), a.key]) == [None, a]


def test_hundreds_are_written_and_read_at_once(store: Store) -> None:
    written = put(store, *(pending(delivery_key(f"L{n}"), n % 60) for n in range(230)))

    assert store.deliveries.get_many([delivery.key for delivery in written]) == list(written)


def test_what_is_not_at_the_expected_revision_is_a_conflict_and_is_not_written(store: Store) -> None:
    first, other = put(store, pending(delivery_key("A")), pending(delivery_key("B")))
    (second,) = put(store, replace(first, attempts=1))
    tries = [
        replace(delivered(first.key), revision=0),
        replace(delivered(other.key), revision=1),
        delivered(delivery_key("new")),
        replace(delivered(delivery_key("gone")), revision=1),
    ]

    results = store.deliveries.put_many(tries)
    assert [type(result) for result in results] == [Conflict, Delivery, Delivery, Conflict]
    assert store.deliveries.get_many([first.key, delivery_key("gone")]) == [second, None]
    (stale,) = store.deliveries.put_many([replace(delivered(first.key), revision=1)])
    assert isinstance(stale, Conflict)
    assert store.deliveries.get_many([first.key]) == [second]


def test_only_what_is_at_the_expected_revision_is_deleted(store: Store) -> None:
    a, b = put(store, pending(delivery_key("A")), failed(delivery_key("B")))
    (again,) = put(store, a)

    results = store.deliveries.delete_many([a, b, failed(delivery_key("never"))])
    assert [type(result) for result in results] == [Conflict, type(None), Conflict]
    assert store.deliveries.get_many([a.key, b.key]) == [again, None]
    assert store.deliveries.count("p1", FAILED) == 0
    (repeated,) = store.deliveries.delete_many([b])
    assert isinstance(repeated, Conflict)


@pytest.mark.parametrize("expected", [0, 1])
def test_of_writers_at_the_same_time_exactly_one_wins(backend: Backend, expected: int) -> None:
    store = backend.open()
    key = delivery_key("L")
    if expected:
        put(store, pending(key))

    def write(number: int) -> int | None:
        mine = replace(pending(key), message=str(number), revision=expected)
        (result,) = backend.open().deliveries.put_many([mine])
        return number if isinstance(result, Delivery) else None

    with ThreadPoolExecutor(4) as pool:
        winners = [number for number in pool.map(write, range(4)) if number is not None]
    (stored,) = store.deliveries.get_many([key])
    assert stored
    assert [stored.message] == [str(number) for number in winners]
    assert stored.revision == expected + 1


def test_what_is_due_comes_longest_overdue_first(store: Store) -> None:
    put(
        store,
        pending(delivery_key("C"), 3),
        pending(delivery_key("A"), 1),
        pending(delivery_key("z", "cdrs"), 2),
        pending(delivery_key("B"), 2),
        pending(delivery_key("other", partner_id="p2"), 1),
        failed(delivery_key("F")),
        delivered(delivery_key("D")),
    )

    assert ids(store.deliveries.due("p1", at(0), 9)) == []
    assert ids(store.deliveries.due("p1", at(1), 9)) == ["A"]
    assert ids(store.deliveries.due("p1", at(59), 9)) == ["A", "z", "B", "C"]
    assert ids(store.deliveries.due("p1", at(59), 3)) == ["A", "z", "B"]
    assert ids(store.deliveries.due("p2", at(59), 9)) == ["other"]
    assert ids(store.deliveries.due("p", at(59), 9)) == []


def test_what_is_held_is_not_due_and_still_pending(store: Store) -> None:
    (held, _) = put(store, pending(delivery_key("H"), HELD), pending(delivery_key("A"), 5))

    assert ids(store.deliveries.due("p1", "2999-01-01T00:00:00.000000Z", 9)) == ["A"]
    assert store.deliveries.count("p1", PENDING) == 2
    assert ids(store.deliveries.page("p1", PENDING, 9).deliveries) == ["A", "H"]
    put(store, replace(held, due=at(1)))
    assert ids(store.deliveries.due("p1", at(9), 9)) == ["H", "A"]


def test_what_was_delivered_or_postponed_is_not_due_any_more(store: Store) -> None:
    a, b, c, d = put(store, *(pending(delivery_key(name), 1) for name in "ABCD"))
    put(store, replace(a, state=DELIVERED, due=None), replace(b, due=at(9)), replace(c, state=FAILED, due=None))

    assert ids(store.deliveries.due("p1", at(5), 9)) == [d.key.object_id]


def test_more_are_due_than_one_batch_holds(store: Store) -> None:
    put(store, *(pending(delivery_key(f"L{n:03}"), 1) for n in range(130)))

    assert ids(store.deliveries.due("p1", at(1), 120)) == [f"L{n:03}" for n in range(120)]
    assert len(store.deliveries.due("p1", at(1), 500)) == 130


@pytest.fixture
def one_of_each(store: Store) -> None:
    put(
        store,
        *(pending(delivery_key(f"P#{n}"), 9 - n) for n in range(5)),
        *(failed(delivery_key(f"F{n}", "tariffs"), since=9 - n) for n in range(3)),
        *(delivered(delivery_key(f"D{n}", "cdrs")) for n in range(4)),
        pending(delivery_key("other", partner_id="p2")),
    )


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (PENDING, ["P#4", "P#3", "P#2", "P#1", "P#0"]),
        (FAILED, ["F2", "F1", "F0"]),
        (DELIVERED, ["D0", "D1", "D2", "D3"]),
        (None, ["D0", "D1", "D2", "D3", "P#0", "P#1", "P#2", "P#3", "P#4", "F0", "F1", "F2"]),
    ],
)
def test_pages_of_a_state_hold_each_delivery_once_with_the_exact_total(
    store: Store, state: DeliveryState | None, expected: list[str], limit: int
) -> None:
    found: list[str] = []
    after = None
    while True:
        page = store.deliveries.page("p1", state, limit, after, counted=True)
        assert page.total == len(expected)
        assert store.deliveries.page("p1", state, limit, after) == replace(page, total=None)
        assert 1 <= len(page.deliveries) <= limit
        assert all(state in (None, delivery.state) for delivery in page.deliveries)
        found += ids(page.deliveries)
        after = page.next
        if after is None:
            break
    assert found == expected


@pytest.mark.usefixtures("one_of_each")
def test_deliveries_are_counted_by_state(store: Store) -> None:
    assert [store.deliveries.count("p1", state) for state in DeliveryState] == [5, 4, 3]
    assert [store.deliveries.count("p2", state) for state in DeliveryState] == [1, 0, 0]


@pytest.mark.parametrize("state", [None, *DeliveryState])
def test_a_partner_without_deliveries_has_an_empty_page(store: Store, state: DeliveryState | None) -> None:
    assert store.deliveries.page("p1", state, 5, counted=True) == DeliveryPage([], 0, None)
    assert store.deliveries.page("p1", state, 5, f"{at(1)}#locations#x") == DeliveryPage([], None, None)


def test_a_page_goes_on_behind_its_position_even_if_what_stood_there_is_gone(store: Store) -> None:
    put(store, *(pending(delivery_key(name), second) for second, name in enumerate("ABCD")))
    page = store.deliveries.page("p1", PENDING, 2, counted=True)
    b = page.deliveries[1]
    put(store, replace(b, state=DELIVERED, due=None), pending(delivery_key("early"), 0))

    rest = store.deliveries.page("p1", PENDING, 2, page.next, counted=True)
    assert (ids(rest.deliveries), rest.total, rest.next) == (["C", "D"], 4, None)


@pytest.mark.usefixtures("one_of_each")
def test_what_is_forgotten_of_a_partner_is_all_of_it_and_nobody_elses(store: Store) -> None:
    put(store, *(pending(delivery_key(f"many{n}")) for n in range(60)))
    know(store, "p1", "p2")
    store.channels.put(Channel("p1", failures=3))
    kept = store.channels.put(Channel("p2", failures=4))

    for _ in range(2):
        assert store.deliveries.forget("p1")
        assert store.deliveries.page("p1", None, 5, counted=True) == DeliveryPage([], 0, None)
        assert [store.deliveries.count("p1", state) for state in DeliveryState] == [0, 0, 0]
        assert store.deliveries.due("p1", HELD, 5) == []
        assert store.channels.get("p1") == Channel("p1")
    assert ids(store.deliveries.due("p2", at(9), 5)) == ["other"]
    assert store.channels.get("p2") == kept


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize(
    ("state", "module", "expected"),
    [
        (DELIVERED, "cdrs", ["D0", "D1", "D2", "D3"]),
        (DELIVERED, "tariffs", []),
        (None, "tariffs", ["F0", "F1", "F2"]),
        (None, "locations", ["P#0", "P#1", "P#2", "P#3", "P#4"]),
        (None, "location", []),
    ],
)
def test_the_deliveries_of_a_module_are_a_list_of_their_own(
    store: Store, state: DeliveryState | None, module: str, expected: list[str], limit: int
) -> None:
    found: list[str] = []
    after = None
    while True:
        page = store.deliveries.page("p1", state, limit, after, module=module, counted=True)
        assert page.total == len(expected)
        found += ids(page.deliveries)
        after = page.next
        if after is None:
            break
    assert found == expected


@pytest.mark.parametrize("state", [PENDING, FAILED])
def test_what_is_in_order_of_time_is_in_no_order_of_modules(store: Store, state: DeliveryState) -> None:
    with pytest.raises(ValueError, match=state):
        store.deliveries.page("p1", state, 5, module="tariffs")


def test_a_page_may_begin_at_what_is_held_of_a_module(store: Store) -> None:
    put(
        store,
        pending(delivery_key("A"), 1),
        pending(delivery_key("H1", "cdrs"), HELD),
        pending(delivery_key("H2", "tariffs"), HELD),
        pending(delivery_key("H3", "locations"), HELD),
    )
    assert ids(store.deliveries.page("p1", PENDING, 9, HELD).deliveries) == ["H1", "H3", "H2"]
    assert ids(store.deliveries.page("p1", PENDING, 9, f"{HELD}#locations#").deliveries) == ["H3", "H2"]


@pytest.mark.usefixtures("one_of_each")
def test_a_partner_is_forgotten_a_part_at_a_time_and_its_channel_last(store: Store) -> None:
    know(store, "p1")
    store.channels.put(Channel("p1", failures=3))

    assert not store.deliveries.forget("p1", 5)
    assert store.deliveries.page("p1", None, 1, counted=True).total == 7
    assert store.channels.get("p1").failures == 3
    assert store.deliveries.forget("p1", 7)
    assert store.deliveries.page("p1", None, 5) == DeliveryPage([], None, None)
    assert store.channels.get("p1") == Channel("p1")
    assert ids(store.deliveries.due("p2", at(9), 5)) == ["other"]


@pytest.mark.parametrize(("state", "due"), [(PENDING, None), (DELIVERED, at(0)), (FAILED, at(0))])
def test_exactly_what_is_pending_is_due_at_some_time(state: DeliveryState, due: str | None) -> None:
    with pytest.raises(ValueError, match=state):
        Delivery(delivery_key("L"), state, at(0), due=due)
