"""Each expected number is computed by hand from DynamoDB's documentation."""

from __future__ import annotations

from typing import Any

import pytest
from costing.capacity import TABLE, Index, indexes_of, item_bytes, read_units, write_units

from tests.support.table import index_keys

KEY = {"pk": {"S": "A"}, "sk": {"S": "B"}}
BY_LIST = Index("by_list", "list", "rank", frozenset({"pk", "sk", "list", "rank", "audience"}))


def item(size: int = 0, **attributes: Any) -> dict[str, Any]:
    """An item of 6 bytes and more: an attribute ``x`` makes it ``size`` bytes."""
    found = {**KEY, **{name: {"S": value} for name, value in attributes.items()}}
    return found | ({"x": {"S": "." * (size - item_bytes(found) - 1)}} if size else {})


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "-12"}, 3),
        ({"N": "1200"}, 2),
        ({"N": "12.345"}, 4),
        ({"N": "1E+20"}, 2),
        ({"B": b"123"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "12"]}, 4),
        ({"BS": [b"ab", b"c"]}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_a_value_has_the_size_that_dynamodb_gives_it(value: dict[str, Any], size: int) -> None:
    assert item_bytes({"name": value}) == 4 + size


def test_nothing_has_no_size() -> None:
    assert item_bytes(None) == item_bytes({}) == 0


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [(0, True, 1), (0, False, 0.5), (4096, True, 1), (4097, True, 2), (4097, False, 1), (12_289, False, 2)],
)
def test_reads_are_charged_in_steps_of_4_kb(size: int, consistent: bool, units: float) -> None:
    assert read_units(size, consistent=consistent) == units


@pytest.mark.parametrize(("before", "after", "units"), [(0, 1024, 1), (0, 1025, 2), (3000, 10, 3), (10, 2049, 3)])
def test_a_write_is_charged_by_the_larger_of_before_and_after(before: int, after: int, units: int) -> None:
    old = item(before) if before else None
    assert write_units(old, item(after), [BY_LIST], transacted=False) == {TABLE: units}


def test_a_deletion_is_charged_by_what_was_there_and_nothing_as_the_least() -> None:
    assert write_units(item(2048), None, [], transacted=False) == {TABLE: 2}
    assert write_units(None, None, [], transacted=False) == {TABLE: 1}


def test_an_index_is_charged_only_where_its_entry_changes() -> None:
    listed, moved = item(2000, list="l", rank="1"), item(2000, list="l", rank="2")
    changed = item(3000, list="l", rank="1")
    seen = item(2000, list="l", rank="1", audience="*")
    charges = {
        "comes in": (item(2000), listed, 1),
        "goes out": (listed, item(2000), 1),
        "stays": (listed, changed, 0),
        "moves": (listed, moved, 2),
        "shows something else": (listed, seen, 1),
    }
    for said, (old, new, units) in charges.items():
        assert write_units(old, new, [BY_LIST], transacted=False)["by_list"] == units, said


def test_an_entry_of_an_index_is_as_large_as_what_is_projected() -> None:
    listed = item(5000, list="l", rank="r" * 1024)
    assert write_units(None, listed, [BY_LIST], transacted=False) == {TABLE: 5, "by_list": 2}


def test_a_transaction_doubles_what_the_table_takes_and_not_the_indexes() -> None:
    listed = item(1500, list="l", rank="1")
    assert write_units(None, listed, [BY_LIST], transacted=True) == {TABLE: 4, "by_list": 1}


def test_a_write_that_changes_nothing_is_charged_all_the_same() -> None:
    listed = item(1500, list="l", rank="1")
    assert write_units(listed, listed, [BY_LIST], transacted=False) == {TABLE: 2}


def test_indexes_are_read_from_the_table_of_the_template() -> None:
    described = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "KeySchema": [{"AttributeName": one, "KeyType": "HASH"}, {"AttributeName": two, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["audience"]},
            }
            for name, (one, two) in index_keys().items()
        ],
    }
    found = {index.name: index for index in indexes_of(described)}
    assert found["by_created"].projected == {"pk", "sk", "collection", "created_key", "audience"}
    assert found.keys() == index_keys().keys()
