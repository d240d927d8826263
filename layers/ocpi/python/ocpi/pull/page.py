"""One page of a list, read from a partner's answer as widely as partners write it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.delivery.pauses import asked_pause
from ocpi.exchanges.blots import Blots
from ocpi.exchanges.bodies import sentence
from ocpi.pull.link import MalformedLink, next_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpi.outbound.answer import Answer

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_TRANSIENT = frozenset({408, 425, 429})


class PageFailed(Exception):
    """No page came of a request; ``again``: the next try may bring one. ``wait`` is what the partner asked for, in
    seconds. ``refused``: by its answer it is the request that is wrong.
    """

    def __init__(self, detail: str, *, again: bool, wait: float = 0, refused: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.again = again
        self.wait = wait
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of an object whose JSON is not taken."""

    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """``objects`` are JSON values of any kind, or :class:`Unreadable`. ``total`` and ``limit`` are the headers
    ``X-Total-Count`` and ``X-Limit``, if they can be read; ``next`` is the URL in ``Link``, ``flaw`` why it cannot be
    read.
    """

    objects: list[Any]
    total: int | None = None
    limit: int | None = None
    next: str | None = None
    flaw: str | None = None


def read_page(answer: Answer, url: str, module: str, now: float) -> Page:
    """The page that came from a URL at ``now``, in seconds since 1970; raises :class:`PageFailed`.

    ``data`` is a list, one object (reading A-24), an object that holds the list under the module's name, or null. Of a
    list in which only some objects are JSON that is not taken, or no UTF-8, the others are read.
    """
    problem = answer.problem()
    if problem is None:
        objects = _listed(answer, module)
        if objects is None:
            raise PageFailed("the answer holds no list of objects", again=True)
    else:
        pieces = _pieces_of_data(answer.body) if 200 <= answer.http_status < 300 else None
        if pieces is None:
            wait = asked_pause(answer.headers.get("Retry-After"), now)
            raise PageFailed(
                sentence(problem, Blots()), again=_may_pass(answer), wait=wait, refused=_is_refusal(answer)
            )
        objects = list(map(_object, pieces))
    headers = answer.headers
    total, limit = _number(headers.get("X-Total-Count")), _number(headers.get("X-Limit"))
    try:
        return Page(objects, total, limit, next=next_link(headers.get("Link"), url))
    except MalformedLink as malformed:
        return Page(objects, total, limit, flaw=str(malformed))


def _listed(answer: Answer, module: str) -> list[Any] | None:
    envelope = answer.envelope()
    match envelope.data:
        case list() as listed:
            return listed
        case None | {} if not envelope.data:
            # Only an envelope says that there is nothing: an empty body may come from anywhere, and on an empty list
            # much is removed here.
            return [] if envelope.status_code is not None or answer.http_status == 204 else None
        case dict() as data if "id" not in data and isinstance(data.get(module), list):
            return list(data[module])
        case dict() as single:
            return [single]
    return None


def _may_pass(answer: Answer) -> bool:
    status = answer.http_status
    return 200 <= status < 300 or status >= 500 or status in _TRANSIENT


def _is_refusal(answer: Answer) -> bool:
    status, code = answer.http_status, answer.envelope().status_code
    if 200 <= status < 300:
        return code is not None and 2000 <= code < 3000
    return 400 <= status < 500 and status not in (*_TRANSIENT, 401, 403)


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _object(text: str) -> Any:
    try:
        text.encode()
        return strict_json.read(text)
    except UnicodeEncodeError:
        return Unreadable("the object is not UTF-8")
    except (strict_json.RefusedJson, strict_json.BrokenJson) as refused:
        return Unreadable(str(refused))


def _pieces_of_data(body: bytes) -> list[str] | None:
    """The texts of the objects in ``data`` of a successful envelope, or in a list without one, of which something as a
    whole was not taken; ``None`` if it is anything else.
    """
    try:
        # What is not UTF-8 spoils the object that it is in, and no other.
        text = body.decode(errors="surrogateescape").removeprefix("\ufeff")
        start = _skip(text, 0)
        if text[start] == "[":
            return [text[first:last] for first, last in _elements(text, start)]
        return _data_of(text, start)
    except (ValueError, IndexError, RecursionError):
        return None


def _data_of(text: str, start: int) -> list[str] | None:
    pieces, code = None, None
    for name, first, last in _members(text, start):
        if name == "data" and text[first] == "[":
            pieces = [text[begin:end] for begin, end in _elements(text, first)]
        elif name == "status_code":
            code = json.loads(text[first:last])
    succeeded = code is None or (isinstance(code, int) and 1000 <= code < 2000)
    return pieces if succeeded else None


def _elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Beginning and end of each element of the list that begins at ``start``."""
    at = _skip(text, start + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _separated(text, end, "]")


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Name of each member of the object that begins at ``start``, beginning and end of its value."""
    if text[start] != "{":
        raise ValueError(start)
    at = _skip(text, start + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        colon = _skip(text, end)
        if text[colon] != ":":
            raise ValueError(colon)
        first = _skip(text, colon + 1)
        _, end = _DECODER.raw_decode(text, first)
        yield str(name), first, end
        at = _separated(text, end, "}")


def _separated(text: str, end: int, closing: str) -> int:
    """Where the next one begins, or the closing bracket is."""
    at = _skip(text, end)
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise ValueError(at)
    return at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
