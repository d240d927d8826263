"""Paths and URLs as the log shows them: ids of objects are there, uids of tokens and whatever is unknown are ``…``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ocpi.exchanges.blots import BLOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OBJECTS = frozenset({"locations", "sessions", "cdrs", "tariffs"})
"""Modules whose ids are nobody's secret."""
HANDSHAKE = frozenset({"versions", "version_details", "credentials"})
_MODULES = OBJECTS | {"tokens", "commands", "credentials"}

_ID_OF = {
    "locations": "location_id",
    "sessions": "session_id",
    "cdrs": "cdr_id",
    "tariffs": "tariff_id",
    "tokens": "token_uid",
    "commands": "command_id",
}
"""The path parameter that names an object of a module."""
_PARAMETER = re.compile(r"\{([a-z_]+):segment\}")
MOST_CHARACTERS = 100
"""Of a segment or an id; ids of OCPI have 39 at most."""
_KNOWN_WORD = re.compile(r"ocpi|cpo|emsp|versions|authorize|credentials|[1-9](?:\.[0-9]){1,2}|" + "|".join(_MODULES))
_COMMAND = re.compile(r"[A-Z_]{1,40}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.]{0,18}(?:Z|[+ -][0-9]{2}:[0-9]{2})?")
_COUNT = re.compile(r"[0-9]{1,7}")
_TYPE = re.compile(r"RFID|OTHER")
_HARMLESS = {
    "limit": _COUNT,
    "offset": _COUNT,
    "date_from": _DATE,
    "date_to": _DATE,
    "type": _TYPE,
    "token_type": _TYPE,
}
"""Query parameters whose values are shown, as long as they look like what they should be."""
_PARAMETER_NAME = re.compile(r"[a-z_]{1,30}")


@dataclass(frozen=True, slots=True)
class RedactedPath:
    """A path to be shown, what it is about, and what of it must not be shown: the uid of a token."""

    text: str
    module: str | None = None
    object_id: str | None = None
    secret: str | None = field(default=None, repr=False)


def inbound_path(route: str, parameters: Mapping[str, str], query: Mapping[str, str]) -> RedactedPath:
    """The path of a request to us, from the route that took it (``/ocpi/…/{location_id:segment}``)."""
    module = next((word for word in route.split("/") if word in _MODULES), None)
    object_id = fitting(parameters.get(_ID_OF.get(module or "", "")))
    hidden = module == "tokens"

    def filled(match: re.Match[str]) -> str:
        name = match[1]
        return BLOT if hidden and name == "token_uid" else _segment(parameters.get(name, ""))

    text = _PARAMETER.sub(filled, route) + redacted_query(query.items())
    return RedactedPath(text, module, None if hidden else object_id, object_id if hidden else None)


def unknown_path(path: str) -> RedactedPath:
    """A path that no route has: the words of OCPI in it, and nothing else."""
    segments = [word if _KNOWN_WORD.fullmatch(word) else BLOT for word in path.strip("/").split("/")[:12] if word]
    return RedactedPath("/" + "/".join(segments))


def outbound_path(url: str, endpoints: Iterable[Mapping[str, str]], module: str | None = None) -> RedactedPath:
    """A URL of a partner: its endpoint, of which there are ``identifier`` and ``url``, and the segments after it.

    ``module`` says what a URL is that is no endpoint: ``versions``, ``version_details`` or ``credentials``. Of any
    other URL, such as a ``response_url``, only the host is shown.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return RedactedPath(BLOT)
    place, query = f"{parts.scheme}://{host}", redacted_query(parse_qsl(parts.query, keep_blank_values=True))
    known = _endpoint(f"{place}{parts.path}", endpoints)
    if known is not None:
        identifier, base = known
        path = _after_endpoint(identifier, parts.path[len(base) :])
        return RedactedPath(f"{place}{base}{path.text}{query}", path.module, path.object_id, path.secret)
    if module in HANDSHAKE:
        return RedactedPath(f"{place}{parts.path}{query}", "credentials" if module == "credentials" else None)
    return RedactedPath(f"{place}/{BLOT}" if parts.path.strip("/") else f"{place}{parts.path}")


def redacted_query(query: Iterable[tuple[str, str]]) -> str:
    """``?limit=100&cursor=…``; values are shown of what is harmless and looks so."""
    shown = []
    for name, value in list(query)[:20]:
        harmless = _HARMLESS.get(name)
        if harmless is not None and harmless.fullmatch(value):
            shown.append(f"{name}={value}")
        else:
            shown.append(f"{name if _PARAMETER_NAME.fullmatch(name) else BLOT}={BLOT}")
    return "?" + "&".join(shown) if shown else ""


def fitting(object_id: str | None) -> str | None:
    """An id, unless it is longer than any id is."""
    return object_id if object_id and len(object_id) <= MOST_CHARACTERS else None


def _endpoint(url: str, endpoints: Iterable[Mapping[str, str]]) -> tuple[str, str] | None:
    """Identifier and path of the endpoint that a URL is at or below; of several the closest."""
    found: list[tuple[str, str]] = []
    for endpoint in endpoints:
        try:
            parts = urlsplit(endpoint["url"])
        except ValueError:
            continue
        base = parts.path.rstrip("/")
        whole = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{base}"
        if url == whole or url.startswith(f"{whole}/"):
            found.append((endpoint["identifier"], base))
    return max(found, key=lambda each: len(each[1]), default=None)


def _after_endpoint(module: str, rest: str) -> RedactedPath:
    segments = [unquote(segment) for segment in rest.split("/") if segment]
    slash = "/" if rest.endswith("/") else ""
    shown, object_id = [BLOT] * len(segments), None
    if module in OBJECTS:
        shown = [_segment(segment) for segment in segments]
        object_id = _id_in(segments)
    elif module == "tokens":
        return _after_tokens(segments, slash)
    elif module == "commands":
        shown = [each if _COMMAND.fullmatch(each) and not place else BLOT for place, each in enumerate(segments)]
    return RedactedPath("".join(f"/{each}" for each in shown) + slash, module, object_id)


def _after_tokens(segments: list[str], slash: str) -> RedactedPath:
    """``/{uid}/authorize``, or ``/{country_code}/{party_id}/{uid}``."""
    shown = [BLOT] * len(segments)
    uid = _id_in(segments)
    if len(segments) == 2 and segments[1] == "authorize":
        uid, shown[1] = segments[0], "authorize"
    if len(segments) == 3 and len(segments[0]) == 2 and len(segments[1]) == 3:
        shown[:2] = map(_segment, segments[:2])
    return RedactedPath("".join(f"/{each}" for each in shown) + slash, "tokens", secret=uid)


def _id_in(segments: list[str]) -> str | None:
    if len(segments) >= 3:
        return fitting(segments[2])
    return fitting(segments[0]) if len(segments) == 1 else None


def _segment(text: str) -> str:
    return quote(text[:MOST_CHARACTERS], safe=":@") + (BLOT if len(text) > MOST_CHARACTERS else "")
