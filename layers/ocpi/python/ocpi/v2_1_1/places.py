"""Where in an object a URL leads: to itself, or to one of its parts that have URLs of their own (section 8.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ocpi.v2_1_1.field_table import field_table
from ocpi.v2_1_1.module_rules import ModuleRules, module_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.v2_1_1.model import OcpiModel

Document: TypeAlias = dict[str, Any]


def rules_of(module: str) -> ModuleRules:
    """The rules of a module that has objects; raises :class:`LookupError` for another name."""
    rules = module_rules(module)
    if rules is None:
        raise LookupError(f"{module} is no module of objects")
    return rules


def find_place(module: str, document: Document, part: Sequence[str]) -> tuple[type[OcpiModel], Document | None]:
    """What stands at ``part`` of an object and its model: at nothing the object, at ``("E1", "2")`` connector 2 of EVSE
    E1. ``None`` if nothing stands there.
    """
    rules = rules_of(module)
    model = rules.model
    found: Document | None = document
    for (name, identity), wanted in zip(rules.parts.items(), part, strict=False):
        model = field_table(model)[name].model or model
        elements = found.get(name, ()) if found is not None else ()
        found = next((each for each in elements if each[identity] == wanted), None)
    return model, found
