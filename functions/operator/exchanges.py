"""``/operator/exchanges``: every OCPI request in and out, newest first, as long as it is kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ocpi.deployment import store
from ocpi.errors import BadParameter
from ocpi.exchanges.subjects import subject
from ocpi.settings import settings
from ocpi.store.exchanges import NOBODY, ExchangeQuery
from ocpi.times import parse_instant
from ocpi.transport.cursor import read_cursor, write_cursor
from ocpi.transport.operator_surface import OperatorResource, answer_json
from ocpi.transport.paging import MAX_LIMIT, read_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.store.exchanges import Exchange
    from ocpi.transport.message import Answer, Call

FILTERS = ("partner", "object", "status", "direction", "from", "to")
MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
_HTTP_STATUS = re.compile("[1-5][0-9]{2}|[1-5]xx|none")
_OCPI_STATUS = re.compile("[1-9][0-9]{3}")


def list_exchanges(call: Call) -> Answer:
    """A page of the log. There is no total: to count it would be to read all of it."""
    name = "operator|exchanges|" + json.dumps([call.query.get(each) for each in FILTERS])
    key = store().signing_key()
    cursor = call.query.get("cursor")
    query = _query(call.query, key, read_cursor(key, name, cursor)[0] if cursor is not None else None)
    page = store().exchanges.page(query)
    following = write_cursor(key, name, page.next, 0) if page.next is not None else None
    items = [_shown(exchange) for exchange in page.exchanges]
    return answer_json({"items": items, "next_cursor": following, "total": None})


def _query(given: Mapping[str, str], key: bytes, after: str | None) -> ExchangeQuery:
    http_status, ocpi_status = _statuses(given)
    kept = datetime.now(UTC) - timedelta(days=settings().exchange_days)
    return ExchangeQuery(
        limit=min(read_limit(given), MAX_LIMIT),
        partner_id=_partner_id(given),
        subject=_subject(given, key),
        http_status=http_status,
        ocpi_status=ocpi_status,
        direction=_direction(given),
        at_from=max(_instant(given, "from") or "", _prefix(kept)),
        at_to=_instant(given, "to"),
        after=after,
    )


def _partner_id(given: Mapping[str, str]) -> str | None:
    """Any id: what was exchanged with a partner outlives it. ``none``: with nobody that we know."""
    partner_id = given.get("partner")
    if partner_id is not None and not re.fullmatch("[A-Za-z0-9_-]{1,64}", partner_id):
        raise BadParameter("partner", "must be the id of a partner, or none")
    return NOBODY if partner_id == "none" else partner_id


def _subject(given: Mapping[str, str], key: bytes) -> str | None:
    named = given.get("object")
    if named is None:
        return None
    module, _, object_id = named.partition("/")
    if module not in MODULES or not 0 < len(object_id) <= 255:
        raise BadParameter("object", f"must be <module>/<id>, the module one of {', '.join(MODULES)}")
    return subject(module, object_id, lambda: key)


def _statuses(given: Mapping[str, str]) -> tuple[int | None, int | None]:
    """HTTP status (or its class, or 0 for no answer) and OCPI status that are asked for."""
    status = given.get("status")
    if status is None:
        return None, None
    if _OCPI_STATUS.fullmatch(status):
        return None, int(status)
    if not _HTTP_STATUS.fullmatch(status):
        raise BadParameter(
            "status", "must be an HTTP status (404), a class of them (4xx), none, or an OCPI status (2001)"
        )
    return 0 if status == "none" else int(status.removesuffix("xx")), None


def _direction(given: Mapping[str, str]) -> Literal["in", "out"] | None:
    match given.get("direction"):
        case None:
            return None
        case "in":
            return "in"
        case "out":
            return "out"
        case _:
            raise BadParameter("direction", "must be in or out")


def _instant(given: Mapping[str, str], name: str) -> str | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        return _prefix(parse_instant(text.replace(" ", "+")))
    except ValueError as error:
        raise BadParameter(name, str(error)) from None


def _prefix(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}"


def _shown(exchange: Exchange) -> dict[str, Any]:
    return {
        "time": exchange.at,
        "partner": None if exchange.partner_id == NOBODY else exchange.partner_id,
        "direction": exchange.direction,
        "method": exchange.method,
        "path": exchange.path,
        "object": _object(exchange),
        "http_status": exchange.http_status,
        "ocpi_status": exchange.ocpi_status,
        "milliseconds": exchange.milliseconds,
        "correlation_id": exchange.correlation_id,
        "problem": exchange.problem,
        "body": json.loads(exchange.body) if exchange.body is not None else None,
    }


def _object(exchange: Exchange) -> str | None:
    """``sessions/s-1``; of a token not which one, of a list the module alone."""
    if exchange.subject is None or exchange.module is None:
        return exchange.module
    return f"{exchange.module}/{exchange.object_id or '…'}"


RESOURCES = [OperatorResource("/exchanges", GET=list_exchanges)]
