"""The journal of an own object: what its latest writes changed, so that partners can be sent that and no more.

It is kept beside the object as JSON text: for each of the latest writes ``[revision, [path, …]]``, the oldest first. A
path is a list of names: ``["name"]`` is a field, ``["evses", "E1"]`` a part that came, ``["evses", "E1", "status"]`` a
field of a part, ``["evses"]`` a list of parts that lost one or has another order than by appending, and
``["operator", "logo"]`` a field whose value lost that member. ``last_updated`` is a path only where a write changed
nothing else there or below: everywhere else it goes with what changed.

The journal is a hint and never the truth. Whoever writes an object without a word in it leaves a gap, and what lies
across a gap is unknown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from ocpi.parts import are_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ocpi.store.port import Record

Document: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]

MAX_WRITES = 20
MAX_BYTES = 1500

_TIME = "last_updated"


def journal_after(record: Record | None, stored: Document | None, new: Document, parts: Mapping[str, str]) -> str:
    """The journal that goes with the write that makes ``stored``, the document of ``record``, into ``new``.

    ``parts`` are the lists whose elements have an identity, and the field that holds it. A new object has an empty
    journal: there is nothing that anybody could hold of it yet.
    """
    if record is None or stored is None:
        return ""
    paths = sorted(_changes(stored, new, parts, ()))
    entries = [*_entries(record.journal), [record.revision + 1, paths]][-MAX_WRITES:]
    while entries:
        # Escaped text: as many characters as bytes.
        text = json.dumps(entries, separators=(",", ":"))
        if len(text) <= MAX_BYTES:
            return text
        del entries[0]
    return ""


def changed_since(record: Record, holds: str | None) -> frozenset[Path] | None:
    """What changed between the write that ``holds`` names (:attr:`~ocpi.store.port.Record.write`) and the record.

    ``None``: unknown, because somebody holds nothing, or an object of this name that was deleted since, or because
    the journal does not tell every write in between.
    """
    if holds is None:
        return None
    revision, _, created = holds.partition("-")
    if created != record.created or not revision.isdecimal() or int(revision) > record.revision:
        return None
    told = {entry[0]: entry[1] for entry in _entries(record.journal)}
    missed = range(int(revision) + 1, record.revision + 1)
    if any(write not in told for write in missed):
        return None
    return frozenset(tuple(path) for write in missed for path in told[write])


def _entries(journal: str) -> list[Any]:
    entries: list[Any] = json.loads(journal) if journal else []
    return entries


def _changes(before: Document, after: Document, parts: Mapping[str, str], at: Path) -> Iterator[Path]:
    """The paths at and below ``at``."""
    nothing = True
    for name in {**before, **after}:
        old, new, path = before.get(name), after.get(name), (*at, name)
        if name == _TIME or old == new:
            continue
        nothing = False
        identity = parts.get(name)
        if identity is not None and _may_hold_parts(old, identity) and _may_hold_parts(new, identity):
            yield from _changed_parts(old or [], new or [], parts, path)
        else:
            yield path
            yield from ((*path, member) for member in _lost_members(old, new))
    if nothing and before.get(_TIME) != after.get(_TIME):
        yield (*at, _TIME)


def _changed_parts(before: list[Document], after: list[Document], parts: Mapping[str, str], at: Path) -> Iterator[Path]:
    identity = parts[at[-1]]
    known, names = {part[identity]: part for part in before}, [part[identity] for part in after]
    if names != [*known, *(name for name in names if name not in known)]:
        yield at
        return
    for part in after:
        path = (*at, part[identity])
        if part[identity] in known:
            yield from _changes(known[part[identity]], part, parts, path)
        else:
            yield path


def _may_hold_parts(value: Any, identity: str) -> bool:
    return value is None or are_parts(value, identity)


def _lost_members(before: Any, after: Any) -> list[str]:
    """Members of an object that it has no longer, in it or anywhere within."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [name for name, value in before.items() if name not in after or _lost_members(value, after[name])]
