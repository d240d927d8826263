"""The operator's own system decides: what it is asked, which answers count, and that nobody waits for it too long."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.authorization.hook import SECONDS, AuthorizationHook, HookUnusable, decide_with_fallback
from ocpi.kept_secret import SecretUnreadable
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.client import PartnerClient
from ocpi.outbound.webhook_keys import WebhookKeys
from ocpi.outbound.webhook_signature import read_webhook_secret
from tests.support.partner_server import PartnerServer, Reply
from tests.support.party import fixture

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

CLIENT = PartnerClient(AddressGuard(allow_private=True))
KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
VALID, INVALID = fixture("token_max"), fixture("token_max", valid=False)
ASKED = {"location_id": "L-1", "evse_uids": ["E-1", "E-2"]}
TEXT = {"language": "en", "text": "Welcome"}


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    with PartnerServer() as running:
        yield running


def hook(server: PartnerServer, secret: Callable[[], str] = lambda: SECRET) -> AuthorizationHook:
    return AuthorizationHook(CLIENT, f"{server.url}/hook", lambda: WebhookKeys(read_webhook_secret(secret())))


@pytest.mark.parametrize("asked", [None, ASKED])
def test_the_question_names_token_place_and_partner_and_is_signed(
    server: PartnerServer, asked: dict[str, Any] | None
) -> None:
    server.on("POST", "/hook", Reply.json({"allowed": "ALLOWED"}))
    token = fixture("token_max", issuer="Müller")
    hook(server).decide(token, asked, "partner-1")
    (request,) = server.requests
    assert request.json() == {"token": token, "location": asked, "partner": "partner-1"}
    assert "authorization" not in request.headers
    assert request.headers["content-type"] == "application/json"
    message_id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert abs(int(at) - time.time()) < 10
    digest = hmac.new(KEY, f"{message_id}.{at}.".encode() + request.body, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_while_the_secret_is_replaced_a_receiver_finds_the_signatures_of_both(server: PartnerServer) -> None:
    server.on("POST", "/hook", Reply.json({"allowed": "ALLOWED"}))
    old = b"o" * 32
    AuthorizationHook(CLIENT, f"{server.url}/hook", lambda: WebhookKeys(KEY, old)).decide(VALID, None, "p")
    (request,) = server.requests
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in (KEY, old)]
    assert request.headers["webhook-signature"].split(" ") == [
        f"v1,{base64.b64encode(each).decode()}" for each in digests
    ]


PART = {"location_id": "L-1", "evse_uids": ["E-2"]}
WHOLE = {"location_id": "L-1"}
NEGATIVE = ("BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED")
ELSEWHERE = {"location_id": "L-2"}


@pytest.mark.req("TOK-35", "TOK-36", "TOK-37", "TOK-43", "TOK-44")
@pytest.mark.parametrize(
    ("token", "asked", "said", "decided"),
    [
        (VALID, None, {"allowed": "ALLOWED"}, {"allowed": "ALLOWED"}),
        (VALID, None, {"allowed": "ALLOWED", "info": TEXT}, {"allowed": "ALLOWED", "info": TEXT}),
        (VALID, None, {"allowed": "ALLOWED", "location": PART}, {"allowed": "ALLOWED"}),
        (VALID, ASKED, {"allowed": "ALLOWED"}, {"allowed": "ALLOWED", "location": ASKED}),
        (VALID, ASKED, {"allowed": "ALLOWED", "location": WHOLE}, {"allowed": "ALLOWED", "location": ASKED}),
        (VALID, ASKED, {"allowed": "ALLOWED", "location": PART}, {"allowed": "ALLOWED", "location": PART}),
        (VALID, WHOLE, {"allowed": "ALLOWED", "location": PART}, {"allowed": "ALLOWED", "location": PART}),
        *(
            (VALID, ASKED, {"allowed": no}, {"allowed": no})
            for no in ("BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED")
        ),
        (VALID, ASKED, {"allowed": "BLOCKED", "location": PART, "info": TEXT}, {"allowed": "BLOCKED", "info": TEXT}),
        (VALID, None, {"location_required": True}, None),
        (INVALID, ASKED, {"allowed": "ALLOWED"}, {"allowed": "BLOCKED"}),
        (INVALID, ASKED, {"allowed": "EXPIRED"}, {"allowed": "EXPIRED"}),
    ],
)
def test_what_it_says_becomes_the_answer(
    server: PartnerServer, token: dict[str, Any], asked: Any, said: dict[str, Any], decided: dict[str, Any] | None
) -> None:
    server.on("POST", "/hook", Reply.json(said))
    assert hook(server).decide(token, asked, "p") == decided


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json({"allowed": "ALLOWED"}, status=500),
        Reply.json({"allowed": "ALLOWED"}, status=401),
        Reply.json({"allowed": "ALLOWED"}, status=302, headers={"Location": "/other"}),
        Reply(200, b""),
        Reply(200, b"<html>"),
        Reply(200, b'{"allowed": "ALLOWED", "allowed": "BLOCKED"}'),
        Reply.json({}),
        Reply.json([]),
        Reply.json("ALLOWED"),
        Reply.json({"allowed": "YES"}),
        Reply.json({"location_required": False}),
        Reply.json({"allowed": "ALLOWED", "info": "Welcome"}),
        Reply.json({"allowed": "ALLOWED", "location": ELSEWHERE}),
        Reply.json({"allowed": "ALLOWED", "location": {"location_id": "L-1", "evse_uids": ["E-9"]}}),
        Reply.json({"data": {"allowed": "ALLOWED"}, "status_code": 1000}),
        Reply.json({"allowed": "ALLOWED", "padding": "x" * 70_000}),
        Reply(raw=(b"HTTP/1.1 nonsense\r\n\r\n",)),
    ],
)
def test_anything_else_leaves_the_decision_to_the_stored_rule(
    server: PartnerServer, reply: Reply, log: io.StringIO
) -> None:
    server.on("POST", "/hook", reply)
    fallback = {"allowed": "NO_CREDIT"}
    assert decide_with_fallback(hook(server), VALID, ASKED, "p", lambda: fallback) == fallback
    logged = json.loads(log.getvalue())
    assert logged["level"] == "WARNING"
    assert not [word for word in (VALID["uid"], VALID["auth_id"], "L-1", SECRET) if word in json.dumps(logged)]
    assert len(server.requests) == 1


@pytest.mark.parametrize("pause", [0, 0.2])
def test_a_hook_that_takes_too_long_or_drips_is_not_waited_for(server: PartnerServer, pause: float) -> None:
    server.on("POST", "/hook", Reply(raw=[b"x"] * 100, pause=pause) if pause else Reply.json({}, wait=30))
    began = time.monotonic()
    with pytest.raises(HookUnusable, match="timeout"):
        hook(server).decide(VALID, None, "p")
    assert SECONDS - 0.2 < time.monotonic() - began < SECONDS + 0.7


def unreadable() -> str:
    raise SecretUnreadable("gone")


@pytest.mark.parametrize("secret", [lambda: "not base64!", lambda: "", unreadable])
def test_without_a_key_to_sign_with_nothing_is_sent(server: PartnerServer, secret: Callable[[], str]) -> None:
    with pytest.raises(HookUnusable):
        hook(server, secret).decide(VALID, None, "p")
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hook", "http://169.254.169.254/hook", "ftp://x/hook"])
def test_a_hook_that_cannot_be_reached_is_unusable(url: str) -> None:
    with pytest.raises(HookUnusable, match="no answer: "):
        AuthorizationHook(CLIENT, url, lambda: WebhookKeys(KEY)).decide(VALID, None, "p")
