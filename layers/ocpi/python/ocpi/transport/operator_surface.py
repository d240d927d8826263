"""What the operator sees: one key, plain JSON, and problems as RFC 9457."""

from __future__ import annotations

import http
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi import errors, strict_json
from ocpi.faults import Invalid, told
from ocpi.observability import logger
from ocpi.store.port import TooLarge
from ocpi.store.update import Busy
from ocpi.strict_json import BrokenJson, RefusedJson
from ocpi.transport.message import Answer, Call
from ocpi.transport.routing import Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.transport.failure_limit import FailureLimit


class OperatorResource(Resource):
    """A path under ``/operator``. Handlers take ``(call)``."""

    def __init__(self, path: str, /, **methods: Any) -> None:
        super().__init__(f"/operator{path}", methods)


@dataclass(frozen=True)
class OperatorSurface:
    """Admission by the operator key, and answers. ``is_operator`` tells whether a key opens."""

    is_operator: Callable[[str], bool]
    failure_limit: FailureLimit

    def serve(self, call: Call, resource: Resource) -> Answer:
        """Answer a call; whatever goes wrong is a problem document."""
        started = time.perf_counter()
        try:
            self._admit(call)
            answer = self._handler(call, resource)(call)
        except Exception as error:  # noqa: BLE001 - the last line of defence: nothing leaves but a problem
            answer = _problem(error)
        logger.info(
            "request",
            route=call.route,
            method=call.method,
            http_status=answer.http_status,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return answer

    def unknown_path(self, call: Call) -> Answer:
        """404, or 401 before it."""
        try:
            self._admit(call)
            raise errors.NotFound("there is nothing at this URL")
        except errors.Refused as error:
            return _problem(error)

    def _admit(self, call: Call) -> None:
        scheme, _, key = call.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not self.is_operator(key.strip()):
            self.failure_limit.count(call.source)
            raise errors.Unauthorized("the operator key is required: Authorization: Bearer <operator key>")

    def _handler(self, call: Call, resource: Resource) -> Callable[[Call], Answer]:
        method = "GET" if call.method == "HEAD" else call.method
        if method not in resource.methods:
            raise errors.MethodNotAllowed(f"{call.method} is not possible here", resource.allow)
        return resource.methods[method]


def answer_json(value: object, *, http_status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Any value as JSON."""
    return Answer(http_status, strict_json.write(value), headers or {})


_HTTP_STATUS: dict[type[Exception], int] = {
    errors.Unauthorized: 401,
    errors.TooManyFailures: 429,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.StateConflict: 409,
    errors.PreconditionFailed: 412,
    errors.BodyTooLarge: 413,
    errors.WrongMediaType: 415,
    errors.BadParameter: 400,
}
"""HTTP status of each refusal; a subclass without a row of its own takes its parent's."""


def _members(error: Exception) -> dict[str, Any]:
    """What a problem says of an error: ``status``, ``detail`` and whatever else helps."""
    match error:
        case BrokenJson():
            return {"status": 400, "detail": f"the body is not JSON: {error}"}
        case RefusedJson():
            return {
                "status": 422,
                "detail": "the body is not taken",
                "errors": [{"pointer": error.pointer, "detail": error.detail}],
            }
        case Invalid():
            return {
                "status": 422,
                "detail": "the body is not valid",
                "errors": [{"pointer": pointer, "detail": detail} for pointer, detail in told(error.faults)],
            }
        case errors.PartnerFailed():
            return {
                "status": 502,
                "detail": error.detail,
                "step": error.step,
                "http_status": error.http_status,
                "ocpi_status": error.ocpi_status,
            }
        case errors.Refused():
            kind = next(kind for kind in type(error).__mro__ if kind in _HTTP_STATUS)
            return {"status": _HTTP_STATUS[kind], "detail": error.detail}
        case TooLarge():
            return {"status": 413, "detail": f"the object is larger than can be kept: {error}"}
        case Busy():
            return {"status": 503, "detail": "too many writers at once; try again"}
        case _:
            logger.exception("unexpected error")
            return {"status": 500, "detail": "an internal error; it has been logged"}


def problem_document(error: Exception) -> dict[str, Any]:
    """An error as a problem (RFC 9457). The type is ``about:blank``: the status says it all."""
    members = {name: value for name, value in _members(error).items() if value is not None}
    return {"type": "about:blank", "title": http.HTTPStatus(members["status"]).phrase, **members}


def _problem(error: Exception) -> Answer:
    document = problem_document(error)
    headers = {}
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.TooManyFailures):
        headers["Retry-After"] = str(error.retry_after)
    return Answer(document["status"], strict_json.write(document), headers, media_type="application/problem+json")
