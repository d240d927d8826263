"""A sorted list, counted: how many of its keys come before another, and where its n-th key is, in a few small reads.

A tree of always three levels of nodes, whatever the list holds, so that a reader pays the same for each list::

    level 0   one node; its children are nodes of level 1
    level 1   nodes whose children are nodes of level 2
    level 2   nodes whose children are chunks: stretches of the list with at most CHUNK keys

A child is known by its ``low``: it has the keys from there to the next child's, of this node or the next. The first
``low`` of all is ``""``. Nodes say how many keys each child has and never which, so a change of the list is one more
here and one less there, in whatever order. Chunks with too many keys are split between two of them, wherever that is,
so a million keys with one timestamp are as good as any others; chunks with few are merged. Nodes split likewise, but
for the top one, which only grows: at FANOUT children a node, and half of what fits, it has 78 at a million keys.

Two counts are kept in one number, so that one ``ADD`` changes both: of all keys, and of those that are for everybody.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK = 100
"""Keys that a chunk may have: what is left to be walked from a node on. An entry of an index has 130 to 300 bytes."""
FANOUT = 32
"""Children that a node of levels 1 and 2 may have: about 1 kB, the unit in which DynamoDB charges for a write."""
TOP, MIDDLE, BOTTOM = 0, 1, 2
_EVERYBODY = 10**12
_PIECES = 128
"""Into which a chunk is split at once: a DynamoDB expression has at most 4 kB."""


class NodeId(NamedTuple):
    """Which node of a tree."""

    level: int
    low: str


ROOT = NodeId(TOP, "")


def packed(everyone: int, everybody: int) -> int:
    """The two counts, or changes of them, as one number; sums of such numbers are the numbers of the sums."""
    return everyone + everybody * _EVERYBODY


def count_of(number: int, *, everybody: bool) -> int:
    """One of the two counts."""
    return number // _EVERYBODY if everybody else number % _EVERYBODY


def size_of(number: int) -> int:
    """How many keys there are, for whomever."""
    return number % _EVERYBODY


@dataclass(slots=True)
class Node:
    """A node as it was read. ``structure`` counts the changes of its children's lows and of ``upper`` (0: it is to be
    made), ``changes`` those of its counts. ``upper`` is where its keys end (``None``: nowhere); only level 2 says so.
    """

    id: NodeId
    structure: int = 0
    changes: int = 0
    upper: str | None = None
    children: dict[str, int] = field(default_factory=dict)

    def lows(self) -> list[str]:
        """Of the children, in order."""
        return sorted(self.children)

    def child(self, key: str) -> str:
        """The low of the child that has this key, if any has."""
        lows = self.lows()
        return lows[max(0, bisect_right(lows, key) - 1)]

    def covers(self, key: str) -> bool:
        """Whether the key lies before ``upper``."""
        return self.upper is None or key < self.upper

    def total(self) -> int:
        """Of all children, packed."""
        return sum(self.children.values())

    def before(self, low: str) -> int:
        """Of all children below ``low``, packed."""
        return sum(number for other, number in self.children.items() if other < low)

    def end_of(self, low: str) -> str | None:
        """Where a child ends: at the next one, or where the node ends."""
        return next((other for other in self.lows() if other > low), self.upper)


def separator(left: str, right: str) -> str:
    """The shortest text above ``left`` and not above ``right``, of two keys in order."""
    for start in accumulate(right):
        if start > left:
            return start
    raise ValueError("the keys are not in order")


def cut(keys: Sequence[tuple[str, int]], low: str, *, last: bool) -> dict[str, int]:
    """The chunks into which one that begins at ``low`` is split; keys in order, each with its number.

    At the end of the list (``last``) chunks are left rather full, since nothing much will come before what is there.
    """
    full = max(CHUNK * 3 // 4, -(-len(keys) // _PIECES))
    starts = list(range(0, len(keys), full))
    if not last:
        pieces = len(starts)
        starts = [len(keys) * piece // pieces for piece in range(pieces)]
    chunks = {}
    for start, end in pairwise([*starts, len(keys)]):
        begin = separator(keys[start - 1][0], keys[start][0]) if start else low
        chunks[begin] = sum(number for _, number in keys[start:end])
    return chunks
