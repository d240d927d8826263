"""Make a table hold what another one holds: how a restored table gets back to where a stack works with it.

    python -m ocpi.doctor.put_back <from table> <to table> [--rate UNITS]

DynamoDB restores into a new table, and the stack keeps its own. What is different is written, what is not in the other
table is deleted, and what is the same is left alone, so a copy that broke off is taken up by running it again. The
stack's stream sees each change: its counters follow by themselves, which is why they, and failed attempts to
authenticate, are not copied. Nobody may write to either table meanwhile: see docs/backup.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.store.dynamodb_requests import WRITE_BATCH, batch_get_items, delete_items, pauses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ScanInputTypeDef, WriteRequestOutputTypeDef, WriteRequestTypeDef

    from ocpi.store.dynamodb_items import Item

PAGE = 100
NOT_COPIED = ("COUNTED#", "COUNTERS#", "FAILURES#")
RATE = 200.0
Address = tuple[str, str]


@dataclass(slots=True)
class PuttingBack:
    """``rate`` is in capacity units a second of the scan."""

    client: DynamoDBClient
    source: str
    target: str
    rate: float = RATE
    written: int = 0
    deleted: int = 0
    same: int = 0

    def run(self) -> None:
        """Write what is different, then delete what is too much."""
        for page in self._pages(self.source):
            there = batch_get_items(self.client, self.target, list(page))
            different = [item for address, item in page.items() if there.get(address) != item]
            for start in range(0, len(different), WRITE_BATCH):
                self._put(different[start : start + WRITE_BATCH])
            self.written, self.same = self.written + len(different), self.same + len(page) - len(different)
        for page in self._pages(self.target):
            there = batch_get_items(self.client, self.source, list(page))
            gone = [address for address in page if address not in there]
            delete_items(self.client, self.target, gone)
            self.deleted += len(gone)

    def _pages(self, table: str) -> Iterator[dict[Address, Item]]:
        request: ScanInputTypeDef = {
            "TableName": table,
            "Limit": PAGE,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
        }
        while True:
            answer = self.client.scan(**request)
            items = {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Items"]}
            yield {address: item for address, item in items.items() if not address[0].startswith(NOT_COPIED)}
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            time.sleep(float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)) / self.rate)

    def _put(self, items: Sequence[Item]) -> None:
        requests: Sequence[WriteRequestOutputTypeDef | WriteRequestTypeDef] = [
            {"PutRequest": {"Item": item}} for item in items
        ]
        for _ in pauses():
            answer = self.client.batch_write_item(RequestItems={self.target: requests})
            if not answer["UnprocessedItems"]:
                return
            requests = answer["UnprocessedItems"][self.target]
        raise TimeoutError(f"DynamoDB left {len(requests)} items of {self.target} unwritten; run it again")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocpi.doctor.put_back")
    parser.add_argument("source", metavar="from")
    parser.add_argument("target", metavar="to")
    parser.add_argument("--rate", type=float, default=RATE, help=f"read capacity units a second ({RATE:g})")
    chosen = parser.parse_args(arguments)
    if chosen.source == chosen.target:
        parser.error("these are the same table")
    from ocpi.store.dynamodb import shared_client  # noqa: PLC0415 - slow, and --help does without

    copying = PuttingBack(shared_client(), chosen.source, chosen.target, chosen.rate)
    copying.run()
    print(f"{copying.written} written, {copying.deleted} deleted, {copying.same} the same")  # noqa: T201 - a command prints
    return 0


if __name__ == "__main__":
    sys.exit(main())
