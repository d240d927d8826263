"""What a push of an own object consists of: which requests bring a partner from what it holds to what there is now.

They are the smallest that no receiver can misread (sections 8.1, 9.1.1, 11.1.1, 12.1.1; readings A-09 to A-11):

* A PATCH carries plain values. Receivers merge lists in three ways (A-10), and whether they merge objects or replace
  them is said nowhere. So a field that is or holds a list, and an object that lost a member, go out in a PUT of the
  connector, EVSE or object that has the field; and so does a field that was cleared, unless the partner gets nulls.
* Every PATCH carries ``last_updated`` of what it changes: 2.1.1 allows that and later versions ask for it (A-09).
* An EVSE with changes at several places in it is PUT: one request instead of several, and never half of it.

``last_updated`` of an EVSE or location that changed only below goes out with nothing. The receiver derives it, being
the newest of the parts' (sections 8.3.1, 8.3.2), and a second request for every change of a status would double the
traffic to say nothing else. Where the operator gave a part an older time than that of the write, the parent's time at
the partner stays a little older than ours until the next PUT; it never goes back, and :func:`same` lets it pass.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from ocpi.v2_1_1.comparison import same
from ocpi.v2_1_1.explicit_nulls import value_with_nulls, with_nulls
from ocpi.v2_1_1.field_table import field_table
from ocpi.v2_1_1.merge import KEYED
from ocpi.v2_1_1.places import find_place, rules_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from ocpi.v2_1_1.model import OcpiModel

__all__ = ["PushRequest", "deletion", "lookup", "push_plan", "same", "whole"]

Document: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]

MAX_REQUESTS = 5
"""Of one push; what would need more goes out as a whole."""

_ALWAYS_WHOLE = frozenset({"cdrs", "tariffs"})
_EVERYTHING: Path = ()
"""Stands, among the paths that changed at a place, for all that there is."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """One request. ``segments`` come after the endpoint, country code and party id (a CDR is POSTed to the endpoint
    itself: nothing comes after it), not yet percent-encoded; ``query`` has no question mark. ``whole``: the body is the
    whole object, so it can be sent whatever the partner holds.
    """

    method: str
    segments: Path
    query: str
    body: Document | None
    whole: bool

    def lookup(self) -> PushRequest:
        """The GET of the same URL, for everything but a POST."""
        return replace(self, method="GET", body=None, whole=False)


def push_plan(
    module: str, document: Document, changed: frozenset[Path] | None, *, patch: bool, nulls: bool
) -> list[PushRequest]:
    """The requests, in order, that bring a partner up to date which lacks ``changed``, as
    :func:`ocpi.objects.journal.changed_since` has it: ``None`` is unknown, nothing needs no request.

    ``patch`` and ``nulls`` are its settings ``patch`` and ``explicit_nulls``. A plan may be sent again from its start.
    """
    if changed is not None and not changed:
        return []
    if changed is None or not patch or module in _ALWAYS_WHOLE:
        return [whole(module, document, nulls=nulls)]
    requests = [_request(module, document, part, paths, nulls) for part, paths in _by_part(module, document, changed)]
    if len(requests) > MAX_REQUESTS or any(request.whole for request in requests):
        return [whole(module, document, nulls=nulls)]
    return requests


def whole(module: str, document: Document, *, nulls: bool) -> PushRequest:
    """The whole object just as the partner reads it from us: PUT, or POST of a CDR."""
    rules = rules_of(module)
    body = with_nulls(rules.model, document) if nulls else document
    if module == "cdrs":
        return PushRequest("POST", (), "", body, whole=True)
    return PushRequest("PUT", (document[rules.id_field],), "", body, whole=True)


def deletion(module: str, object_id: str) -> PushRequest:
    """DELETE of an object; raises :class:`ValueError` for modules whose objects are never deleted."""
    if not rules_of(module).deletable:
        raise ValueError(f"objects of {module} are never deleted")
    return PushRequest("DELETE", (object_id,), "", None, whole=False)


def lookup(module: str, object_id: str) -> PushRequest:
    """GET of an object that has this id in the store."""
    if module == "tokens":
        kind, _, uid = object_id.partition("/")
        return PushRequest("GET", (uid,), _type_query(kind), None, whole=False)
    return PushRequest("GET", (object_id,), "", None, whole=False)


def _by_part(module: str, document: Document, changed: Collection[Path]) -> list[tuple[Path, set[Path]]]:
    """What changed at which part, ``()`` being the object itself. First the parts, as they stand in the object, so that
    new ones come to stand so at the partner; the object itself last.
    """
    lists = rules_of(module).parts
    found: defaultdict[Path, dict[Path, set[Path]]] = defaultdict(dict)
    for path in changed:
        part, rest = _split(path, tuple(lists))
        found[part[:1]].setdefault(part, set()).add(rest)
    by_part: list[tuple[Path, set[Path]]] = []
    name, identity = next(iter(lists.items()), ("", ""))
    for element in document.get(name, ()):
        top = (element[identity],)
        places = found.pop(top, {})
        by_part += places.items() if len(places) < 2 else [(top, {_EVERYTHING})]
    return by_part + [item for places in found.values() for item in places.items()]


def _split(path: Path, lists: tuple[str, ...]) -> tuple[Path, Path]:
    """The part that a path leads to, and the rest of the path within it."""
    part: Path = ()
    for name in lists:
        match path:
            case (first, element, *rest) if first == name:
                part, path = (*part, element), tuple(rest)
            case _:
                break
    return part, path


def _request(module: str, document: Document, part: Path, paths: Collection[Path], nulls: bool) -> PushRequest:
    """PATCH or PUT of a part; of the whole object if it is the object, or is gone."""
    model, found = find_place(module, document, part)
    body = None if found is None else _patch(model, found, paths, nulls)
    segments = (document[rules_of(module).id_field], *part)
    if body is not None:
        query = _type_query(document["type"]) if module == "tokens" else ""
        return PushRequest("PATCH", segments, query, body, whole=False)
    if found is None or not part:
        return whole(module, document, nulls=nulls)
    return PushRequest("PUT", segments, "", with_nulls(model, found) if nulls else found, whole=False)


def _patch(model: type[OcpiModel], found: Document, paths: Collection[Path], nulls: bool) -> Document | None:
    """The body of a PATCH, or ``None`` if only a PUT says what changed."""
    if any(len(path) != 1 for path in paths):
        return None  # everything, or an object that lost a member
    table, names = field_table(model), {name for (name,) in paths}
    cleared = sorted(names - found.keys())
    clearable = {name for name, field in table.items() if field.optional and name not in KEYED} if nulls else set()
    if not clearable.issuperset(cleared) or any(_holds_list(found.get(name)) for name in names):
        return None
    body = {name: value for name, value in found.items() if name in names or name == "last_updated"}
    if nulls:
        body = {name: value_with_nulls(table[name], body[name]) if name in table else body[name] for name in body}
    return dict.fromkeys(cleared) | body


def _holds_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and any(map(_holds_list, value.values())))


def _type_query(kind: str) -> str:
    """Which of the tokens of one uid is meant (reading A-25). Without it the RFID one is, so only others need it; those
    that do not know the parameter get no more of it than they must.
    """
    return "" if kind == "RFID" else f"type={quote(kind, safe='')}"
