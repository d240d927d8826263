"""What holds for every answer, whatever was asked."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.support.field_tables import violations
from tests.support.fuzzing.world import CANARY

if TYPE_CHECKING:
    from local.answer import Answer
    from tests.support.fuzzing.requests import Thrown
    from tests.support.fuzzing.world import World

OCPI_HTTP = frozenset({200, 201, 400, 401, 403, 404, 405, 413, 415})
OCPI_CODES = frozenset({1000, 2000, 2001, 2002, 2003, 3001, 3002, 3003})
OPERATOR_HTTP = frozenset({200, 201, 202, 204, 400, 401, 404, 405, 409, 412, 413, 415, 422, 502, 503})
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_KINDS = {
    "locations": "Location",
    "sessions": "Session",
    "cdrs": "CDR",
    "tariffs": "Tariff",
    "tokens": "Token",
    "evse_uid": "EVSE",
    "uid": "EVSE",
    "connector_id": "Connector",
}


class Broken(AssertionError):
    """A rule that does not hold."""


def throw(world: World, thrown: Thrown) -> Answer:
    """Send a request and look at what came of it; raises :class:`Broken`. Leaves everything as it was."""
    before = world.digest()
    world.logged()
    answer = world.send(thrown.request)
    took = check(thrown, answer)
    changed = world.digest() != before
    try:
        _require(not changed or took, "a refused request stored something", answer)
        if took:
            _read_back(world, thrown, answer)
        log = world.logged()
        _require(CANARY not in log and world.system.operator_key not in log, "a secret is in a log", log)
    finally:
        if changed:
            world.put_back()
    return answer


def check(thrown: Thrown, answer: Answer) -> bool:
    """The answer by itself; whether the request was taken and may have changed something."""
    path = thrown.request.raw_path
    if re.match(r"/ocpi(/|$)", path):
        code = _of_ocpi(thrown, answer)
        return code == 1000 and thrown.request.method not in _READS
    _of_operator(thrown, answer)
    # A command that a partner could not be brought is kept, and says so.
    return answer.status < 300 and thrown.request.method not in _READS


def _of_ocpi(thrown: Thrown, answer: Answer) -> int:
    _require(answer.status in OCPI_HTTP, "this HTTP status is not one of ours", answer)
    if thrown.request.method == "HEAD":
        _require(answer.body == b"", "HEAD has no body", answer)
        return 1000
    body = _json(answer, "application/json")
    code = body.get("status_code")
    _require(type(code) is int and code in OCPI_CODES, "the status_code is none of ours", answer)
    _require(bool(_DATE_TIME.fullmatch(body.get("timestamp", ""))), "the timestamp is none", answer)
    datetime.fromisoformat(body["timestamp"])
    _require(isinstance(body.get("status_message"), str), "there is no status_message", answer)
    # A command that is refused says so twice: in the status and as a CommandResponse.
    has_data = "data" in body and not thrown.route.endswith("/commands/{command}")
    _require(code == 1000 or not has_data, "a refusal has data", answer)
    _require((code == 1000) <= (answer.status < 300), "an HTTP error succeeded", answer)
    return int(code)


def _of_operator(thrown: Thrown, answer: Answer) -> None:
    request = thrown.request
    if not re.match(r"/operator(/|$)", request.raw_path):
        _require(answer.status < 500, "the gateway failed", answer)
        return
    _require(answer.status in OPERATOR_HTTP, "this HTTP status is not one of ours", answer)
    if request.method == "HEAD" or answer.status == 204:
        _require(answer.body == b"", "there is a body", answer)
        return
    if answer.status == 503:
        _require(thrown.route == "/operator/health", "only health is 503", answer)
        return
    if answer.status < 300:
        if not thrown.route.endswith("/bulk"):
            _json(answer, "application/json")
        return
    problem = _json(answer, "application/problem+json")
    _require(problem.get("status") == answer.status, "the problem has another status", answer)
    for member in ("type", "title", "detail"):
        _require(isinstance(problem.get(member), str), f"the problem has no {member}", answer)
    for error in problem.get("errors", []):
        _require(error.keys() == {"pointer", "detail"}, "an error has another form", answer)
    _require(answer.status != 502 or "step" in problem, "a failure of a partner names no step", answer)


def _json(answer: Answer, media_type: str) -> Any:
    declared = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    _require(declared == media_type, f"the Content-Type is not {media_type}", answer)
    try:
        return json.loads(answer.body.decode("utf-8"))
    except ValueError as error:
        raise Broken(f"the body is no JSON: {error}: {answer!r}"[:2000]) from None


def _read_back(world: World, thrown: Thrown, answer: Answer) -> None:
    """What was taken is there, and is what the specification's tables say."""
    kind = kind_of(thrown.route)
    request = thrown.request
    if kind is None or request.method not in ("PUT", "PATCH", "POST"):
        return
    path, query = request.raw_path, request.raw_query
    if request.method == "POST":
        located = next(value for name, value in answer.headers if name.lower() == "location")
        path, query = "/ocpi" + located.partition("/ocpi")[2], ""
    authorization = next((value for name, value in request.headers if name.lower() == "authorization"), "")
    read = type(request)("GET", path, query, (("Authorization", authorization),), b"", request.source_ip, 443)
    there = world.send(read)
    _require(there.status == 200, "what was taken cannot be read", there)
    body = json.loads(there.body)
    value = body if thrown.route.startswith("/operator") else body["data"]
    if kind == "Operator":
        kind = _KINDS.get(path.split("/")[3], "")
        if kind == "":
            return
    wrong = list(violations(kind, value))
    _require(not wrong, f"what was taken is no {kind}: {wrong[:5]}", there)


def kind_of(route: str) -> str | None:
    """The class of what is kept at a route, ``Operator`` if its path says so."""
    if route == "/ocpi/emsp/2.1.1/cdrs":
        return "CDR"
    if route == "/operator/2.1.1/{module}/{object_id}":
        return "Operator"
    parts = route.strip("/").split("/")
    last = parts[-1].strip("{}")
    if "locations" in parts and last in ("evse_uid", "uid", "connector_id"):
        return _KINDS[last]
    if last in ("location_id", "session_id", "tariff_id", "token_uid"):
        return _KINDS[parts[3]]
    return None


def _require(holds: bool, otherwise: str, what: object) -> None:
    if not holds:
        raise Broken(f"{otherwise}: {what!r}"[:3000])
