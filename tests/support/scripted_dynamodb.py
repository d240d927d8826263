"""A DynamoDB client that answers what a test says, and remembers what it was asked: for the requests themselves.

What DynamoDB makes of a request is tested on its emulators; here is what the adapter asks of it, and what it makes of
answers that emulators never give: refusals, answers that are cut short, batches that come back unfinished.
"""

from __future__ import annotations

import copy
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.support.fake_dynamodb import (
    ConditionalCheckFailedException,
    FakeDynamoDB,
    TransactionCanceledException,
    TransactionConflictException,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Request = dict[str, Any]


class ScriptedDynamoDB:
    """Answers each request with the next of ``answers``, or by ``answer(operation, request)``; raises those that are
    exceptions. ``asked`` has every operation with its request as it was at that time.
    """

    exceptions = FakeDynamoDB.exceptions

    def __init__(self, *answers: Any, answer: Callable[[str, Request], Any] | None = None) -> None:
        left = list(answers)
        self._answer = answer or (lambda *_: left.pop(0))
        self._one_at_a_time = RLock()
        self.left = left
        self.asked: list[tuple[str, Request]] = []

    def requests(self, operation: str) -> list[Request]:
        """The requests of one operation, in order."""
        return [request for name, request in self.asked if name == operation]

    def get_paginator(self, operation: str) -> Any:
        """As botocore's: every page, each from where the one before it ended."""
        return SimpleNamespace(paginate=lambda **request: self._pages(operation, request))

    def _pages(self, operation: str, request: Request) -> Iterator[Request]:
        while True:
            page = self._carry_out(operation, request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request = request | {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _carry_out(self, operation: str, request: Request) -> Any:
        with self._one_at_a_time:
            self.asked.append((operation, copy.deepcopy(request)))
            answer = self._answer(operation, request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        return lambda **request: self._carry_out(operation, request)


def refused(item: Request | None = None, *, retries: int | None = 0) -> ConditionalCheckFailedException:
    """A condition that was not true of ``item``, said to the last of so many ``retries``."""
    metadata = {} if retries is None else {"RetryAttempts": retries}
    answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "ResponseMetadata": metadata}
    return ConditionalCheckFailedException(answer | ({"Item": item} if item is not None else {}), "PutItem")


def cancelled(*reasons: Any, retries: int = 0) -> TransactionCanceledException:
    """A transaction that was cancelled: of each of its items the code of the reason, or the reason as a whole."""
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": each} if isinstance(each, str) else each for each in reasons],
        "ResponseMetadata": {"RetryAttempts": retries},
    }
    return TransactionCanceledException(answer, "TransactWriteItems")


def in_conflict() -> TransactionConflictException:
    """A single write that met a transaction."""
    return TransactionConflictException({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
