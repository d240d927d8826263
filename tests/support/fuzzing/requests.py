"""Requests to every route that the functions declare, right, almost right, and wrong."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hypothesis import strategies as st

from local.event import Request
from tests.support.fuzzing.bodies import NUMBERS, TEXTS, TIMES, documents
from tests.support.fuzzing.world import CARD, COMMAND, CONTRACT, OWN, PARTIES, ROLES
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "PROPFIND")
MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens")
COMMANDS = ("START_SESSION", "STOP_SESSION", "RESERVE_NOW", "UNLOCK_CONNECTOR")
_PARAMETER = re.compile(r"\{(\w+)\}")
_LOCATION: dict[str, Any] = OWN["locations"]
_EVSE: dict[str, Any] = _LOCATION["evses"][0]
_KNOWN: dict[str, tuple[str, ...]] = {
    "location_id": ("L-1",),
    "evse_uid": ("E-100",),
    "uid": ("E-100", CARD),
    "connector_id": ("1", "2"),
    "session_id": (str(OWN["sessions"]["id"]),),
    "cdr_id": (str(OWN["cdrs"]["id"]),),
    "tariff_id": (str(OWN["tariffs"]["id"]),),
    "token_uid": (CARD,),
    "object_id": ("L-1", *(str(OWN[module]["id"]) for module in ("sessions", "cdrs", "tariffs")), CARD),
    "module": MODULES,
    "command": COMMANDS,
    "command_id": (COMMAND,),
    "id": (*(f"partner-{name}" for name in ROLES), "L-1", COMMAND),
    "country_code": ("DE", "NL"),
    "party_id": ("CPA", "EMA", "EXA"),
}
_WRITES = frozenset({"PUT", "POST", "PATCH"})
_SEGMENTS = (
    "%2F", "a%2Fb", "%00", "..", ".", "%2e%2e", "%", "%zz", "%c3%28", "%ed%a0%80", "a" * 40, "a" * 3_000, "l-1", "é",
    "%C3%A9",
    "%20", "+", ";a=b", "a?b", "#", "%25", "%252F", "|", "own", "%F0%9F%94%8C", "null", "0", "\\", "~", "versions",
    "{id}",
)  # fmt: skip
_KINDS = ("right", "right", "right", "right", "case", "other", "other", "odd", "odd")
_ENDS = ("", "", "", "/", "//", "/x", "%2F", "/..")
_PARTNERS = tuple(f"partner-{name}" for name in ROLES)


@dataclass(frozen=True)
class Thrown:
    """A request, and who sends it to which route."""

    caller: str
    route: str
    request: Request


def body_for(route: str, method: str) -> Any:
    """An object that would be right there."""
    for pattern, value in _BODIES:
        if re.search(pattern, route):
            return value[method] if isinstance(value, _ByMethod) else value
    return {}


def requests(routes: Mapping[str, Sequence[str]], callers: Mapping[str, str]) -> st.SearchStrategy[Thrown]:
    """``routes``: the methods of each path; ``callers``: the ``Authorization`` of each."""
    return _requests(dict(routes), dict(callers))


@st.composite
def _requests(draw: DrawFn, routes: dict[str, Sequence[str]], callers: dict[str, str]) -> Thrown:
    route = draw(st.sampled_from(sorted(routes)))
    one_in_eight = st.integers(0, 7).map(lambda number: number == 7)
    declared = [method for method in routes[route] for _ in range(3 if method in _WRITES else 1)]
    method = draw(st.sampled_from(METHODS if draw(one_in_eight) else declared or METHODS))
    caller = draw(st.sampled_from(sorted(callers))) if draw(one_in_eight) else _fitting(draw, route)
    value = body_for(route, method)
    path = _path(draw, route, caller, value)
    if route.startswith("/operator/2.1.1/{module}"):
        value = OWN.get(path.split("/")[3], {})
        value = {**value, **_PATCH} if method == "PUT" else {**_PATCH} if method == "PATCH" else value
    headers = [("Host", "ocpi.example"), *_authorization(draw, callers[caller]), *_headers(draw)]
    body = b"" if method in ("GET", "HEAD", "DELETE") and not draw(one_in_eight) else draw(documents(value))
    if route.endswith("/bulk") and body:
        body = b"\n".join([body, json.dumps(value).encode(), draw(documents(value))])
    query = draw(_QUERIES) if draw(st.booleans()) else ""
    return Thrown(caller, route, Request(method, path, query, tuple(headers), body, "192.0.2.7", 443))


def _fitting(draw: DrawFn, route: str) -> str:
    if route.startswith("/operator"):
        return "operator"
    return draw(st.sampled_from(("emsp", "emsp", "other"))) if "/cpo/" in route else "cpo"


def _path(draw: DrawFn, route: str, caller: str, value: Any) -> str:
    own = PARTIES.get(caller, ("DE", "CPA"))
    chosen = {"country_code": own[0], "party_id": own[1]}
    kinds = ("right",) if draw(st.integers(0, 3)) else _KINDS

    def segment(match: re.Match[str]) -> str:
        name = match[1]
        known = (chosen[name],) if name in chosen else _KNOWN.get(name, ("1",))
        if name == "id" and "/partners/" in route:
            known = _PARTNERS
        if name == "object_id":
            known = (identity(OWN.get(chosen["module"], OWN["locations"])),)
        elif name.endswith("_id") and identity(value) and route.endswith(match[0] + "}"):
            known = (identity(value),)
        chosen[name] = draw(st.sampled_from(known))
        match draw(st.sampled_from(kinds)):
            case "case":
                chosen[name] = chosen[name].swapcase()
            case "other":
                chosen[name] += str(draw(st.integers(0, 9)))
            case "odd":
                return draw(st.sampled_from(_SEGMENTS) | st.text(max_size=20).map(lambda text: quote(_utf8(text), "")))
        return quote(chosen[name], safe="")

    path = _PARAMETER.sub(segment, route)
    return path + draw(st.sampled_from(_ENDS)) if "odd" in kinds else path


def identity(value: Any) -> str:
    """By what an object is told apart."""
    return str(value.get("uid", value.get("id", ""))) if isinstance(value, dict) else ""


_NEW_LINE, _NO_UTF8 = b"\n", b"\xff\x00"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _authorization(draw: DrawFn, right: str) -> list[tuple[str, str]]:
    if draw(st.integers(0, 15)) < 15:
        return [("Authorization", right)]
    scheme, _, token = right.partition(" ")
    forms = (
        None, "", " ", scheme, f"{scheme} ", f"{scheme}  {token}", f"{scheme.lower()} {token}",
        f"{scheme.upper()}\t{token}",
        token, f"Token {token}", f"Bearer {token}", f"Basic {token}", f"{right}, {right}", f"{scheme} {token}\u00e9",
        f"{scheme} {_base64(token.encode())}", f"{scheme} {_base64(token.encode() + _NEW_LINE)}",
        f"{scheme} {_base64(_NO_UTF8)}", f"{scheme} {'a' * 9_000}", f"{scheme} {token[:-1]}",
        f"{scheme} \u2713", f"{scheme} {token}\x00", f"{scheme} =", f"{scheme} ====", f"{scheme} {token.swapcase()}",
    )  # fmt: skip
    form = draw(st.sampled_from(forms))
    return [] if form is None else [(draw(st.sampled_from(("Authorization", "authorization", "AUTHORIZATION"))), form)]


_ODD_HEADERS = {
    "Content-Type": (
        "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "text/html", "", ";",
        "application/",
        "multipart/form-data; boundary=x", "application/vnd.x+json", "application/x-ndjson", "\u00ff", "a" * 5_000,
        "application/json,text/plain",
    ),
    "If-Match": ('"1"', "*", 'W/"1"', "1", '"', "", '"1", "2"', "\u00e9", '"' + "9" * 40 + '"'),
    "X-Request-ID": ("id-1", "", "a" * 500, "\u00e9", "a\tb", "7b1d2a8e-4cbe-4c5e-9d0c-8d7b1f0e2a11", CARD),
    "X-Correlation-ID": ("id-1", "", "a" * 500, "\u00e9", CARD),
    "X-Forwarded-For": ("1.2.3.4", "x", "::1", ""),
    "Accept": ("text/html", "*/*;q=x", ""),
    "Content-Encoding": ("gzip", "br"),
    "Content-Length": ("-1", "99999999999", "x"),
    "Host": ("evil.example", "[::1]", "", "a" * 500),
    "Range": ("bytes=0-1",),
    "X-\u00e9": ("\u00e9",),
}  # fmt: skip


def _headers(draw: DrawFn) -> list[tuple[str, str]]:
    if draw(st.integers(0, 3)) < 3:
        return []
    names = draw(st.lists(st.sampled_from(sorted(_ODD_HEADERS)), min_size=1, max_size=3, unique=True))
    return [(name, draw(st.sampled_from(_ODD_HEADERS[name]))) for name in names]


_VALUES = st.sampled_from(
    (*NUMBERS, *TIMES, *TEXTS, "RFID", "OTHER", "true", "false", "pending", "received", "partner-emsp", "partner-cpo",
    "none", "4xx", "in")
)  # fmt: skip
_NAMES = (
    "limit", "offset", "date_from", "date_to", "cursor", "type", "partner", "state", "direction", "object", "status",
    "from", "to",
    "force", "LIMIT", "limit[]", "é", "",
)  # fmt: skip
_QUERIES = st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name)}={quote(value[:200])}" for name, value in pairs)
) | st.sampled_from(
    (
        "limit", "&&&", "=", "limit=1&limit=2", "limit=%", "limit=%00", "date_from=%ff", "a=b;c=d",
        "limit=1&offset=1", "?limit=1",
        "date_from=2020-01-01T00:00:00+02:00", "limit=1", "limit=1&cursor=" + "A" * 60, "offset=1000000",
        "cursor=%F0%9F%94%8C",
    )
)  # fmt: skip


@dataclass(frozen=True)
class _ByMethod:
    whole: Any
    part: Any

    def __getitem__(self, method: str) -> Any:
        return self.part if method == "PATCH" else self.whole


_PATCH = {"last_updated": "2030-01-01T00:00:00Z"}
_TOKEN = OWN["tokens"]
_BODIES: tuple[tuple[str, Any], ...] = (
    (r"\{connector_id\}$", _ByMethod(_EVSE["connectors"][0], {"voltage": 230, **_PATCH})),
    (r"/locations/.*(\{evse_uid\}|\{uid\})$", _ByMethod(_EVSE, {"status": "CHARGING", **_PATCH})),
    (r"\{location_id\}$", _ByMethod(_LOCATION, {"name": "Other", **_PATCH})),
    (r"\{session_id\}$", _ByMethod({**OWN["sessions"], **_PATCH}, {"kwh": 100, **_PATCH})),
    (r"\{tariff_id\}$", {**OWN["tariffs"], **_PATCH}),
    (r"\{token_uid\}$", _ByMethod({**_TOKEN, **_PATCH}, {"valid": False, **_PATCH})),
    (r"/cdrs$", {**OWN["cdrs"], "id": "CDR-NEW"}),
    (r"/authorize$", fixture("location_references")),
    (r"/authorization$", {"allowed": "ALLOWED", "locations": None, "location_required": False}),
    (r"/commands/\{command\}/\{command_id\}$", fixture("command_response_accepted")),
    (r"/commands/\{command\}$", fixture("cmd_start_session", token={**_TOKEN, "auth_id": CONTRACT})),
    (r"/result$", {"result": "ACCEPTED"}),
    (r"/credentials$", fixture("credentials_max", token=f"token-{CARD}", url="https://cpo.example/versions")),
    (r"/operator/partners$", {"role": "EMSP", "name": "New"}),
    (r"/operator/partners/\{id\}$", {"name": "Other", "settings": {"patch": False, "page_size": 10}}),
    (r"/sync$", {"modules": ["locations", "tokens"], "full": False}),
    (r"/reconcile$", {"modules": ["locations"], "repair": False}),
    (r"/retry$", {"all": False}),
)
