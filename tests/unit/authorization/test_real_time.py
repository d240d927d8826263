"""Asking eMSPs in real time: what goes out, what their answers mean, and that nobody waits too long."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.authorization.real_time import Asking, Question, Reply, authorize_url, read_reply
from ocpi.outbound.address_guard import AddressGuard
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.client import PartnerClient
from ocpi.vault import SealBroken
from tests.support.partner_server import PartnerServer
from tests.support.partner_server import Reply as Scripted
from tests.unit.authorization.emsps import OpenVault, emsp

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from ocpi.store.port import Partner, Store

INFO: dict[str, Any] = {
    "allowed": "ALLOWED",
    "location": {"location_id": "L-1", "evse_uids": ["E-1"]},
    "info": {"language": "en", "text": "Welcome"},
}
NOT_ALLOWED = {"allowed": "NOT_ALLOWED"}
ASKING = Asking(PartnerClient(AddressGuard(allow_private=True)), OpenVault())
PATH = "/tokens/U-1/authorize"


def envelope(status_code: Any = 1000, data: Any = ...) -> dict[str, Any]:
    value = {"status_code": status_code, "timestamp": "2026-01-01T00:00:00Z"}
    return value if data is ... else {**value, "data": data}


@pytest.mark.req("TOK-37", "TOK-45")
@pytest.mark.parametrize(
    ("http_status", "body", "kind"),
    [
        (200, envelope(1000, INFO), "answered"),
        (200, envelope(1000, [INFO]), "answered"),
        (201, envelope(1999, INFO), "answered"),
        (200, envelope("1000", INFO), "answered"),
        (200, INFO, "answered"),
        (200, envelope(1000, {**INFO, "x_extra": 1}), "answered"),
        (404, envelope(2001), "unknown"),
        (404, envelope(2004), "unknown"),
        (404, "<html>", "unknown"),
        (404, None, "unknown"),
        (200, envelope(2004), "unknown"),
        (400, envelope(2004), "unknown"),
        (200, envelope(2002), "refused"),
        (400, envelope(2002), "refused"),
        (200, envelope(2000), "refused"),
        (200, envelope(2001), "refused"),
        (200, envelope(2003), "refused"),
        (400, envelope(2001), "refused"),
        (401, envelope(2000), "refused"),
        (403, "<html>", "refused"),
        (405, None, "refused"),
        (429, None, "refused"),
        (500, None, "unreachable"),
        (502, "<html>", "unreachable"),
        (503, envelope(1000, INFO), "unreachable"),
        (200, envelope(3000), "unreachable"),
        (200, envelope(3001), "unreachable"),
        (400, envelope(3000), "unreachable"),
        (302, None, "unreachable"),
        (200, None, "unreachable"),
        (200, "<html>", "unreachable"),
        (200, envelope(1000), "unreachable"),
        (200, envelope(1000, None), "unreachable"),
        (200, envelope(1000, []), "unreachable"),
        (200, envelope(1000, [INFO, INFO]), "unreachable"),
        (200, envelope(1000, {"allowed": "PERHAPS"}), "unreachable"),
        (200, envelope(1000, {"location": None}), "unreachable"),
        (200, envelope(1000, "ALLOWED"), "unreachable"),
        (200, envelope("done", INFO), "unreachable"),
    ],
)
def test_an_answer_is_told_apart(http_status: int, body: Any, kind: str) -> None:
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    reply = read_reply(Answer(http_status, Headers(), text.encode()))
    assert reply.kind == kind
    assert {**reply.info, "x_extra": 1} == {**(INFO if kind == "answered" else NOT_ALLOWED), "x_extra": 1}


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    with PartnerServer() as running:
        running.on("POST", PATH, Scripted.ocpi(INFO))
        yield running


def question(seconds: float = 5, **changes: Any) -> Question:
    fields = {"uid": "U-1", "token_type": "RFID", "asked": None, "until": time.monotonic() + seconds, **changes}
    return Question(**fields)


def replied(*partners: Partner, to: Question | None = None) -> list[tuple[str, Reply]]:
    return [(str(partner.party_id), reply) for partner, reply in ASKING.replies(partners, to or question())]


@pytest.mark.req("TOK-30", "TOK-38")
@pytest.mark.parametrize("token_type", ["RFID", "OTHER"])
@pytest.mark.parametrize("asked", [None, {"location_id": "Zürich", "evse_uids": ["E-1"]}])
def test_the_partner_is_asked_for_the_type_and_the_place(
    store: Store, server: PartnerServer, token_type: str, asked: dict[str, Any] | None
) -> None:
    to = question(token_type=token_type, asked=asked)
    assert replied(emsp(store, "AAA", server.url), to=to) == [("AAA", Reply("answered", INFO))]
    (request,) = server.requests
    assert (request.method, request.path, request.query) == ("POST", PATH, f"type={token_type}")
    assert request.headers["authorization"] == "Token AAA"
    assert (json.loads(request.body) if request.body else None) == asked
    assert ("content-type" in request.headers) == (asked is not None)


@pytest.mark.parametrize(
    ("endpoint", "uid", "slash", "url"),
    [
        ("https://a/tokens", "U-1", "keep", "https://a/tokens/U-1/authorize?type=RFID"),
        ("https://a/tokens/", "U-1", "keep", "https://a/tokens/U-1/authorize?type=RFID"),
        ("https://a/tokens/", "U-1", "strip", "https://a/tokens/U-1/authorize?type=RFID"),
        ("https://a/tokens", "U-1", "add", "https://a/tokens/U-1/authorize/?type=RFID"),
        ("https://a/tokens", "a/b?c#d e%", "keep", "https://a/tokens/a%2Fb%3Fc%23d%20e%25/authorize?type=RFID"),
    ],
)
def test_the_uid_is_one_segment_of_the_url(endpoint: str, uid: str, slash: str, url: str) -> None:
    assert authorize_url(endpoint, question(uid=uid), slash) == url


@pytest.mark.parametrize(("encoding", "shown"), [("plain", ["AAA"]), ("base64", ["QUFB"]), ("auto", ["AAA", "QUFB"])])
def test_the_token_is_shown_as_the_partner_wants_it(
    store: Store, server: PartnerServer, encoding: str, shown: list[str]
) -> None:
    assert base64.b64decode("QUFB") == b"AAA"
    server.on("POST", PATH, Scripted.ocpi(status_code=2000, status=401), Scripted.ocpi(INFO))
    partner = emsp(store, "AAA", server.url, settings={"token_encoding": encoding})
    ((_, reply),) = replied(partner)
    assert reply.kind == ("answered" if encoding == "auto" else "refused")
    assert [request.headers["authorization"] for request in server.requests] == [f"Token {each}" for each in shown]


def test_who_cannot_be_asked_is_unreachable_and_keeps_nobody_from_asking_the_others(
    store: Store, server: PartnerServer
) -> None:
    class BrokenVault(OpenVault):
        def open(self, sealed: str, *, about: str) -> str:
            if sealed == "sealed-BBB":
                raise SealBroken("damaged")
            return super().open(sealed, about=about)

    partners = [
        emsp(store, "AAA", server.url),
        emsp(store, "BBB", server.url),
        emsp(store, "CCC"),
        emsp(store, "DDD", server.url, token=None),
        emsp(store, "EEE", "http://127.0.0.1:9"),
        emsp(store, "FFF", "http://169.254.169.254"),
    ]
    replies = Asking(ASKING.client, BrokenVault()).replies(partners, question())
    kinds = {partner.party_id: reply.kind for partner, reply in replies}
    assert kinds == {"AAA": "answered", **dict.fromkeys(("BBB", "CCC", "DDD", "EEE", "FFF"), "unreachable")}
    assert len(server.requests) == 1


@pytest.mark.req("TOK-45")
def test_partners_are_asked_at_the_same_time_and_the_slow_ones_left_behind(store: Store, server: PartnerServer) -> None:
    with PartnerServer() as slow:
        slow.on("POST", PATH, Scripted.ocpi(INFO, wait=30))
        partners = [emsp(store, "SLO", slow.url), emsp(store, "AAA", server.url)]
        began = time.monotonic()
        replies = ASKING.replies(partners, question(1))
        assert next(replies)[0].party_id == "AAA"
        assert time.monotonic() - began < 0.9
        for partner, reply in replies:  # the deadline passes for it and for us at the same time
            assert (partner.party_id, reply.kind) == ("SLO", "unreachable")
        assert 0.9 < time.monotonic() - began < 2.5


def test_logs_hold_neither_uids_nor_tokens(store: Store, log: io.StringIO) -> None:
    partners = [emsp(store, "AAA", "http://127.0.0.1:9", token="sealed-secret"), emsp(store, "BBB", "http://[::1")]
    replied(*partners, to=question(uid="DEADBEEF", asked={"location_id": "L-77"}))
    text = log.getvalue()
    assert "partner-aaa" in text
    assert not [word for word in ("DEADBEEF", "secret", "L-77") if word in text]
