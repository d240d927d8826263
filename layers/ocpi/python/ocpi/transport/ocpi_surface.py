"""What OCPI partners see: admission by token, and every answer in the envelope."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ocpi import errors
from ocpi.exchanges.inbound import UNKNOWN, Served, inbound_exchange
from ocpi.exchanges.recorder import Recorder
from ocpi.faults import Invalid, told
from ocpi.observability import logger
from ocpi.settings import Role, settings
from ocpi.store.clock import instant
from ocpi.store.port import TooLarge
from ocpi.store.update import Busy
from ocpi.strict_json import BrokenJson, RefusedJson
from ocpi.transport.authentication import Caller, authenticate
from ocpi.transport.envelope import failure
from ocpi.transport.failure_limit import FailureLimit
from ocpi.transport.message import Answer, Call
from ocpi.transport.routing import Resource
from ocpi.transport.status_codes import StatusCode
from ocpi.transport.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ocpi.store.port import Partner, Store

REGISTERED = frozenset({"registered"})
"""Tokens that open the modules."""
EVERY_TOKEN = frozenset({"registered", "handshake", "invitation"})
"""Tokens that open versions, version details and credentials: token A as well (reading A-36)."""


class OcpiResource(Resource):
    """A path of the version tree of one of our roles. Handlers take ``(call, caller)``."""

    def __init__(self, our_role: Role, path: str, /, opened_by: Collection[str] = REGISTERED, **methods: Any) -> None:
        super().__init__(f"/ocpi/{our_role.lower()}/{path}", methods)
        self.our_role = our_role
        self.opened_by = opened_by


@dataclass(frozen=True)
class OcpiSurface:
    """Admission and answers of everything under ``/ocpi``."""

    store: Store

    def serve(self, call: Call, resource: Resource) -> Answer:
        """Answer a call; whatever goes wrong is in the envelope."""
        assert isinstance(resource, OcpiResource)  # noqa: S101 - for the type checker: an OCPI function lists no other
        at, started = instant(), time.perf_counter()
        partner_id: str | None = None
        try:
            if resource.our_role not in settings().roles:
                raise errors.NotFound(f"this party is no {resource.our_role}")
            caller = self._admit(call, resource)
            partner_id = caller.partner.id
            if caller.partner.behind_since is not None:
                _tell_that_it_lives(caller.partner)
            answer = self._handler(call, resource)(call, caller)
        except Exception as error:  # noqa: BLE001 - the last line of defence: nothing leaves without an envelope
            answer = _refusal(error)
        request_id = call.headers.get("x-request-id", "")
        milliseconds = (time.perf_counter() - started) * 1000
        logger.info(
            "request",
            route=call.route,
            method=call.method,
            partner=partner_id,
            http_status=answer.http_status,
            ocpi_status=answer.ocpi_status,
            milliseconds=round(milliseconds, 1),
        )
        # Of callers over their limit the log above says enough, and each of them would cost a write.
        if answer.http_status != HTTPStatus.TOO_MANY_REQUESTS:
            self._record(Served(at, call.route, call, answer, partner_id, round(milliseconds)))
        return _with_request_id(answer, request_id)

    def unknown_path(self, call: Call) -> Answer:
        """404 in the envelope."""
        answer = failure(StatusCode.CLIENT_ERROR, "there is nothing at this URL", http_status=404)
        logger.info("request", route=UNKNOWN, method=call.method, partner=None, http_status=answer.http_status)
        self._record(Served(instant(), call.route, call, answer, None, 0))
        return answer

    def _record(self, served: Served) -> None:
        """Into the exchange log, at once: what an answer says must be found there when it has arrived."""
        if not self._recorder.is_on or (served.partner_id is None and not self._strangers.may_be_kept()):
            return
        self._recorder.record(lambda: inbound_exchange(served, self._recorder.signing_key))
        self._recorder.flush()

    @cached_property
    def _failure_limit(self) -> FailureLimit:
        return FailureLimit(self.store.failures, settings().failed_authentications)

    @cached_property
    def _strangers(self) -> Strangers:
        return Strangers(settings().failed_authentications)

    @cached_property
    def _recorder(self) -> Recorder:
        return Recorder(self.store, settings().exchange_days)

    def _admit(self, call: Call, resource: OcpiResource) -> Caller:
        try:
            caller = authenticate(self.store.partners, call.headers.get("authorization"), our_role=resource.our_role)
        except errors.Unauthorized:
            self._failure_limit.count(call.source)
            raise
        if caller.grant.kind not in resource.opened_by:
            raise errors.Unauthorized("this token opens versions and credentials only; register first")
        return caller

    def _handler(self, call: Call, resource: Resource) -> Callable[[Call, Caller], Answer]:
        method = "GET" if call.method == "HEAD" else call.method
        if method not in resource.methods:
            raise errors.MethodNotAllowed(f"{call.method} is not possible here", resource.allow)
        return resource.methods[method]


def _tell_that_it_lives(partner: Partner) -> None:
    from ocpi.delivery.partner_changes import partner_called  # noqa: PLC0415 - hardly any partner is behind
    from ocpi.deployment import deliveries  # noqa: PLC0415 - as above

    partner_called(deliveries, partner)


def list_only(call: Call, caller: Caller) -> Answer:
    """GET of a single object where the specification has the list only; the other methods are not possible either."""
    del call, caller
    raise errors.NotFound("single objects cannot be read here, only the list")


_HTTP_STATUS: dict[type[Exception], tuple[int, StatusCode]] = {
    errors.Unauthorized: (401, StatusCode.CLIENT_ERROR),
    errors.TooManyFailures: (429, StatusCode.CLIENT_ERROR),
    errors.Forbidden: (403, StatusCode.CLIENT_ERROR),
    errors.LocationNotFound: (404, StatusCode.UNKNOWN_LOCATION),
    errors.NotFound: (404, StatusCode.INVALID_PARAMETERS),
    errors.MethodNotAllowed: (405, StatusCode.CLIENT_ERROR),
    errors.BodyTooLarge: (413, StatusCode.INVALID_PARAMETERS),
    errors.WrongMediaType: (415, StatusCode.INVALID_PARAMETERS),
    errors.BadParameter: (200, StatusCode.INVALID_PARAMETERS),
    errors.StateConflict: (200, StatusCode.INVALID_PARAMETERS),
}
"""HTTP status and OCPI status code of each refusal; a subclass without a row of its own takes its parent's."""


