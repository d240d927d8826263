"""The rules by which DynamoDB charges for reads and writes on demand.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and, for sizes,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html. Why they are written
down here: ministack 1.4.21 says 0.5 or 1 for every read and 1 + 6 indexes for every write, whatever it was, and moto 1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Item = dict[str, Any]
"""By attribute, as boto3's client has it: ``{"pk": {"S": "…"}}``."""
READ_BYTES = 4096
WRITE_BYTES = 1024
TABLE = "table"


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its name, its two keys, and what of an item is in it."""

    name: str
    partition: str
    sort: str
    projected: frozenset[str]

    def entry(self, item: Item | None) -> Item | None:
        """What stands in the index for an item; ``None`` if nothing does."""
        if item is None or self.partition not in item or self.sort not in item:
            return None
        return {name: value for name, value in item.items() if name in self.projected}


def indexes_of(table: Mapping[str, Any]) -> list[Index]:
    """Those of a table's properties, as in a template or in an answer to DescribeTable."""
    own = {key["AttributeName"] for key in table["KeySchema"]}
    found = []
    for index in table.get("GlobalSecondaryIndexes", []):
        keys = {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]}
        more = index["Projection"].get("NonKeyAttributes", [])
        found.append(Index(index["IndexName"], keys["HASH"], keys["RANGE"], frozenset({*own, *keys.values(), *more})))
    return found


def item_bytes(item: Item | None) -> int:
    """Bytes of an item: names and values, without the 100 bytes of an item that storage adds."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in (item or {}).items())


def read_units(sizes: int, *, consistent: bool) -> float:
    """Of so many bytes read at once: the items of a query together, or one item by itself. Nothing costs as much as a
    little.
    """
    return max(1, -(-sizes // READ_BYTES)) * (1.0 if consistent else 0.5)


def write_units(old: Item | None, new: Item | None, indexes: Iterable[Index], *, transacted: bool) -> Counter[str]:
    """Of one write, by where: :data:`TABLE` and names of indexes. ``old`` and ``new`` are the item before and after;
    both the same for a write whose condition did not hold. A transaction doubles the table's share only.
    """
    units: Counter[str] = Counter({TABLE: _units(max(item_bytes(old), item_bytes(new))) * (2 if transacted else 1)})
    for index in indexes:
        was, is_ = index.entry(old), index.entry(new)
        if was == is_:
            continue
        if was is not None and is_ is not None and _place(index, was) == _place(index, is_):
            units[index.name] += _units(max(item_bytes(was), item_bytes(is_)))
        else:
            units[index.name] += sum(_units(item_bytes(entry)) for entry in (was, is_) if entry is not None)
    return units


def _units(size: int) -> int:
    return max(1, -(-size // WRITE_BYTES))


def _place(index: Index, entry: Item) -> tuple[Any, Any]:
    return entry[index.partition], entry[index.sort]


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return _number_bytes(value)
        case "B":
            return len(value)
        case "SS":
            return sum(len(each.encode()) for each in value)
        case "NS":
            return sum(map(_number_bytes, value))
        case "BS":
            return sum(map(len, value))
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in value.items())
    return 1


def _number_bytes(text: str) -> int:
    """A byte for two significant digits and one more; a minus takes another."""
    digits = text.lstrip("-").partition("e")[0].partition("E")[0].replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
