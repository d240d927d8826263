"""Splitting and merging parts of a tree of counters.

To split a chunk one must know what is in each half as of the very moment of the split. The index lags, the tallies are
exact: of the entries that the index shows, those are counted whose tallies say that they were. If they are as many as
the chunk has, none is missing; if the node has not changed until the halves are written, they are still right.
Otherwise the chunk stays as it is until something changes in it again. Merging needs no more than sums.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ocpi.store.counter_tree import BOTTOM, CHUNK, FANOUT, Node, NodeId, cut, size_of
from ocpi.store.dynamodb_counters import CHILD, FIRST, LAST, as_key, node_key, read_path
from ocpi.store.dynamodb_requests import batch_get_items, query_items
from ocpi.store.dynamodb_tallies import Tally, tally_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.dynamodb_counters import CountedList

FEW = CHUNK // 4
"""A chunk with no more is merged with one beside it, if both together have at most twice as many."""
ROUNDS = 64
"""Nodes that are split on behalf of one chunk."""


def is_due(bottom: Node, chunk: str) -> bool:
    """Whether a chunk is to be split or merged, or its node to be given up."""
    size = size_of(bottom.children.get(chunk, 0))
    return size > CHUNK or _partner(bottom, chunk) is not None or _is_spare(bottom) or len(bottom.children) > FANOUT


class Reshaping:
    """Changes of the structure of one list's tree."""

    def __init__(self, client: DynamoDBClient, table: str, counted: CountedList, generation: int) -> None:
        self._client = client
        self._table = table
        self._list = counted
        self._generation = generation

    def carry_out(self, key: str) -> None:
        """Split or merge the chunk of a key and the nodes above it, as far as they need it and it can be done now."""
        path = self._path(key)
        if path is None:
            return
        bottom = path[-1]
        chunk = bottom.child(key)
        if size_of(bottom.children[chunk]) > CHUNK:
            self._split_chunk(path[-1], chunk)
        elif (partner := _partner(bottom, chunk)) is not None:
            self._merge(bottom, *sorted((chunk, partner)))
        for _ in range(ROUNDS):
            path = self._path(key)
            if path is None or not self._reshape_nodes(*path):
                return

    def _path(self, key: str) -> tuple[Node, Node, Node] | None:
        return read_path(self._client, self._table, self._list, self._generation, key)

    def _split_chunk(self, bottom: Node, chunk: str) -> None:
        end = bottom.end_of(chunk)
        keys = self._counted_keys(chunk, end)
        if sum(number for _, number in keys) != bottom.children[chunk]:
            return
        self._rewrite(bottom, cut(keys, chunk, last=end is None))

    def _counted_keys(self, low: str, end: str | None) -> list[tuple[str, int]]:
        """The keys from ``low`` to ``end`` that were counted there, in order, each with its number."""
        query = self._list.between(self._table, low or FIRST, end or LAST)
        query["ProjectionExpression"] = "pk"
        keys = [tally_key(entry["pk"]["S"]) for entry in query_items(self._client, query)]
        counted = []
        for item in batch_get_items(self._client, self._table, keys).values():
            tally = Tally.of(item)
            places = tally.counted_in(self._generation)
            key = places.keys.get(self._list)
            if key is not None and low <= key and (end is None or key < end):
                counted.append((key, dict(places.numbers())[self._list]))
        return sorted(counted)

    def _merge(self, bottom: Node, left: str, right: str) -> None:
        self._rewrite(bottom, {left: bottom.children[left] + bottom.children[right]}, (right,))

    def _rewrite(self, node: Node, children: dict[str, int], gone: tuple[str, ...] = ()) -> None:
        # Either way somebody changes the node: it is theirs to look at now.
        refusals = self._client.exceptions
        with suppress(refusals.ConditionalCheckFailedException, refusals.TransactionConflictException):
            self._client.update_item(**self._update(node, children, gone))

    def _reshape_nodes(self, top: Node, middle: Node, bottom: Node) -> bool:
        """Whether something was done about the nodes of a path, and more may be to do."""
        if len(bottom.children) > FANOUT:
            return self._split(middle, bottom)
        if len(middle.children) > FANOUT:
            return self._split(top, middle)
        if _is_spare(bottom) and middle.lows()[0] != bottom.id.low:
            return self._drop(bottom, middle, [])
        if _is_spare(bottom) and len(middle.children) == 1 and top.lows()[0] != middle.id.low:
            return self._drop(bottom, top, [middle])
        return False

    def _split(self, parent: Node, node: Node) -> bool:
        """Move children of a node to a new one beside it: half of them, or fewer at the end of the list."""
        lows = node.lows()
        is_last = node.upper is None and parent.lows()[-1] == node.id.low
        moved = lows[FANOUT * 3 // 4 :] if is_last else lows[len(lows) // 2 :]
        beside = Node(NodeId(node.id.level, moved[0]), 1, 0, node.upper, {low: node.children[low] for low in moved})
        stays = node.total() - beside.total()
        upper = moved[0] if node.id.level == BOTTOM else None
        return self._transact(
            self._put(beside),
            {"Update": self._update(node, {}, tuple(moved), upper)},
            {"Update": self._update(parent, {node.id.low: stays, moved[0]: beside.total()}, unchanged=False)},
        )

    def _drop(self, bottom: Node, parent: Node, between: list[Node]) -> bool:
        """Give up a node without keys, and the one above it that has no other; what is before it ends where it did."""
        # A node with one child begins where that child does.
        spare = bottom.id.low
        before = self._path_before(spare)
        if before is None:
            return False
        return self._transact(
            *({"Delete": self._condition(node)} for node in (bottom, *between)),
            {"Update": self._update(before, {}, (), bottom.upper or "", unchanged=False)},
            {"Update": self._update(parent, {}, (spare,), unchanged=False)},
        )

    def _path_before(self, low: str) -> Node | None:
        """The node of the lowest level that ends at ``low``."""
        # Every key below the low of a node is at least one character shorter or has a smaller one in its place.
        path = self._path(low[:-1] + chr(max(0, ord(low[-1]) - 1)) + "\U0010ffff")
        return path[-1] if path and path[-1].upper == low else None

    def _transact(self, *items: Any) -> bool:
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException:
            return False  # somebody changed one of them: it is theirs to look at now
        return True

    def _put(self, node: Node) -> dict[str, Any]:
        item = {
            **as_key(node_key(self._list, self._generation, node.id)),
            "structure": {"N": str(node.structure)},
            "changes": {"N": str(node.changes)},
            **{CHILD + low: {"N": str(number)} for low, number in node.children.items()},
        }
        if node.upper is not None:
            item["upper"] = {"S": node.upper}
        # Race: another invocation splits the same node.
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _update(
        self,
        node: Node,
        children: dict[str, int],
        gone: tuple[str, ...] = (),
        upper: str | None = None,
        *,
        unchanged: bool = True,
    ) -> Any:
        """An update of a node that gives it children, takes some away, and makes it end at ``upper`` (``""``: nowhere).

        ``unchanged``: only if no count in it has changed either.
        """
        update = self._condition(node, unchanged=unchanged)
        names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
        set_, removed = [], []
        for position, (low, number) in enumerate(children.items()):
            names[f"#s{position}"], values[f":s{position}"] = CHILD + low, {"N": str(number)}
            set_.append(f"#s{position} = :s{position}")
        for position, low in enumerate(gone):
            names[f"#r{position}"] = CHILD + low
            removed.append(f"#r{position}")
        if upper:
            names["#upper"], values[":upper"] = "upper", {"S": upper}
            set_.append("#upper = :upper")
        elif upper is not None:
            names["#upper"] = "upper"
            removed.append("#upper")
        values[":one"] = {"N": "1"}
        parts = [f"SET {', '.join(set_)}"] * bool(set_) + [f"REMOVE {', '.join(removed)}"] * bool(removed)
        return update | {"UpdateExpression": " ".join([*parts, "ADD #structure :one"])}

    def _condition(self, node: Node, *, unchanged: bool = True) -> dict[str, Any]:
        # Race: somebody counts in the node, or splits it; what was read of it is not true any more.
        expected = {"structure": node.structure} | ({"changes": node.changes} if unchanged else {})
        return {
            "TableName": self._table,
            "Key": as_key(node_key(self._list, self._generation, node.id)),
            "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in expected),
            "ExpressionAttributeNames": {f"#{name}": name for name in ("structure", *expected)},
            "ExpressionAttributeValues": {f":{name}": {"N": str(number)} for name, number in expected.items()},
        }


def _partner(bottom: Node, chunk: str) -> str | None:
    """The chunk that a chunk is to be merged with."""
    if chunk not in bottom.children:
        return None
    lows, size = bottom.lows(), size_of(bottom.children[chunk])
    if size > FEW:
        return None
    position = lows.index(chunk)
    beside = [lows[at] for at in (position - 1, position + 1) if 0 <= at < len(lows)]
    return next((low for low in beside if size + size_of(bottom.children[low]) <= 2 * FEW), None)


def _is_spare(bottom: Node) -> bool:
    return not bottom.total() and len(bottom.children) == 1 and bottom.id.low != ""
