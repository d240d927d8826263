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

_NUMBERS = frozenset({"status_code", "reservation_id"})
"""Of those, what may be a number."""
_SENTENCES = frozenset(
    {"status_message", "text", "name", "message", "error", "errors", "reason", "detail", "details", "description"}
)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{5,18}(?:Z|[+-][0-9]{2}:[0-9]{2})?)?")
_COUNTRY = re.compile(r"[A-Za-z]{2,3}")
_VERSION = re.compile(r"[1-9](?:\.[0-9]){1,2}")
_FORMS = {
    "type": re.compile("OTHER|RFID"),
    "whitelist": re.compile("ALWAYS|ALLOWED|ALLOWED_OFFLINE|NEVER"),
    "allowed": re.compile("ALLOWED|BLOCKED|EXPIRED|NO_CREDIT|NOT_ALLOWED"),
    "result": re.compile("NOT_SUPPORTED|REJECTED|ACCEPTED|TIMEOUT|UNKNOWN_SESSION"),
    "valid": re.compile("true|false"),
    "language": re.compile("[A-Za-z]{2}"),
    "status_code": re.compile("[0-9]{4}"),
    "timestamp": _INSTANT,
    "last_updated": _INSTANT,
    "expiry_date": _INSTANT,
    "country_code": _COUNTRY,
    "party_id": re.compile("[A-Za-z0-9]{1,3}"),
    "version": _VERSION,
    "versions": _VERSION,
    "identifier": re.compile("[a-z_]{1,30}"),
}
"""How what is shown of messages about tokens must look: anybody can write a card's number under any name."""
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

    A body that is no JSON, or holds more secrets than can be looked for, is not kept, only its length. One that is too
    long is cut, and is then a text.
    """
    bodies = {"request": request, "answer": answer}
    values = {name: _read(body) for name, body in bodies.items() if body.strip()}
    for value in values.values():
        if not isinstance(value, Unread):
            collect(value, blots)
    if blots.is_overfull:
        values = {name: Unread(bodies[name], "with too many secrets to be kept") for name in values}
    only_known = module not in OBJECTS
    shown = {
        name: str(value) if isinstance(value, Unread) else Redaction(blots, object_id).of(value, only_known=only_known)
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


@dataclass(slots=True)
class Redaction:
    """Makes one JSON value fit to be shown. ``object_id`` may stand in sentences.

    ``room`` is how many characters are looked at; what comes after as many would hardly be kept.
    """

    blots: Blots
    object_id: str | None = None
    room: int = MOST_BYTES

    def of(self, value: Any, *, only_known: bool, shown: bool = False, parent: str = "") -> Any:
        """The value with ``…`` for what is secret; ``only_known``: and for whatever is not known to be harmless."""
        self.room -= 1
        if self.room < 0:
            return BLOT
        match value:
            case dict():
                return {
                    self._name(name): self._member(name, member, only_known=only_known, parent=parent)
                    for name, member in value.items()
                }
            case list():
                return [self.of(each, only_known=only_known, shown=shown, parent=parent) for each in value]
            case None | bool():
                return value
            case _ if not shown or (only_known and not _is_of_its_form(value, parent)):
                return BLOT
            case str():
                self.room -= len(value)
                return self._text(value, parent)
            case _:
                return value if self.blots.clean(str(value)) == str(value) else BLOT

    def _name(self, name: str) -> str:
        if self.room < 0 or not _NAME.fullmatch(name):
            return BLOT
        self.room -= len(name)
        return self.blots.clean(name)

    def _member(self, name: str, value: Any, *, only_known: bool, parent: str) -> Any:
        if _is_secret(name, parent):
            return self.of(value, only_known=True, shown=False, parent=name)
        shown = name in _SHOWN if only_known else _NAME.fullmatch(name) is not None
        return self.of(value, only_known=only_known, shown=shown, parent=name)

    def _text(self, value: str, name: str) -> str:
        # Who answers in other words than OCPI's has other names for them, but words they are.
        in_words = name in _SENTENCES or len(value.split()) > 1
        return sentence(value, self.blots, self.object_id) if in_words else self.blots.clean(value)


def _is_of_its_form(value: object, name: str) -> bool:
    if not isinstance(value, str):
        return name in _NUMBERS
    form = _FORMS.get(name)
    return form is None or form.fullmatch(value) is not None


def _is_secret(name: str, parent: str) -> bool:
    if name in _HARMLESS or (name == "uid" and parent == "evses"):
        return False
    return _SECRET.search(_fold(name)) is not None


def _fold(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


class Unread:
    """Stands for a body that is not kept."""

    def __init__(self, body: bytes, why: str) -> None:
        self._text = f"{len(body)} bytes, {why}"

    def __str__(self) -> str:
        return self._text


def _read(body: bytes) -> Any:
    if len(body) > _MOST_READ:
        return Unread(body, "too long to be kept")
    try:
        return strict_json.read(body)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return Unread(body, "not JSON that is taken")


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
