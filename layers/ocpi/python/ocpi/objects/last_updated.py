"""``last_updated`` of own objects: the operator may leave it out, and partners must be able to trust it.

Rules, for an object and for its parts that carry one themselves (Location, EVSE, Connector): given, it is kept,
unless it is older than what is stored; left out, it stays when nothing else changed, and otherwise becomes what
was given for the parent, or now; and a parent's is never older than its parts' (section 8.2.1.1, readings A-54
and A-65). So a body that says when it changed only at the top keeps that time, however often it is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocpi.errors import StateConflict
from ocpi.parts import are_parts

Parts = Mapping[str, str]
"""Lists whose elements carry ``last_updated`` themselves, and the field that identifies an element."""


def settle(new: dict[str, Any], stored: dict[str, Any] | None, *, now: str, parts: Parts) -> dict[str, Any]:
    """``new`` with every ``last_updated`` settled against what is stored; instants are ``YYYY-MM-DDTHH:MM:SSZ``.

    Raises :class:`StateConflict` when one that was given is older than the stored one.
    """
    return _settle(new, stored or {}, now, parts, pointer="")


def without_times(document: dict[str, Any], *, parts: Parts) -> dict[str, Any]:
    """A copy without any ``last_updated``: the base of a merge after which only those given count as given."""
    copy = {name: value for name, value in document.items() if name != "last_updated"}
    for name in parts.keys() & copy.keys():
        if not are_parts(copy[name], parts[name]):
            continue
        copy[name] = [without_times(part, parts=parts) for part in copy[name]]
    return copy


def _settle(new: dict[str, Any], stored: dict[str, Any], now: str, parts: Parts, pointer: str) -> dict[str, Any]:
    settled = dict(new)
    before, given = stored.get("last_updated", ""), new.get("last_updated")
    if given is not None and given < before:
        raise StateConflict(f"{pointer}/last_updated: {given} is older than {before}, which is stored")
    now = given or now
    newest_part = ""
    for name in parts.keys() & new.keys():
        if not are_parts(new[name], parts[name]):
            continue
        before_them = stored.get(name)
        known = {part[parts[name]]: part for part in before_them} if are_parts(before_them, parts[name]) else {}
        settled[name] = [
            _settle(part, known.get(part[parts[name]], {}), now, parts, f"{pointer}/{name}/{index}")
            for index, part in enumerate(new[name])
        ]
        newest_part = max((newest_part, *(part["last_updated"] for part in settled[name])))
    if given is None:
        unchanged = stored and _content(settled) == _content(stored)
        # A clock that runs behind what is stored does not take last_updated back.
        given = before if unchanged else max(now, before)
    settled["last_updated"] = max(given, newest_part)
    return settled


def _content(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "last_updated"}
