"""Keeping the counters: what the table's stream tells of objects is counted, each change exactly once.

For every object it is written down where it was counted (its *tally*), with the sequence number of the change that was
counted last. A change is carried out as the difference between there and where the object is now, in one transaction::

    tally: sequence 7 -> 9, places     if it is still at 7    else: another invocation was here, look again
    nodes: one less there, one more    if their structure is  else: one was split meanwhile, or all were given up to be
                                       as it was read         built anew, look again
    a list that has no nodes yet       if the generation is   else: the counters are being built anew, look again
                                       as it was read

Records that come again, late or from two shards at once change nothing, since their numbers are not above the tally's.
The stream keeps the changes of one object in order, and of more is no need. The tally of an object that is gone stays
longer than any record does.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from ocpi.store.counter_tree import BOTTOM, MIDDLE, ROOT, Node, NodeId
from ocpi.store.dynamodb_counters import (
    FIRST,
    LAST,
    NOWHERE,
    CountedList,
    Places,
    State,
    node_key,
    read_nodes,
    read_state,
)
from ocpi.store.dynamodb_requests import BATCH, batch_get_items, pauses
from ocpi.store.dynamodb_reshaping import Reshaping, is_due
from ocpi.store.dynamodb_tallies import BUILT, TRANSACTION, CountTransaction, ObjectChange, Tally
from ocpi.store.port import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

UNCOUNTED = frozenset({"jobs"})
"""Owners of what is never listed with a total."""
YOUNG = timedelta(hours=20)
"""What has nothing older than this when it is counted for the first time is all in the stream, which keeps a day."""
TRANSIENT = {
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "None",
}
"""Why a transaction may be cancelled that will do at the next try, and what is said of its other items."""


class _Outdated(Exception):
    """Nodes of a path were read before and after one of them was split, or all of them were given up."""


def changes_of(records: Iterable[Mapping[str, Any]]) -> Iterator[ObjectChange]:
    """Records of the table's stream that move an object in a list."""
    for record in records:
        stream = record["dynamodb"]
        pk = stream["Keys"]["pk"]["S"]
        if not pk.startswith("OBJECT#"):
            continue
        collection = (stream.get("NewImage") or stream["OldImage"])["collection"]["S"]
        old, new = (Places.of(stream[image]) if image in stream else NOWHERE for image in ("OldImage", "NewImage"))
        if new.everybody and "view" not in stream["NewImage"]:
            raise ValueError(f"an object of {collection} is not in the list of what is for everybody")
        if old != new and Collection.parse(collection).owner not in UNCOUNTED:
            yield ObjectChange(pk, collection, sequence_of(record), new)


