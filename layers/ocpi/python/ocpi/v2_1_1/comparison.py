"""Whether a partner holds an object as we would send it: what its GET shows, compared by what it means.

Nothing that OCPI leaves open counts as a difference: null, [] and absent; 1 and 1.0; times with fractions or offsets
(A-07), degrees with more or fewer decimals; letter case of ids (A-42); the order of lists, but for the elements of a
tariff (11.3.1); fields that 2.1.1 does not know, on either side, since a receiver may drop them (A-13); a list of one
around the object (A-24); EVSEs that were removed and that we do not list (A-51).
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

from ocpi.times import normalise
from ocpi.v2_1_1.field_table import Field, field_table
from ocpi.v2_1_1.places import find_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ocpi.v2_1_1.model import OcpiModel

Document: TypeAlias = dict[str, Any]

_DEFAULTS: Mapping[str, Any] = {"charging_when_closed": True}
"""What absent fields mean (8.3.1)."""

_ORDERED = frozenset({"elements"})


def same(module: str, ours: Document, theirs: Any, *, at: Sequence[str] = ()) -> list[str]:
    """JSON pointers into the partner's object where it differs from ours; none: it is the same. Elements of lists with
    an identity are numbered as in ours, since that is the order in which they are to be looked for.

    ``ours`` is canonical, ``theirs`` any JSON value. ``at`` are the segments of the request whose URL was read: with
    ``("LOC1", "E1")`` EVSE E1 of ``ours`` is compared.

    A location or EVSE whose ``last_updated`` is older there than ours is the same, if it has parts: when only those
    are PATCHed, a receiver need not raise it. A newer one is a difference, since it may keep our changes out (A-66).
    """
    model, part = find_place(module, ours, at[1:])
    if isinstance(theirs, list) and len(theirs) == 1:
        theirs = theirs[0]
    if part is None or not isinstance(theirs, dict):
        return [""]
    return list(_differences(model, part, theirs, ""))


def _differences(model: type[OcpiModel], ours: Document, theirs: Document, pointer: str) -> Iterator[str]:
    for name, field in field_table(model).items():
        mine, other, at = ours.get(name), theirs.get(name), f"{pointer}/{name}"
        if name in model.keyed and field.model is not None:
            yield from _differing_parts(field.model, model.keyed[name], mine or [], other or [], at)
            continue
        mine, other = _meaning(name, field, mine), _meaning(name, field, other)
        follows = name == "last_updated" and any(ours.get(parts) for parts in model.keyed)
        if (not isinstance(other, str) or other > mine) if follows else mine != other:
            yield at


def _differing_parts(
    model: type[OcpiModel], identity: str, ours: list[Document], theirs: Any, pointer: str
) -> Iterator[str]:
    if not isinstance(theirs, list) or not all(isinstance(part, dict) for part in theirs):
        yield pointer
        return
    known = {str(part.get(identity)).lower(): part for part in theirs}
    repeats = len(known) < len(theirs)
    for index, part in enumerate(ours):
        other = known.pop(part[identity].lower(), None)
        if other is None:
            yield f"{pointer}/{index}"
        else:
            yield from _differences(model, part, other, f"{pointer}/{index}")
    if repeats or any(part.get("status") != "REMOVED" for part in known.values()):
        yield pointer


def _meaning(name: str, field: Field, value: Any) -> Any:
    """Something hashable that is equal for values that mean the same; ``None`` for what means nothing."""
    if value is None or value == _DEFAULTS.get(name):
        return None
    if isinstance(value, list):
        elements = [meaning for each in value if (meaning := _meaning("", field, each)) is not None]
        return (tuple(elements) if name in _ORDERED else frozenset(Counter(elements).items())) if elements else None
    if isinstance(value, dict):
        table: Mapping[str, Field] = field_table(field.model) if field.model is not None else {}
        members = ((member, _meaning(member, table[member], value.get(member))) for member in table)
        return frozenset((member, meaning) for member, meaning in members if meaning is not None) or None
    return _plain_meaning(field, value)


def _plain_meaning(field: Field, value: Any) -> Any:
    # What is no instant or no number although it should be one is compared as it is.
    if isinstance(value, str):
        with suppress(ValueError, InvalidOperation):
            if field.is_id:
                return value.lower()
            if field.is_time:
                return normalise(value)
            if field.is_degrees:
                return Decimal(value)
    return value