def _refusal(error: Exception) -> Answer:
    match error:
        case BrokenJson():
            return failure(StatusCode.INVALID_PARAMETERS, f"the body is not JSON: {error}", http_status=400)
        case RefusedJson():
            return failure(StatusCode.INVALID_PARAMETERS, f"{error.pointer[:1000] or '/'}: {error.detail}")
        case Invalid():
            return failure(
                StatusCode.INVALID_PARAMETERS,
                "; ".join(f"{pointer or '/'}: {detail}" for pointer, detail in told(error.faults)),
            )
        case errors.PartnerFailed():
            return failure(error.status_code, error.detail)
        case errors.Refused():
            kind = next(kind for kind in type(error).__mro__ if kind in _HTTP_STATUS)
            http_status, status_code = _HTTP_STATUS[kind]
            return failure(status_code, error.detail, http_status=http_status, headers=_headers(error))
        case TooLarge():
            return failure(
                StatusCode.INVALID_PARAMETERS, f"the object is larger than we can keep: {error}", http_status=413
            )
        case Busy():
            return failure(StatusCode.SERVER_ERROR, "too many writers at once; try again", http_status=503)
        case _:
            logger.exception("unexpected error")
            return failure(StatusCode.SERVER_ERROR, "an internal error; it has been logged", http_status=500)


def _headers(error: errors.Refused) -> dict[str, str]:
    match error:
        case errors.MethodNotAllowed():
            return {"Allow": ", ".join(error.allow)}
        case errors.Unauthorized():
            return {"WWW-Authenticate": "Token"}
        case errors.TooManyFailures():
            return {"Retry-After": str(error.retry_after)}
        case _:
            return {}


def _with_request_id(answer: Answer, request_id: str) -> Answer:
    """``X-Request-ID`` is not part of 2.1.1; one that was sent is given back (reading A-64)."""
    if not request_id or len(request_id) > 128 or not request_id.isprintable() or not request_id.isascii():
        return answer
    headers = {**answer.headers, "X-Request-ID": request_id}
    return Answer(answer.http_status, answer.text, headers, answer.media_type, answer.ocpi_status)
