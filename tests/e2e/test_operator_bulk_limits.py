"""Bulk bodies that are made to be dear are answered in a few bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.answers import problem

if TYPE_CHECKING:
    from tests.support.party import Operator

NDJSON = {"Content-Type": "application/x-ndjson"}
LAMBDA_ANSWER_BYTES = 6 * 1024 * 1024


def test_more_lines_than_a_call_may_have_are_refused(operator: Operator) -> None:
    answer = operator.post("/2.1.1/tokens/bulk", content=b"{}\n" * 30_001, headers=NDJSON, timeout=60)
    assert "30000 lines" in problem(answer, 413)["detail"]


def test_each_refused_line_is_answered_and_the_first_ones_in_full(operator: Operator) -> None:
    answer = operator.post("/2.1.1/tokens/bulk", content=b"{}\n" * 2002, headers=NDJSON, timeout=60)
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["line"] for line in told] == list(range(1, 2003))
    assert {line["problem"]["status"] for line in told} == {422}
    assert ["errors" in line["problem"] for line in told] == [True] * 2000 + [False] * 2
    assert len(answer.text.splitlines()[-1]) * 30_000 < LAMBDA_ANSWER_BYTES


def test_a_line_with_a_long_id_or_name_is_answered_shortly(operator: Operator) -> None:
    lines = [json.dumps({"uid": "x" * 100_000}), '{"' + "é" * 100_000 + '": "\\u0000"}']
    answer = operator.post("/2.1.1/tokens/bulk", content="\n".join(lines).encode(), headers=NDJSON)
    first, second = map(json.loads, answer.text.splitlines())
    assert first["id"] == "x" * 200
    assert second["problem"]["errors"][0]["pointer"] == f"/{'é' * 200}…"


def test_long_names_are_cut_in_problems(operator: Operator) -> None:
    for body in (b'{"' + b"~" * 100_000 + b'":{"a":"\\u0000"}}', b'{"' + b"n" * 100_000 + b'":1}'):
        answer = operator.post("/partners", content=body, headers={"Content-Type": "application/json"})
        assert max(len(error["pointer"]) for error in problem(answer, 422)["errors"]) < 500
