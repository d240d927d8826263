"""``/operator/2.1.1/{module}/bulk``: many objects, one JSON object a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules import own_module
from own_objects import own_writes

from ocpi import strict_json
from ocpi.deployment import store
from ocpi.errors import BodyTooLarge
from ocpi.faults import Invalid
from ocpi.objects.own import OwnWrites, own_key
from ocpi.store.update import Outcome, update_many
from ocpi.strict_json import BrokenJson, RefusedJson
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, problem_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ocpi.store.port import Key
    from ocpi.store.update import Decide
    from ocpi.v2_1_1.module_rules import ModuleRules

NDJSON = "application/x-ndjson"
MOST_LINES = 30_000
"""Of one call; 4 MB hold 25,000 tokens."""
MOST_PROBLEMS = 2000
"""Lines of which it is told in full what is wrong with them: of all there is no room in an answer."""
_MOST_ID_CHARACTERS = 200


@dataclass(slots=True)
class _Line:
    """A line of the request and what becomes of it."""

    number: int
    object_id: str | None = None
    write: tuple[Key, Decide] | None = None
    result: Outcome | Exception | None = None

    def answer(self, *, in_full: bool) -> dict[str, Any]:
        """``in_full``: also every single thing that is wrong with it."""
        answer: dict[str, Any] = {"line": self.number, "id": self.object_id}
        match self.result:
            case Outcome(before=None):
                return answer | {"outcome": "created"}
            case Outcome(changed=True):
                return answer | {"outcome": "updated"}
            case Outcome():
                return answer | {"outcome": "unchanged"}
            case Exception() as error:
                problem = problem_document(error)
                if not in_full:
                    problem.pop("errors", None)
                return answer | {"outcome": "refused", "problem": problem}
        raise AssertionError("every line has a result by now")


def post_bulk(call: Call) -> Answer:
    """Put each line; a bad one stops no other. Answers a line for each line, in order."""
    rules = own_module(call)
    call.check_body((NDJSON, "application/ndjson", "application/jsonl"))
    if call.body.count(b"\n") > MOST_LINES:
        raise BodyTooLarge(f"the body has more than {MOST_LINES} lines")
    writes = own_writes(call, rules)
    lines = [
        _read(writes, rules, number, text)
        for number, text in enumerate(call.body.split(b"\n"), start=1)
        if text.strip()
    ]
    waiting = [line for line in lines if line.write is not None]
    outcomes = update_many(store().objects, [line.write for line in waiting if line.write is not None])
    for line, outcome in zip(waiting, outcomes, strict=True):
        line.result = outcome
    return Answer(200, "".join(_answered(lines)), media_type=NDJSON)


def _answered(lines: Iterable[_Line]) -> Iterator[str]:
    refused = 0
    for line in lines:
        refused += isinstance(line.result, Exception)
        yield f"{strict_json.write(line.answer(in_full=refused <= MOST_PROBLEMS))}\n"


def _read(writes: OwnWrites, rules: ModuleRules, number: int, text: bytes) -> _Line:
    line = _Line(number)
    try:
        value = strict_json.read(text)
        identity = value.get(rules.id_field) if isinstance(value, dict) else None
        line.object_id = identity[:_MOST_ID_CHARACTERS] if isinstance(identity, str) else None
        body = rules.check_own(value)
        key = own_key(rules, rules.object_id(body))
        line.write = (key, writes.put(key, body))
    except (BrokenJson, RefusedJson, Invalid) as error:
        line.result = error
    return line


RESOURCES = [OperatorResource("/2.1.1/{module:segment}/bulk", POST=post_bulk)]
