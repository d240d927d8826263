"""DynamoDB in a storm: any call may be throttled, get no answer before or after it was carried out, be sent again by
botocore although it had been, or be answered in part; and somebody else may write at any moment.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.fake_dynamodb import FakeDynamoDB, TransactionCanceledException, TransactionConflictException

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

WRITES = frozenset({"put_item", "update_item", "delete_item", "transact_write_items"})
BEFORE = ("throttled", "in another's transaction, not done", "no answer, not done", "HTTP 500, not done")
READING = ("throttled", "no answer, not done", "HTTP 500, not done")
AFTER = ("no answer, but done", "HTTP 500, but done", "done, and sent again by botocore")
CODES = {"throttled": "ProvisionedThroughputExceededException", "HTTP 500": "InternalServerError"}
TRANSACTION_REASONS = {"throttled": "ThrottlingError", "in another's transaction": "TransactionConflict"}
RETRIES = 2
"""What botocore has tried in vain when it gives up."""


class WholeTable(FakeDynamoDB):
    """It also answers which objects have a lookup, and what partners and the doctor ask for."""

    def query(self, **request: Any) -> dict[str, Any]:
        if request.get("IndexName") != "by_lookup":
            return super().query(**request)
        self.calls["Query"] += 1
        wanted = request["ExpressionAttributeValues"][":lookup"]["S"]
        return {"Items": [{"pk": {"S": pk}} for (_, pk), _ in self._entries["by_lookup"][wanted]]}

    def scan(self, **_: Any) -> dict[str, Any]:
        return {"Items": [copy.copy(item) for item in self.items.values()]}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """It shows the items that conditions were not true of, where that was asked for."""
        try:
            return super().transact_write_items(**request)
        except TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            for reason, action in zip(reasons, request["TransactItems"], strict=True):
                (each,) = action.values()
                key = each.get("Key") or each["Item"]
                found = self.items.get((key["pk"]["S"], key["sk"]["S"]))
                if reason["Code"] != "None" and "ReturnValuesOnConditionCheckFailure" in each and found:
                    reason["Item"] = copy.copy(found)  # type: ignore[typeddict-item] # as DynamoDB has it
            error.response["ResponseMetadata"] = {"RetryAttempts": 0}  # type: ignore[typeddict-item] # as above
            raise


@dataclass
class StormyTable:
    """A client of one table in memory. ``reads`` and ``writes`` say how likely a call has a fault; ``meanwhile`` is
    called before a write that has none: others may come in between.
    """

    random: Random
    table: FakeDynamoDB = field(default_factory=WholeTable)
    reads: float = 0.0
    writes: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    meanwhile: Callable[[], None] = lambda: None

    @property
    def exceptions(self) -> Any:
        return self.table.exceptions

    def get_paginator(self, operation: str) -> Any:
        """Of queries, whose every page is a call."""
        assert operation == "query"
        return SimpleNamespace(paginate=lambda **request: [self.query(**request)])

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self.table, operation)
        return lambda **request: self._call(operation, method, request)

    def _call(self, operation: str, method: Callable[..., Any], request: dict[str, Any]) -> Any:
        if self.random.random() >= self._likelihood(operation):
            if operation in WRITES:
                self.meanwhile()
            return method(**request)
        if operation == "batch_get_item":
            return self._in_part(method, request)
        fault = self.random.choice(BEFORE + AFTER if operation in WRITES else READING)
        self.faults[f"{operation}: {fault}"] += 1
        if fault in BEFORE:
            raise _failure(fault, operation)
        answer = method(**copy.deepcopy(request))
        if fault != "done, and sent again by botocore":
            raise _failure(fault, operation)
        self.meanwhile()
        return _again(method, request, answer)

    def _likelihood(self, operation: str) -> float:
        if operation in WRITES:
            return self.writes
        # An answer in part is no failure for anybody but the adapter, which asks again: a few of them will do.
        return self.reads / 5 if operation == "batch_get_item" else self.reads

    def _in_part(self, method: Callable[..., Any], request: dict[str, Any]) -> Any:
        """As of a table that is throttled: some keys are to be asked for again."""
        ((name, wanted),) = request["RequestItems"].items()
        keys = wanted["Keys"]
        taken = keys[: self.random.randrange(len(keys))]
        self.faults["batch_get_item: answered in part"] += 1
        answer = method(RequestItems={name: {**wanted, "Keys": taken}}) if taken else {"Responses": {name: []}}
        return {**answer, "UnprocessedKeys": {name: {**wanted, "Keys": keys[len(taken) :]}}}


def _again(method: Callable[..., Any], request: dict[str, Any], first: Any) -> Any:
    """The second attempt at what the first one did, whose answer was lost."""
    del first
    try:
        return method(**request)
    except ClientError as error:
        error.response.setdefault("ResponseMetadata", {})["RetryAttempts"] = 1  # type: ignore[typeddict-item] # the rest of it is not looked at
        raise


def _failure(fault: str, operation: str) -> Exception:
    kind = fault.partition(",")[0]
    transaction = operation == "transact_write_items"
    if kind.startswith("in another") and not transaction:
        conflict: Any = {"Error": {"Code": "TransactionConflictException"}}
        return TransactionConflictException(conflict, operation)
    if transaction and kind in TRANSACTION_REASONS:
        # What a transaction is throttled for is in its reasons, one for each of its actions:
        # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        reasons = [{"Code": "None"}, {"Code": TRANSACTION_REASONS[kind]}]
        cancelled: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        return TransactionCanceledException(cancelled, operation)
    if kind == "no answer":
        return ReadTimeoutError(endpoint_url="https://dynamodb.example")
    answer: Any = {"Error": {"Code": CODES[kind]}, "ResponseMetadata": {"RetryAttempts": RETRIES}}
    return ClientError(answer, operation)
