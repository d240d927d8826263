"""DynamoDB in memory at its most disagreeable: it refuses what DynamoDB refuses of the form of a request, gives back no
attribute that was not asked for, and a read that need not be strongly consistent finds nothing at all.

Forms are checked by botocore's own model of the service, which the adapter does without (``parameter_validation``).
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.validate import ParamValidator

from tests.support.fake_dynamodb import FakeDynamoDB

if TYPE_CHECKING:
    from collections.abc import Iterator

Request = dict[str, Any]
_CONDITION = re.compile(r"\(*(attribute_(not_)?exists\(#?\w+\)|#?\w+ (=|<) :\w+)\)*")


class StrictDynamoDB(FakeDynamoDB):
    """``batches`` has the number of keys of each BatchGetItem, ``met`` how often each item was read by its key."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.met: Counter[tuple[str, str]] = Counter()

    def get_item(self, **request: Any) -> dict[str, Any]:
        _check("GetItem", request)
        self.met[request["Key"]["pk"]["S"], request["Key"]["sk"]["S"]] += 1
        with self._as_far_as_is_sure(request):
            return super().get_item(**request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        _check("BatchGetItem", request)
        ((table, wanted),) = request["RequestItems"].items()
        _check_expressions(wanted)
        self.batches.append(len(wanted["Keys"]))
        self.met.update((key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"])
        with self._as_far_as_is_sure(wanted):
            answer = super().batch_get_item(**request)
        answer["Responses"][table] = [_projected(item, wanted) for item in answer["Responses"][table]]
        return answer

    def query(self, **request: Any) -> dict[str, Any]:
        _check("Query", request)
        condition, names = request["KeyConditionExpression"], request.get("ExpressionAttributeNames", {})
        if "IndexName" not in request:
            assert re.fullmatch(r"pk = :\w+", condition)
            with self._as_far_as_is_sure(request):
                return super().query(**request)
        partition, sort = self._indexes[request["IndexName"]]
        assert condition == f"#partition = :partition AND {sort} BETWEEN :low AND :high"
        assert names["#partition"] == partition
        return super().query(**request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        _check("TransactWriteItems", request)
        for action in request["TransactItems"]:
            for each in action.values():
                _check_expressions(each)
        return super().transact_write_items(**request)

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        _check("BatchWriteItem", request)
        return super().batch_write_item(**request)

    def _single(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        _check(f"{kind}Item", request)
        return super()._single(kind, request)

    @contextmanager
    def _as_far_as_is_sure(self, request: Request) -> Iterator[None]:
        items = self.items
        try:
            self.items = items if request.get("ConsistentRead") else {}
            yield
        finally:
            self.items = items


@cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("dynamodb")


def _check(operation: str, request: Request) -> None:
    report = ParamValidator().validate(request, _service().operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()
    _check_expressions(request)


def _check_expressions(request: Request) -> None:
    """Whether each placeholder has a meaning, and each meaning is used; and whether conditions are conditions."""
    expressions = " ".join(text for name, text in request.items() if name.endswith("Expression"))
    meant = {*request.get("ExpressionAttributeNames", {}), *request.get("ExpressionAttributeValues", {})}
    assert set(re.findall(r"[#:]\w+", expressions)) == meant
    clauses = re.split(" AND | OR ", request["ConditionExpression"]) if "ConditionExpression" in request else []
    assert all(_CONDITION.fullmatch(clause) for clause in clauses), clauses


def _projected(item: Request, request: Request) -> Request:
    if "ProjectionExpression" not in request:
        return item
    names = request.get("ExpressionAttributeNames", {})
    asked = {names.get(name, name) for name in request["ProjectionExpression"].split(", ")}
    return {name: value for name, value in item.items() if name in asked}
