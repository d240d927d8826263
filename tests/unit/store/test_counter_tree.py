"""The tree of counters by itself: which child a key belongs to, what comes before it, and how chunks are cut."""

from __future__ import annotations

import pytest

from ocpi.store.counter_tree import (
    BOTTOM,
    CHUNK,
    FANOUT,
    MIDDLE,
    ROOT,
    TOP,
    Node,
    NodeId,
    count_of,
    cut,
    packed,
    separator,
    size_of,
)

NODE = Node(NodeId(BOTTOM, "b"), upper="m", children={"f": 2, "b": 1, "j": 4})


def test_levels_come_one_after_another_and_the_first_node_begins_below_every_key() -> None:
    assert (TOP, MIDDLE, BOTTOM) == (0, 1, 2)
    assert ROOT == (TOP, "")
    assert NodeId(1, "x") == NodeId(level=1, low="x")


def test_a_node_that_was_never_stored_says_nothing() -> None:
    node, other = Node(ROOT), Node(ROOT)

    assert (node.structure, node.changes, node.upper, node.children) == (0, 0, None, {})
    node.children["a"] = 1
    assert other.children == {}


def test_two_counts_are_kept_in_one_number_and_add_up_apart() -> None:
    total = packed(7, 3) + packed(999_999_999_990, 0) - packed(1, 1)

    assert count_of(total, everybody=False) == 999_999_999_996
    assert count_of(total, everybody=True) == 2
    assert size_of(total) == 999_999_999_996
    assert packed(1, 0) == 1
    assert packed(0, 1) == 1_000_000_000_000
    assert packed(5, 0) + packed(-5, 0) == 0


def test_a_key_belongs_to_the_last_child_that_does_not_begin_after_it() -> None:
    assert NODE.lows() == ["b", "f", "j"]
    assert [NODE.child(key) for key in ("b", "e", "f", "fa", "j", "z")] == ["b", "b", "f", "f", "j", "j"]
    assert NODE.child("a") == "b"


def test_a_node_covers_what_comes_before_its_upper_end() -> None:
    assert NODE.covers("lzz")
    assert not NODE.covers("m")
    assert not NODE.covers("n")
    assert Node(ROOT).covers("~")


def test_sums_are_of_all_children_and_of_those_before() -> None:
    assert NODE.total() == 7
    assert [NODE.before(low) for low in ("b", "f", "j", "z")] == [0, 1, 3, 7]


def test_a_child_ends_where_the_next_begins_and_the_last_where_the_node_does() -> None:
    assert [NODE.end_of(low) for low in ("b", "f", "j")] == ["f", "j", "m"]
    assert Node(ROOT, children={"": 1}).end_of("") is None


@pytest.mark.parametrize(
    ("left", "right", "between"),
    [
        ("", "a", "a"),
        ("a", "b", "b"),
        ("a", "ab", "ab"),
        ("abc", "abd", "abd"),
        ("abc", "abdzz", "abd"),
        ("2026-01-01#a", "2026-02-01#b", "2026-02"),
        ("a", "aa", "aa"),
    ],
)
def test_a_separator_is_the_shortest_text_above_one_key_and_not_above_the_other(
    left: str, right: str, between: str
) -> None:
    assert separator(left, right) == between


@pytest.mark.parametrize(("left", "right"), [("b", "a"), ("a", "a"), ("a", ""), ("ab", "a")])
def test_keys_that_are_not_in_order_have_no_separator(left: str, right: str) -> None:
    with pytest.raises(ValueError, match=r"^the keys are not in order$"):
        separator(left, right)


def keys(size: int) -> list[tuple[str, int]]:
    return [(f"k{number:05d}", 1) for number in range(size)]


def test_a_chunk_and_a_node_have_the_sizes_that_costs_were_counted_with() -> None:
    assert (CHUNK, FANOUT) == (100, 32)


def test_a_full_chunk_in_the_middle_is_cut_in_halves() -> None:
    assert cut(keys(101), "j", last=False) == {"j": 50, "k0005": 51}


def test_a_full_chunk_at_the_end_is_left_three_quarters_full() -> None:
    assert cut(keys(101), "j", last=True) == {"j": 75, "k00075": 26}
    assert cut(keys(75), "j", last=True) == {"j": 75}
    assert cut(keys(76), "j", last=True) == {"j": 75, "k00075": 1}


def test_a_chunk_in_the_middle_is_cut_into_pieces_as_equal_as_can_be() -> None:
    chunks = cut(keys(226), "", last=False)

    assert list(chunks.values()) == [56, 57, 56, 57]
    assert list(chunks) == ["", "k00056", "k00113", "k00169"]


@pytest.mark.parametrize("last", [True, False])
def test_a_chunk_is_cut_into_no_more_pieces_than_one_request_has_room_for(*, last: bool) -> None:
    most = cut(keys(128 * 75), "", last=last)
    more = cut(keys(128 * 75 + 1), "", last=last)

    assert (len(most), max(most.values())) == (128, 75)
    assert len(more) <= 128
    assert max(more.values()) == 76
    assert sum(more.values()) == 128 * 75 + 1


def test_what_each_key_counts_for_is_summed_up() -> None:
    entries = [(f"k{number:05d}", packed(1, number % 2)) for number in range(102)]

    assert cut(entries, "", last=False) == {"": packed(51, 25), "k00051": packed(51, 26)}


def test_no_keys_are_no_chunk() -> None:
    assert cut([], "", last=True) == {}
