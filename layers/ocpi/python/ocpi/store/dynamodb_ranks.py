"""How many entries of a list come before a key, and where its n-th is, by the counters.

Counters and indexes follow the table each with a delay of its own. While writes go on an answer is as good as the older
of both; when they have caught up it is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, Node, NodeId, count_of
from ocpi.store.dynamodb_counters import FIRST, CountedList, State, read_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


class NoCounters(Exception):
    """The list is not counted, or not all of it, or its tree changed as it was read."""


class Ranks:
    """The counters of one list, for one answer. Every list takes as many reads as any other, be it short or long.

    ``state``: of the counters of its collection. ``everybody``: only what is for everybody counts. ``count`` tells how
    many entries there are from one key to another, which must be no entry's. Raises :class:`NoCounters`, as all
    methods do.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        counted: CountedList,
        state: State | None,
        count: Callable[[str, str], int],
        *,
        everybody: bool,
    ) -> None:
        self._client = client
        self._table = table
        self._list = counted
        self._count = count
        self._everybody = everybody
        if state is None or not state.complete:
            raise NoCounters(str(counted))
        self._generation = state.generation
        self._root = self._read([ROOT])[ROOT]

    def total(self) -> int:
        """How many entries there are."""
        return self._number(self._root.total())

    def ranks(self, keys: Iterable[str]) -> dict[str, int]:
        """For each key how many entries come before it; the levels of all keys are read together."""
        middles = self._below(dict.fromkeys(keys, self._root), MIDDLE)
        found = {}
        for key, bottom in self._below(middles, BOTTOM).items():
            middle, chunk = middles[key], bottom.child(key)
            before = self._root.before(middle.id.low) + middle.before(bottom.id.low) + bottom.before(chunk)
            found[key] = self._number(before) + self._count(chunk or FIRST, key)
        return found

    def _below(self, nodes: Mapping[str, Node], level: int) -> dict[str, Node]:
        """For each key the child of its node that has it."""
        wanted = {key: NodeId(level, node.child(key)) for key, node in nodes.items()}
        found = self._read(wanted.values())
        return {key: found[node] for key, node in wanted.items()}

    def seek(self, rank: int) -> tuple[str, int]:
        """Where the entry is that ``rank`` others come before: that many entries after a key. Beyond the last entry
        it is the last chunk, from where there may be newer ones.
        """
        low, rank = self._descend(self._root, rank)
        for level in (MIDDLE, BOTTOM):
            wanted = NodeId(level, low)
            low, rank = self._descend(self._read([wanted])[wanted], rank)
        return low, rank

    def _descend(self, node: Node, rank: int) -> tuple[str, int]:
        """The child that has the entry which ``rank`` others of the node come before, and how many of its own do."""
        lows = node.lows()
        for low in lows[:-1]:
            number = self._number(node.children[low])
            if rank < number:
                return low, rank
            rank -= number
        return lows[-1], rank

    def _read(self, nodes: Iterable[NodeId]) -> dict[NodeId, Node]:
        wanted = dict.fromkeys(nodes)
        keys = [(self._list, self._generation, node) for node in wanted]
        found = read_nodes(self._client, self._table, keys, consistent=False)
        if len(found) < len(wanted):
            # Given up since its parent was read, or made so lately that not all copies of the table have it.
            found = read_nodes(self._client, self._table, keys, consistent=True)
        if len(found) < len(wanted):
            raise NoCounters(str(self._list))
        return {node: found[self._list, node] for node in wanted}

    def _number(self, number: int) -> int:
        return count_of(number, everybody=self._everybody)