def sequence_of(record: Mapping[str, Any]) -> str:
    """The sequence number of a record, in a form that can be compared."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number.zfill(40)


class Counting:
    """Counts changes in the table of this name. To be made anew for each batch: it keeps what it has read."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._nodes: dict[tuple[CountedList, NodeId], Node] = {}
        self._states: dict[str, State] = {}
        self._touched: dict[tuple[CountedList, str], str] = {}

    def count(self, changes: Iterable[ObjectChange]) -> None:
        """Count changes, of which the last of each object decides. Raises :class:`TimeoutError` if others were always
        faster, :class:`LookupError` if a tree lacks a part; what was counted stays so, and the rest may be counted
        again with it.
        """
        latest: dict[str, ObjectChange] = {}
        for change in changes:
            if change.pk not in latest or change.sequence >= latest[change.pk].sequence:
                latest[change.pk] = change
        left = iter(latest.values())
        while batch := list(islice(left, BATCH)):
            self._count(batch)
        self._reshape()

    def _count(self, batch: Sequence[ObjectChange]) -> None:
        is_torn = True
        for _ in pauses():
            with suppress(_Outdated):
                batch = self._count_what_is_new(batch)
                is_torn = False
            if not batch:
                return
            self._nodes.clear()
            self._states.clear()
        if is_torn:
            raise LookupError(f"the counters of {batch[0].collection} do not fit together")
        raise TimeoutError(f"others change the counters of {batch[0].collection} all the time")

    def _count_what_is_new(self, batch: Sequence[ObjectChange]) -> Sequence[ObjectChange]:
        """What is left because something was not as it was read."""
        found = batch_get_items(self._client, self._table, [change.tally_key for change in batch])
        tallies = {change.pk: Tally.of(found.get(change.tally_key)) for change in batch}
        left = [change for change in batch if self._is_new(change, tallies[change.pk])]
        while left:
            transaction, taken = self._transaction(left, tallies)
            if not self._carry_out(transaction):
                break
            left = left[taken:]
        return left

    def _is_new(self, change: ObjectChange, tally: Tally) -> bool:
        if change.sequence == BUILT:
            return tally.generation < self._state(change.collection).generation
        return change.sequence > tally.sequence

    def _transaction(
        self, changes: Sequence[ObjectChange], tallies: Mapping[str, Tally]
    ) -> tuple[CountTransaction, int]:
        """A transaction of as many changes as it takes; how many."""
        transaction, taken = CountTransaction(self._table), 0
        deltas: defaultdict[tuple[CountedList, str], int] = defaultdict(int)
        nodes: set[tuple[CountedList, NodeId]] = set()
        new_lists: defaultdict[str, set[CountedList]] = defaultdict(set)
        for change in changes:
            tally, state = tallies[change.pk], self._state(change.collection)
            if tally.generation > state.generation:
                raise _Outdated
            moves = list(_moves(tally.counted_in(state.generation), change.places))
            paths = {(counted, node.id) for counted, key, _ in moves for node in self._path(counted, key)}
            # One more for each collection: the note of its new lists.
            if taken and taken + len(nodes | paths) + len(new_lists.keys() | {change.collection}) >= TRANSACTION:
                break
            taken, nodes = taken + 1, nodes | paths
            for counted, key, number in moves:
                deltas[counted, key] += number
                if not self._nodes[counted, ROOT].structure:
                    new_lists[change.collection].add(counted)
            transaction.write_tally(change, tally, state.generation)
        for collection, new in new_lists.items():
            transaction.note_lists(collection, self._state(collection), new)
        self._add(transaction, deltas)
        return transaction, taken

    def _add(self, transaction: CountTransaction, deltas: Mapping[tuple[CountedList, str], int]) -> None:
        """The nodes of a transaction. One whose counts stay the same is left out, except on the lowest level: whoever
        splits a chunk is to see there that keys moved within it.
        """
        numbers: dict[tuple[CountedList, NodeId], dict[str, int]] = {}
        for (counted, key), number in deltas.items():
            top, middle, bottom = self._path(counted, key)
            chunk = bottom.child(key)
            for node, low in ((top, middle.id.low), (middle, bottom.id.low), (bottom, chunk)):
                by_child = numbers.setdefault((counted, node.id), {})
                by_child[low] = by_child.get(low, 0) + number
            self._touched[counted, chunk] = key
        for (counted, node_id), by_child in numbers.items():
            node = self._nodes[counted, node_id]
            changed = {low: number for low, number in by_child.items() if number}
            if changed or node_id.level == BOTTOM:
                generation = self._state(counted.collection).generation
                transaction.add(node_key(counted, generation, node_id), node, changed)

    def _carry_out(self, transaction: CountTransaction) -> bool:
        """Whether the transaction was carried out; if not, something was not as it was read."""
        try:
            self._client.transact_write_items(TransactItems=transaction.items)
        except self._client.exceptions.TransactionCanceledException as error:
            if not {reason.get("Code", "None") for reason in error.response["CancellationReasons"]} <= TRANSIENT:
                raise
            return False
        transaction.done()
        return True

    def _path(self, counted: CountedList, key: str) -> tuple[Node, Node, Node]:
        """The nodes that a key belongs to; those that are not there are made by who writes them."""
        top = self._node(counted, ROOT)
        middle = self._node(counted, NodeId(MIDDLE, top.child(key)))
        bottom = self._node(counted, NodeId(BOTTOM, middle.child(key)))
        if not bottom.covers(key):
            raise _Outdated
        return top, middle, bottom

    def _node(self, counted: CountedList, node_id: NodeId) -> Node:
        node = self._nodes.get((counted, node_id))
        if node is None:
            wanted = [(counted, self._state(counted.collection).generation, node_id)]
            found = read_nodes(self._client, self._table, wanted, consistent=True)
            is_of_a_tree = node_id != ROOT and self._nodes[counted, ROOT].structure
            if not found and is_of_a_tree:
                raise _Outdated
            node = found.get((counted, node_id)) or Node(node_id, children={node_id.low: 0})
            self._nodes[counted, node_id] = node
        return node

    def _state(self, collection: str) -> State:
        state = self._states.get(collection) or read_state(self._client, self._table, collection, consistent=True)
        self._states[collection] = state = state or self._begin(collection)
        return state

    def _begin(self, collection: str) -> State:
        """The state of a collection of which nothing was counted yet."""
        state = State(1, complete=self._is_young(collection))
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table,
                Item=state.item(collection),
                # Race: another invocation begins as well, and may have gone on already.
                ConditionExpression="attribute_not_exists(pk)",
            )
        return read_state(self._client, self._table, collection, consistent=True) or state

    def _is_young(self, collection: str) -> bool:
        query = CountedList(collection, "created").between(self._table, FIRST, LAST)
        query["Limit"] = 1
        oldest = self._client.query(**query)["Items"]
        return not oldest or oldest[0]["created_key"]["S"] >= f"{datetime.now(UTC) - YOUNG:%Y-%m-%dT%H:%M:%S}"

    def _reshape(self) -> None:
        """Split and merge what the changes made too large or too small."""
        for (counted, chunk), key in self._touched.items():
            with suppress(_Outdated):
                if is_due(self._path(counted, key)[-1], chunk):
                    generation = self._state(counted.collection).generation
                    Reshaping(self._client, self._table, counted, generation).carry_out(key)


def _moves(old: Places, new: Places) -> Iterator[tuple[CountedList, str, int]]:
    """What is to be added where, for an object to be counted in its new places instead of the old ones."""
    before, now = (
        {(counted, places.keys[counted]): number for counted, number in places.numbers()} for places in (old, new)
    )
    for place in before.keys() | now.keys():
        number = now.get(place, 0) - before.get(place, 0)
        if number:
            yield *place, number
