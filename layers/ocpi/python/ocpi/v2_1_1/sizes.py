"""Whether an object is so long that its faults must not all be looked for.

Each fault costs pydantic some 400 bytes and 4 microseconds, and a body of 4 MB has room for millions of ``{}`` with
four to seven faults each: gigabytes of them, where Lambda has one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.v2_1_1.model import OcpiModel

MANY_ELEMENTS = 20_000
"""Of all lists that the model knows. A car park of 500 EVSEs has 9,000, a session of a period each minute for four days
17,000.
"""


def is_long(model: type[OcpiModel], value: Any) -> bool:
    """Whether the lists of a value, that is or is not what the model says, hold more than :data:`MANY_ELEMENTS`."""
    return _counted(model, value, 0) > MANY_ELEMENTS


def _counted(model: type[OcpiModel], value: Any, before: int) -> int:
    """``before`` and the elements of the value's lists; counts no further once these are too many."""
    if not isinstance(value, dict):
        return before
    for name, inner in _fields_with_lists(model):
        child = value.get(name)
        if isinstance(child, list):
            before += len(child)
            if before > MANY_ELEMENTS:
                return before
        if inner is not None:
            for each in child if isinstance(child, list) else (child,):
                before = _counted(inner, each, before)
    return before


@cache
def _fields_with_lists(model: type[OcpiModel]) -> tuple[tuple[str, type[OcpiModel] | None], ...]:
    """Fields that are lists or lead to some, and the model of what is in them where it has lists itself."""
    from ocpi.v2_1_1.model import OcpiModel  # noqa: PLC0415 - which asks us

    found: list[tuple[str, type[OcpiModel] | None]] = []
    for name, hint in get_type_hints(model).items():
        if name not in model.model_fields:
            continue
        parts = list(_within(hint))
        nested = next((each for each in parts if isinstance(each, type) and issubclass(each, OcpiModel)), None)
        inner = nested if nested is not None and _fields_with_lists(nested) else None
        if inner is not None or any(get_origin(each) is list for each in parts):
            found.append((name, inner))
    return tuple(found)


def _within(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _within(argument)
