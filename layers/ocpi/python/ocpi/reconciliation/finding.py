"""What a partner's answer on the GET of an object of ours says of how it holds it.

| answer                                                          | problem    |
|-----------------------------------------------------------------|------------|
| 2xx with the object                                             | same or different |
| 404, 410; OCPI 2001, 2003; a success with nothing in it         | missing    |
| 408, 425, 429, 401, 403, 5xx but 501, OCPI 3xxx; no answer      | passing    |
| anything else, such as 405, 501, or another object              | unreadable |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ocpi.delivery import plans
from ocpi.delivery.outcome import PASSING_STATUSES
from ocpi.delivery.pauses import asked_pause
from ocpi.exchanges.blots import Blots
from ocpi.exchanges.bodies import sentence
from ocpi.reconciliation.reconciliation import MOST_POINTERS

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.unreachable import PartnerUnreachable
    from ocpi.store.port import Record

INVALID_PARAMETERS = 2001
"""What partners say of an id that they do not know where 2003, which is about locations, does not fit."""
UNKNOWN_LOCATION = 2003
_NOT_THERE = frozenset({404, 410})
_NOT_IMPLEMENTED = 501
_CANNOT_PASS = frozenset({"refused_address", "too_large"})


@dataclass(frozen=True, slots=True)
class Finding:
    """``same`` and what is wrong are about the object, ``passing`` is about this try. ``proof``: the answer is one that
    only a partner gives that answers GET here. ``answered``: there was an answer; ``wait`` is how long the partner asks
    to be left in peace, in seconds.
    """

    problem: Literal["same", "missing", "different", "unreadable", "passing"]
    pointers: tuple[str, ...] = ()
    proof: bool = False
    detail: str = ""
    answered: bool = True
    wait: float = 0.0


def found_in(answer: Answer, record: Record, now: float) -> Finding:
    """What an answer says of an object; ``now`` in seconds since 1970."""
    problem, envelope = answer.problem(), answer.envelope()
    status, code = answer.http_status, envelope.status_code
    if problem is None:
        if envelope.data in (None, [], {}):
            return Finding("missing" if code is not None else "unreadable", detail="the answer holds no data")
        if not plans.is_named(record, envelope.data):
            return Finding("unreadable", detail="the answer holds another object, or none")
        pointers = tuple(plans.differences(record, envelope.data)[:MOST_POINTERS])
        return Finding("different" if pointers else "same", pointers, proof=True)
    # A report lists it for all to read, and some partners quote cards in it.
    key = record.key
    problem = sentence(problem, Blots(), None if key.collection.module == "tokens" else key.id)
    if code == UNKNOWN_LOCATION:
        return Finding("missing", proof=True, detail=problem)
    if status in _NOT_THERE or (200 <= status < 300 and code == INVALID_PARAMETERS):
        return Finding("missing", detail=problem)
    if _may_pass(status, code):
        return Finding("passing", detail=problem, wait=asked_pause(answer.headers.get("Retry-After"), now))
    return Finding("unreadable", detail=problem)


def found_without_answer(error: PartnerUnreachable) -> Finding:
    """What no answer says."""
    if error.kind in _CANNOT_PASS:
        return Finding("unreadable", detail=error.detail)
    return Finding("passing", detail=error.detail, answered=False)


def _may_pass(status: int, code: int | None) -> bool:
    if 200 <= status < 300:
        return code is not None and code >= 3000
    return status in PASSING_STATUSES or (status >= 500 and status != _NOT_IMPLEMENTED)
