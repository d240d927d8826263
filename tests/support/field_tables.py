"""Objects against the specification's tables as ``tests/facts/ocpi-2.1.1.json`` writes them (``string(36) 1``), and
against nothing else: whatever the models of the layer take or make, this is what a partner's would check.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTS = json.loads((Path(__file__).parents[1] / "facts" / "ocpi-2.1.1.json").read_text(encoding="utf-8"))
CLASSES: dict[str, dict[str, str]] = _FACTS["classes"]
_ENUMS: dict[str, list[str]] = _FACTS["enums"]
_FIELD = re.compile(r"(?P<type>[A-Za-z]+)(?:\((?P<max>\d+)\))? (?P<cardinality>[1?+*])")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_OPEN = frozenset({"ModuleID", "VersionNumber"})
"""Enums that the specification lets partners add to."""
_OPTIONAL = frozenset({("Hours", "twentyfourseven")})
"""Required by its table, and left out by the specification's own examples (reading A-15)."""


def violations(class_name: str, value: Any, pointer: str = "") -> Iterator[str]:
    """What the table of a class does not allow, each with its JSON pointer."""
    if not isinstance(value, dict):
        yield f"{pointer or '/'}: no {class_name}"
        return
    for name, described in CLASSES[class_name].items():
        field = _FIELD.fullmatch(described)
        assert field is not None, described
        if name in value:
            yield from _of_field(field, value[name], f"{pointer}/{name}")
        elif field["cardinality"] in "1+" and (class_name, name) not in _OPTIONAL:
            yield f"{pointer}/{name}: missing"


def _of_field(field: re.Match[str], value: Any, pointer: str) -> Iterator[str]:
    if field["cardinality"] in "1?":
        yield from _of_type(field, value, pointer)
    elif not isinstance(value, list):
        yield f"{pointer}: no list"
    else:
        if field["cardinality"] == "+" and not value:
            yield f"{pointer}: empty"
        for index, element in enumerate(value):
            yield from _of_type(field, element, f"{pointer}/{index}")


def _of_type(field: re.Match[str], value: Any, pointer: str) -> Iterator[str]:
    name, longest = field["type"], int(field["max"]) if field["max"] else None
    if name in CLASSES:
        yield from violations(name, value, pointer)
    elif name in _ENUMS and name not in _OPEN:
        if value not in _ENUMS[name]:
            yield f"{pointer}: none of {name}"
    elif name in _FITS:
        kinds, fits = _FITS[name]
        if isinstance(value, bool) is not (name == "boolean") or not isinstance(value, kinds) or not fits(value):
            yield f"{pointer}: no {name}"
        elif longest is not None and len(str(value)) > longest:
            yield f"{pointer}: longer than {longest}"
    elif not isinstance(value, str):
        yield f"{pointer}: no {name}"


def _anything(_value: Any) -> bool:
    return True


_FITS: dict[str, tuple[tuple[type, ...], Any]] = {
    "string": ((str,), _anything),
    "CiString": ((str,), _anything),
    "URL": ((str,), lambda value: re.match(r"https?://[^/]", value) and len(value) <= 255),
    "DateTime": ((str,), _DATE_TIME.fullmatch),
    "boolean": ((bool,), _anything),
    "int": ((int,), _anything),
    "number": ((int, float, Decimal), _anything),
}
