"""``/operator/2.1.1/{module}/bulk``: many objects, one JSON object a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules import own_module
from own_objects import own_writes

from ocpi import strict_json
from ocpi.deployment import store
from ocpi.faults import Invalid
from ocpi.objects.own import OwnWrites, own_key
from ocpi.store.update import Outcome, update_many
from ocpi.strict_json import BrokenJson, RefusedJson
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, problem_document

if TYPE_CHECKING:
    from ocpi.store.port import Key
    from ocpi.store.update import Decide
    from ocpi.v2_1_1.module_rules import ModuleRules

NDJSON = "application/x-ndjson"


@dataclass(slots=True)
class _Line:
    """A line of the request and what becomes of it."""

    number: int
    object_id: str | None = None
    write: tuple[Key, Decide] | None = None
    result: Outcome | Exception | None = None

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"line": self.number, "id": self.object_id}
        match self.result:
            case Outcome(before=None):
                return answer | {"outcome": "created"}
            case Outcome(changed=True):
                return answer | {"outcome": "updated"}
            case Outcome():
                return answer | {"outcome": "unchanged"}
            case Exception() as error:
                return answer | {"outcome": "refused", "problem": problem_document(error)}
        raise AssertionError("every line has a result by now")


def post_bulk(call: Call) -> Answer:
    """Put each line; a bad one stops no other. Answers a line for each line, in order."""
    rules = own_module(call)
    call.check_body((NDJSON, "application/ndjson", "application/jsonl"))
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
    return Answer(200, "".join(f"{strict_json.write(line.answer())}\n" for line in lines), media_type=NDJSON)


def _read(writes: OwnWrites, rules: ModuleRules, number: int, text: bytes) -> _Line:
    line = _Line(number)
    try:
        value = strict_json.read(text)
        identity = value.get(rules.id_field) if isinstance(value, dict) else None
        line.object_id = identity if isinstance(identity, str) else None
        body = rules.check_own(value)
        key = own_key(rules, rules.object_id(body))
        line.write = (key, writes.put(key, body))
    except (BrokenJson, RefusedJson, Invalid) as error:
        line.result = error
    return line


RESOURCES = [OperatorResource("/2.1.1/{module:segment}/bulk", POST=post_bulk)]
