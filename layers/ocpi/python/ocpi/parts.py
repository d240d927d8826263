"""Lists whose elements have an identity, such as the EVSEs of a Location."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeGuard


def are_parts(value: Any, identity: str) -> TypeGuard[list[dict[str, Any]]]:
    """Whether a value is such a list, its elements told apart by this field. A field of the same name may be something
    else where the specification knows none (``connectors`` of a Location): unknown fields are kept as they are.
    """
    return isinstance(value, list) and all(
        isinstance(element, dict) and isinstance(element.get(identity), str) for element in value
    )
