"""What holds a secret does not show it when it is printed, as a traceback or a log might."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ocpi.delivery.sending import Sender
from ocpi.exchanges.outbound import About, Sent
from ocpi.exchanges.paths import RedactedPath
from ocpi.kept_secret import SecretVersions
from ocpi.outbound.answer import Answer
from ocpi.outbound.exchange import RawAnswer, Request
from ocpi.outbound.partner_session import PartnerSession
from ocpi.outbound.webhook_keys import WebhookKeys
from ocpi.transport.authentication import Caller
from ocpi.transport.message import Answer as OurAnswer
from ocpi.transport.message import Call

SECRET = "planted-secret"
HEADERS = {"Authorization": f"Token {SECRET}"}
BODY = SECRET.encode()
NOTHING: Any = None


def _invitation() -> object:
    sys.path.insert(0, str(Path(__file__).parents[2] / "functions" / "operator"))
    try:
        bodies: Any = import_module("partner_bodies")
    finally:
        sys.path.pop(0)
    invitation: object = bodies.Invitation("CPO", "name", "https://x.example", SECRET)
    return invitation


HOLDERS: dict[str, object] = {
    "caller": Caller(NOTHING, NOTHING, SECRET),
    "call": Call("GET", "/r", {"uid": SECRET}, {"q": SECRET}, HEADERS, BODY, "https://x.example"),
    "our answer": OurAnswer(200, SECRET),
    "session": PartnerSession(NOTHING, SECRET, "auto", 0.0, NOTHING),
    "sender": Sender(NOTHING, ("NL", "TNM"), NOTHING, SECRET, NOTHING, NOTHING, NOTHING, 0.0, 0.0),
    "request": Request("GET", HEADERS, BODY),
    "raw answer": RawAnswer(200, list(HEADERS.items()), BODY),
    "answer": Answer(200, HEADERS, BODY, (SECRET,)),
    "sent": Sent(About(), "GET", f"https://x.example/{SECRET}", SECRET, "id", SECRET),
    "path": RedactedPath("/…", "tokens", secret=SECRET),
    "versions": SecretVersions(SECRET, 0.0, SECRET),
    "webhook keys": WebhookKeys(BODY, BODY),
    "invitation": _invitation(),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_a_secret_is_not_shown_by_what_holds_it(holder: object) -> None:
    assert SECRET not in f"{holder!r} {holder}"
    assert type(holder).__name__ in repr(holder)
