"""What the code that walks through documents needs to know of the models' fields, read from their annotations once.

No pydantic schema is built for it, and pydantic itself is loaded only with the first model that somebody asks about.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ocpi.v2_1_1.model import OcpiModel


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
    from ocpi.v2_1_1 import fields  # noqa: PLC0415 - loaded already by whoever has a model
    from ocpi.v2_1_1.model import OcpiModel  # noqa: PLC0415 - as above

    found = list(_within(hint))
    degrees = [get_args(hint)[1] for hint in (fields.Latitude, fields.Longitude)]
    primitives = [each for each in found if isinstance(each, fields.Primitive)]
    return Field(
        optional,
        model=next((each for each in found if isinstance(each, type) and issubclass(each, OcpiModel)), None),
        is_id=any(isinstance(each, fields.Id) for each in primitives),
        is_time=any(isinstance(each, fields.Instant) for each in primitives),
        is_degrees=any(each in degrees for each in primitives),
    )


def _within(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _within(argument)
