"""Absent optional fields as ``null``, for partners that cannot read objects without them (setting ``explicit_nulls``).

To OCPI there is no difference: a ``?`` field may be absent or null, a ``*`` list absent, null or [] (section 2.5).
Lists become null too, as the setting says for everything that is absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ocpi.v2_1_1.field_table import Field, field_table

if TYPE_CHECKING:
    from ocpi.v2_1_1.model import OcpiModel

Document: TypeAlias = dict[str, Any]


def with_nulls(model: type[OcpiModel], document: Document) -> Document:
    """A canonical object with null in every optional field that it has not, also in all objects inside it. Fields come
    in the model's order, then unknown ones, in which nothing changes.
    """
    table = field_table(model)
    filled = {
        name: value_with_nulls(field, document[name]) if name in document else None
        for name, field in table.items()
        if name in document or field.optional
    }
    if len(filled) == len(table) and all(name in table for name in document):
        return filled
    return filled | {name: value for name, value in document.items() if name not in table}


def value_with_nulls(field: Field, value: Any) -> Any:
    """The same for what is in a field."""
    if field.model is None:
        return value
    if isinstance(value, list):
        return [with_nulls(field.model, element) for element in value]
    return with_nulls(field.model, value)
