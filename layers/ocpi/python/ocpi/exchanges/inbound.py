"""A request of a partner and our answer, as the log keeps them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ocpi.exchanges.blots import Blots
from ocpi.exchanges.bodies import explanation, posted_id, sentence
from ocpi.exchanges.paths import RedactedPath, fitting, inbound_path, unknown_path
from ocpi.exchanges.subjects import subject
from ocpi.store.exchanges import NOBODY, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.transport.message import Answer, Call

UNKNOWN = "unknown"
"""The route of a call whose path no route has; its parameter ``path`` is that path."""

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DIGEST_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of a request once it is answered. ``route`` has its parameters in braces."""

    at: str
    route: str
    call: Call
    answer: Answer
    partner_id: str | None
    milliseconds: int


def inbound_exchange(served: Served, signing_key: Callable[[], bytes]) -> Exchange:
    """The entry of the log; ``signing_key`` is asked for only when something is named that must not be shown."""
    call, answer = served.call, served.answer
    path = (
        unknown_path(call.path.get("path", ""))
        if served.route == UNKNOWN
        else inbound_path(served.route, call.path, call.query)
    )
    blots = Blots()
    blots.add_authorization(call.headers.get("authorization"))
    blots.add(path.secret)
    # Before what is secret of the bodies is known: an id of an object is shown, whatever else is called so.
    shown_path = blots.clean(path.text)
    failed = answer.http_status >= 400 or (answer.ocpi_status or 0) >= 2000
    object_id = _named(served, path)
    # What strangers send is not looked at: anybody can make as many such calls as he likes.
    request = b"" if served.partner_id is None else call.body
    body = explanation(request, answer.text.encode(), path.module, blots, object_id) if failed else None
    named = path.secret or object_id
    return Exchange(
        at=served.at,
        partner_id=served.partner_id or NOBODY,
        direction="in",
        method=call.method,
        path=shown_path,
        http_status=answer.http_status,
        ocpi_status=answer.ocpi_status,
        milliseconds=served.milliseconds,
        correlation_id=blots.clean(_correlation_id(call, signing_key)),
        module=path.module,
        object_id=object_id,
        subject=subject(path.module, named, signing_key) if path.module and named else None,
        problem=sentence(_message(answer), blots, object_id) if failed else None,
        body=body,
    )


def _correlation_id(call: Call, signing_key: Callable[[], bytes]) -> str:
    """The sender's own, or else its request's; a new one if there is none. What is no UUID may be anything, also what
    is on a card: a keyed digest of it is the same for all requests that belong together, and says no more.
    """
    for name in ("x-correlation-id", "x-request-id"):
        given = call.headers.get(name, "").strip()
        if _UUID.fullmatch(given):
            return given
        if given:
            digest = hmac.digest(signing_key(), f"correlation {given}".encode(), hashlib.sha256)
            return f"c-{digest.hex()[:_DIGEST_CHARACTERS]}"
    return str(uuid.uuid4())


def _named(served: Served, path: RedactedPath) -> str | None:
    """The id of the object. A CDR that was taken is named by our ``Location``, one that was not by its body."""
    if path.object_id or path.module != "cdrs" or served.call.method != "POST":
        return path.object_id
    location = served.answer.headers.get("Location")
    if location:
        return fitting(unquote(location.rpartition("/")[2]))
    return None if served.partner_id is None else posted_id(served.call.body)


def _message(answer: Answer) -> str:
    """The status_message of an envelope of ours."""
    try:
        message = str(json.loads(answer.text)["status_message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.http_status}"
    return message if len(message) <= 300 else f"{message[:299]}…"
