"""Reading what is pulled a little wider than what is pushed: a partner that is told nothing can mend nothing.

Texts that are too long are taken as they are, with a warning (reading A-44). All else that is wrong with an object is
wrong here too (reading A-14).
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ocpi.faults import Fault, Invalid
from ocpi.v2_1_1.model import check

if TYPE_CHECKING:
    from collections.abc import Collection

    from ocpi.v2_1_1.model import OcpiModel

Document = dict[str, Any]

_TOO_LONG = re.compile(r"must not be longer than ([0-9]+) characters")
_MOST_TEXTS = 100
_MOST_CHARACTERS = 4000


def check_leniently(model: type[OcpiModel], value: Any, *, strict: Collection[str]) -> tuple[Document, list[str]]:
    """The canonical object and the warnings, such as ``/address: must not be longer than 45 characters``.

    ``strict`` are fields of the object that are as long as the specification says or refused, as its id. Raises
    :class:`Invalid`.
    """
    try:
        return check(model, value), []
    except Invalid as invalid:
        long = [fault for fault in invalid.faults if _TOO_LONG.fullmatch(fault.detail)]
        refused = {f"/{name}" for name in strict}
        if len(long) < len(invalid.faults) or len(long) > _MOST_TEXTS or refused & {fault.pointer for fault in long}:
            raise
    return _with_long_texts(model, value, long)


def _with_long_texts(model: type[OcpiModel], value: Any, long: list[Fault]) -> tuple[Document, list[str]]:
    """Checks it with the texts cut to what is allowed, and puts them back: the model itself stays what it is."""
    cut = deepcopy(value)
    whole: dict[str, str] = {}
    for fault in long:
        holder, step = _place(cut, fault.pointer)
        length = _TOO_LONG.fullmatch(fault.detail)
        text = holder[step]
        if length is None or len(text) > _MOST_CHARACTERS:
            raise Invalid(long)
        whole[fault.pointer], holder[step] = text, text[: int(length[1])]
    document = check(model, cut)
    for pointer, text in whole.items():
        holder, step = _place(document, pointer)
        holder[step] = text
    return document, [f"{fault.pointer}: {fault.detail}" for fault in long]


def _place(value: Any, pointer: str) -> tuple[Any, Any]:
    """The object or list that holds what a JSON pointer leads to, and its name or index there."""
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value, int(last) if isinstance(value, list) else last
