"""What the code that walks through documents needs to know of the models' fields, read from their annotations once.

No pydantic schema is built for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ocpi.v2_1_1.fields import Id, Instant, Latitude, Longitude, Primitive
from ocpi.v2_1_1.model import OcpiModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEGREES = tuple(get_args(hint)[1] for hint in (Latitude, Longitude))


@dataclass(frozen=True, slots=True)
class Field:
    """A field, or an element of one that is a list. ``model`` is what objects in it are."""

    optional: bool
    model: type[OcpiModel] | None
    is_id: bool
    is_time: bool
    is_degrees: bool


@cache
def field_table(model: type[OcpiModel]) -> Mapping[str, Field]:
    """The fields of a model in its order."""
    hints = get_type_hints(model, include_extras=True)
    return {name: _field(hints[name], optional=not field.is_required()) for name, field in model.model_fields.items()}


def _field(hint: Any, *, optional: bool) -> Field:
    found = list(_within(hint))
    primitives = [each for each in found if isinstance(each, Primitive)]
    return Field(
        optional,
        model=next((each for each in found if isinstance(each, type) and issubclass(each, OcpiModel)), None),
        is_id=any(isinstance(each, Id) for each in primitives),
        is_time=any(isinstance(each, Instant) for each in primitives),
        is_degrees=any(each in _DEGREES for each in primitives),
    )


def _within(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _within(argument)
