"""The bodies that explain a refusal, without what identifies a driver or opens a door."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.exchanges.blots import BLOT
from ocpi.exchanges.paths import OBJECTS, fitting

if TYPE_CHECKING:
    from ocpi.exchanges.blots import Blots

MOST_BYTES = 4096
"""Of what is kept of both bodies."""
_MOST_READ = 65_536
"""Bytes of a body that is looked at."""
_FIRST_CUT = 1500

_SECRET = re.compile(
    "token|auth|uid|visual|contract|rfid|card|idtag|emaid|evcoid|issuer|secret|password|key|cookie|responseurl|credential"
)
"""In names without their underscores. Whatever has such a name is hidden, and hidden wherever else it stands."""
_HARMLESS = frozenset({"auth_method", "authmethod", "evse_uid", "evse_uids", "token_type", "tokens"})
_NAME = re.compile(r"[A-Za-z_]{1,40}")

_SHOWN = frozenset(
    {"status_code", "status_message", "timestamp"}
    | {"type", "valid", "whitelist", "language", "last_updated", "allowed", "info", "text"}
    | {"location_id", "evse_uid", "evse_uids", "connector_id", "connector_ids", "result"}
    | {"reservation_id", "session_id", "expiry_date"}
    | {"country_code", "party_id", "name", "website", "version", "versions", "identifier"}
)
"""Of messages about tokens nothing else is shown: partners have names of their own for what is on a card."""

_SENTENCES = frozenset(
    {"status_message", "text", "name", "message", "error", "errors", "reason", "detail", "details", "description"}
)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{5,18}(?:Z|[+-][0-9]{2}:[0-9]{2})?)?")
_NUMBERED_WORD = re.compile(r"(?<![^\s,;()\"'])(?=[^\s,;()\"']*[0-9])[^\s,;()\"']{6,}")
_POINTER = re.compile(r"(?:/(?:[a-z_]+|[0-9]{1,3}))+:?")


def sentence(text: str, blots: Blots, object_id: str | None = None) -> str:
    """What one side says in words. Words with digits are taken out, since some quote what is on a card that nobody has
    mentioned, also where it is about a session; JSON pointers, times and the id of the object at hand stay.
    """

    def shown(match: re.Match[str]) -> str:
        word = match[0].rstrip(".:!?")
        if object_id is not None and word.lower() == object_id.lower():
            return match[0]
        return match[0] if _POINTER.fullmatch(match[0]) or _INSTANT.fullmatch(word) else BLOT

    return _NUMBERED_WORD.sub(shown, blots.clean(text))


def collect(value: Any, blots: Blots, parent: str = "") -> None:
    """Take note of whatever stands under a secret name in a JSON value."""
    if isinstance(value, list):
        for each in value:
            collect(each, blots, parent)
    elif isinstance(value, dict):
        for name, member in value.items():
            if not _is_secret(name, parent) or _fold(name) == "issuer":
                collect(member, blots, name)
                continue
            for each in member if isinstance(member, list) else [member]:
                blots.add(each)
            collect(member, blots, name)


def explanation(
    request: bytes, answer: bytes, module: str | None, blots: Blots, object_id: str | None = None
) -> str | None:
    """``{"request": …, "answer": …}`` as JSON text of at most :data:`MOST_BYTES`, or ``None`` when both are empty.
    ``object_id`` is what the exchange is about, unless it is a token.

    A body that is no JSON is not kept, only its length. One that is too long is cut, and is then a text.
    """
    bodies = {"request": request, "answer": answer}
    values = {name: _read(body) for name, body in bodies.items() if body.strip()}
    for value in values.values():
        if not isinstance(value, _Unread):
            collect(value, blots)
    redaction = Redaction(blots, object_id)
    only_known = module not in OBJECTS
    shown = {
        name: str(value) if isinstance(value, _Unread) else redaction.of(value, only_known=only_known)
        for name, value in values.items()
    }
    return _fitting(shown) if shown else None


def posted_id(body: bytes | str) -> str | None:
    """The id of the object in a body; that of a CDR stands nowhere else."""
    try:
        value = strict_json.read(body)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return None
    object_id = value.get("id") if isinstance(value, dict) else None
    return fitting(object_id) if isinstance(object_id, str) else None


@dataclass(frozen=True, slots=True)
class Redaction:
    """Makes JSON values fit to be shown. ``object_id`` may stand in sentences."""

    blots: Blots
    object_id: str | None = None

    def of(self, value: Any, *, only_known: bool, shown: bool = False, parent: str = "") -> Any:
        """The value with ``…`` for what is secret; ``only_known``: and for whatever is not known to be harmless."""
        match value:
            case dict():
                return {
                    _shown_name(name, self.blots): self._member(name, member, only_known=only_known, parent=parent)
                    for name, member in value.items()
                }
            case list():
                return [self.of(each, only_known=only_known, shown=shown, parent=parent) for each in value]
            case None | bool():
                return value
            case str() if shown:
                return self._text(value, parent)
            case _ if shown:
                return value if self.blots.clean(str(value)) == str(value) else BLOT
            case _:
                return BLOT

    def _member(self, name: str, value: Any, *, only_known: bool, parent: str) -> Any:
        if _is_secret(name, parent):
            return self.of(value, only_known=True, shown=False, parent=name)
        shown = name in _SHOWN if only_known else _NAME.fullmatch(name) is not None
        return self.of(value, only_known=only_known, shown=shown, parent=name)

    def _text(self, value: str, name: str) -> str:
        # Who answers in other words than OCPI's has other names for them, but words they are.
        in_words = name in _SENTENCES or len(value.split()) > 1
        return sentence(value, self.blots, self.object_id) if in_words else self.blots.clean(value)


def _shown_name(name: str, blots: Blots) -> str:
    return blots.clean(name) if _NAME.fullmatch(name) else BLOT


def _is_secret(name: str, parent: str) -> bool:
    if name in _HARMLESS or (name == "uid" and parent == "evses"):
        return False
    return _SECRET.search(_fold(name)) is not None


def _fold(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


class _Unread:
    """Stands for a body that is not kept."""

    def __init__(self, body: bytes, why: str) -> None:
        self._text = f"{len(body)} bytes, {why}"

    def __str__(self) -> str:
        return self._text


def _read(body: bytes) -> Any:
    if len(body) > _MOST_READ:
        return _Unread(body, "too long to be kept")
    try:
        return strict_json.read(body)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return _Unread(body, "not JSON that is taken")


def _fitting(values: dict[str, Any]) -> str:
    cut = _FIRST_CUT
    text = strict_json.write(values)
    while len(text.encode()) > MOST_BYTES:
        text = json.dumps({name: _cut(value, cut) for name, value in values.items()}, ensure_ascii=False)
        cut //= 2
    return text


def _cut(value: Any, characters: int) -> str:
    text = value if isinstance(value, str) else strict_json.write(value)
    return text if len(text) <= characters else f"{text[:characters]}{BLOT}"
