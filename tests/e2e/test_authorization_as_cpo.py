"""The operator asks whether a driver's token may charge: by whitelist, or in real time at eMSP partners (A-29)."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import problem
from tests.support.gateway import running_gateway
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.partner_server import Reply
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway
    from tests.support.partner_server import Script

PLACE = {"location_id": "L-1", "evse_uids": ["E-1", "E-2"]}
TEXT = {"language": "en", "text": "Welcome"}
OLD, NEW = "2024-03-05T10:11:12Z", "2024-03-06T00:00:00Z"


@pytest.fixture(scope="module")
def other(operator: Operator) -> Iterator[PlayedPartner]:
    """A second eMSP."""
    with PlayedPartner("EMSP", "DE", "OTH", token="token-b-of-the-other") as partner:
        partner.register(operator.invite("EMSP", "Another eMSP"))
        yield partner


def pushed(emsp: PlayedPartner, **changes: Any) -> str:
    """A token that the partner has pushed; its uid."""
    token = fixture("token_max", **{"uid": fresh_id("S"), **changes})
    answer = emsp.put(emsp.own_url("tokens", in_url(token["uid"])), token)
    assert answer.json()["status_code"] == 1000, answer.text
    return str(token["uid"])


def path_of(uid: str) -> str:
    """Where the partner's server has a token authorized."""
    return f"/emsp/2.1.1/tokens/{in_url(uid)}/authorize"


def replies(emsp: PlayedPartner, uid: str, *script: Script) -> None:
    emsp.server.on("POST", path_of(uid), *script)


def asked(emsp: PlayedPartner, uid: str) -> int:
    """How many times the partner was asked for the token."""
    return len(emsp.server.received("POST", path_of(uid)))


def told(operator: Operator, uid: str, place: Any = None, **query: str) -> Any:
    """What the operator is told."""
    options = {} if place is None else {"json": place}
    answer = operator.post(f"/2.1.1/tokens/{in_url(uid)}/authorize", params=query, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def result(allowed: str, source: str, emsp: PlayedPartner | None, **more: Any) -> dict[str, Any]:
    partner = emsp.partner_id if emsp else None
    return {"allowed": allowed, "location": None, "info": None, "source": source, "partner": partner, **more}


ALLOWED = Reply.ocpi({"allowed": "ALLOWED"})


@pytest.mark.req("TOK-18", "TOK-20")
@pytest.mark.parametrize(
    ("whitelist", "valid", "allowed"),
    [("ALWAYS", True, "ALLOWED"), ("ALWAYS", False, "BLOCKED"), ("ALLOWED", True, "ALLOWED")],
)
def test_what_the_whitelist_decides_is_not_asked(
    operator: Operator, emsp: PlayedPartner, whitelist: str, valid: bool, allowed: str
) -> None:
    uid = pushed(emsp, whitelist=whitelist, valid=valid)
    replies(emsp, uid, Reply.ocpi({"allowed": "NO_CREDIT"}))
    assert told(operator, uid, PLACE) == result(allowed, "whitelist", emsp)
    assert asked(emsp, uid) == 0


TO_BE_ASKED = [
    ("ALLOWED", False, "NOT_ALLOWED"),
    ("ALLOWED_OFFLINE", True, "ALLOWED"),
    ("ALLOWED_OFFLINE", False, "NOT_ALLOWED"),
    ("NEVER", True, "NOT_ALLOWED"),
    ("NEVER", False, "NOT_ALLOWED"),
]


@pytest.mark.req("TOK-17", "TOK-19", "TOK-20")
@pytest.mark.parametrize(("whitelist", "valid", "offline"), TO_BE_ASKED)
def test_otherwise_the_emsp_is_asked_and_only_where_it_cannot_be_reached_its_whitelist_decides(
    operator: Operator, emsp: PlayedPartner, whitelist: str, valid: bool, offline: str
) -> None:
    uid = pushed(emsp, whitelist=whitelist, valid=valid)
    replies(
        emsp,
        uid,
        Reply.ocpi({"allowed": "ALLOWED", "location": PLACE, "info": TEXT}),
        Reply.ocpi([{"allowed": "EXPIRED"}]),
        Reply.ocpi(status_code=3000),
        Reply(502, b"<html>"),
        Reply.ocpi({"allowed": "PERHAPS"}),
    )
    assert told(operator, uid, PLACE) == result("ALLOWED", "realtime", emsp, location=PLACE, info=TEXT)
    assert told(operator, uid) == result("EXPIRED", "realtime", emsp)
    for _ in range(3):
        assert told(operator, uid, PLACE) == result(offline, "offline", emsp)
    assert asked(emsp, uid) == 5


@pytest.mark.req("TOK-45")
@pytest.mark.parametrize(
    ("reply", "allowed", "source"),
    [
        (Reply.ocpi(status_code=2001, status=404), "NOT_ALLOWED", "unknown"),
        (Reply(404), "NOT_ALLOWED", "unknown"),
        (Reply.ocpi(status_code=2004), "NOT_ALLOWED", "unknown"),
        (Reply.ocpi(status_code=2002), "NOT_ALLOWED", "realtime"),
        (Reply.ocpi(status_code=2001), "NOT_ALLOWED", "realtime"),
        (Reply.ocpi(status_code=2000, status=401), "NOT_ALLOWED", "realtime"),
        (Reply.ocpi(status_code=3001, status=200), "ALLOWED", "offline"),
        (Reply.ocpi({"allowed": "BLOCKED"}, status=500), "ALLOWED", "offline"),
        (Reply(raw=(b"HTTP/1.1 nonsense\r\n\r\n",)), "ALLOWED", "offline"),
        (Reply.ocpi(None), "ALLOWED", "offline"),
    ],
)
def test_unknown_refused_and_unreachable_are_told_apart(
    operator: Operator, emsp: PlayedPartner, reply: Reply, allowed: str, source: str
) -> None:
    uid = pushed(emsp, whitelist="ALLOWED_OFFLINE")
    replies(emsp, uid, reply)
    assert told(operator, uid, PLACE) == result(allowed, source, emsp)


@pytest.mark.req("TOK-19", "TOK-45")
def test_an_emsp_that_does_not_answer_is_given_three_seconds_in_all(operator: Operator, emsp: PlayedPartner) -> None:
    uid = pushed(emsp, whitelist="ALLOWED_OFFLINE")
    replies(emsp, uid, Reply.ocpi({"allowed": "BLOCKED"}, wait=30))
    began = time.monotonic()
    assert told(operator, uid) == result("ALLOWED", "offline", emsp)
    assert 2.5 < time.monotonic() - began < 4


@pytest.mark.req("TOK-30", "TOK-38", "TF-06")
@pytest.mark.parametrize("uid", [uid for uid in AWKWARD_IDS if len(uid) <= 36])
@pytest.mark.parametrize("token_type", ["RFID", "OTHER"])
def test_the_emsp_is_asked_as_the_specification_says(
    operator: Operator, emsp: PlayedPartner, uid: str, token_type: str
) -> None:
    pushed(emsp, uid=uid, whitelist="NEVER", type=token_type)
    replies(emsp, uid, ALLOWED)
    for place, sent in (
        (None, None),
        (PLACE, PLACE),
        ({**PLACE, "connector_ids": ["1"]}, PLACE),
        ({"location_id": "L-1", "evse_uids": []}, {"location_id": "L-1"}),
    ):
        assert told(operator, uid, place, type=token_type)["allowed"] == "ALLOWED"
        request = emsp.server.received("POST", path_of(uid))[-1]
        assert request.query == f"type={token_type}"
        assert request.headers["authorization"] == f"Token {emsp.issued}"
        assert (request.json() if request.body else None) == sent


@pytest.mark.parametrize("content", [b"", b"null", b'""', b" "])
def test_a_body_without_references_is_none(operator: Operator, emsp: PlayedPartner, content: bytes) -> None:
    uid = pushed(emsp, whitelist="NEVER")
    replies(emsp, uid, ALLOWED)
    assert operator.post(f"/2.1.1/tokens/{uid}/authorize", content=content).json()["allowed"] == "ALLOWED"
    assert emsp.server.received("POST", path_of(uid))[-1].body == b""


def test_a_request_that_is_not_valid_is_refused(operator: Operator, emsp: PlayedPartner) -> None:
    uid = pushed(emsp)
    path = f"/2.1.1/tokens/{uid}/authorize"
    assert problem(operator.post(path, json={}), 422)["errors"][0]["pointer"] == "/location_id"
    problem(operator.post(path, content=b"{"), 400)
    problem(operator.post(path, params={"type": "FOO"}), 400)
    problem(operator.get(path), 405)
    problem(operator.post(path, headers={"Authorization": "Bearer nobody's"}), 401)


def test_of_two_partners_tokens_the_valid_one_updated_last_is_meant(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner
) -> None:
    uid = pushed(emsp, whitelist="ALWAYS", last_updated=OLD)
    pushed(other, uid=uid, whitelist="ALWAYS", last_updated=NEW)
    assert told(operator, uid) == result("ALLOWED", "whitelist", other)
    other.patch(other.own_url("tokens", uid), {"valid": False, "last_updated": NEW})
    assert told(operator, uid) == result("ALLOWED", "whitelist", emsp)
    emsp.patch(emsp.own_url("tokens", uid), {"valid": False})
    assert told(operator, uid)["allowed"] == "BLOCKED"


@pytest.mark.req("TOK-10")
def test_a_type_says_which_token_is_meant_and_rfid_is_unless_there_is_only_the_other(
    operator: Operator, emsp: PlayedPartner
) -> None:
    uid = pushed(emsp, type="OTHER", whitelist="ALWAYS")
    assert told(operator, uid)["allowed"] == told(operator, uid, type="OTHER")["allowed"] == "ALLOWED"
    pushed(emsp, uid=uid, type="RFID", whitelist="ALWAYS", valid=False)
    assert told(operator, uid)["allowed"] == told(operator, uid, type="RFID")["allowed"] == "BLOCKED"
    assert told(operator, uid, type="OTHER")["allowed"] == "ALLOWED"


def test_a_token_that_nobody_pushed_is_asked_of_every_emsp(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner
) -> None:
    uid = fresh_id("S")
    assert told(operator, uid, PLACE) == result("NOT_ALLOWED", "unknown", None)
    assert (asked(emsp, uid), asked(other, uid)) == (1, 1)
    assert other.server.received("POST", path_of(uid))[-1].query == "type=RFID"
    replies(other, uid, Reply.ocpi({"allowed": "NO_CREDIT", "info": TEXT}))
    assert told(operator, uid) == result("NO_CREDIT", "realtime", other, info=TEXT)
    replies(emsp, uid, Reply.ocpi({"allowed": "ALLOWED", "location": PLACE}, wait=0.3))
    assert told(operator, uid, PLACE) == result("ALLOWED", "realtime", emsp, location=PLACE)
    assert told(operator, uid, type="OTHER") == result("ALLOWED", "realtime", emsp, location=PLACE)
    assert emsp.server.received("POST", path_of(uid))[-1].query == "type=OTHER"


def test_nobody_waits_for_slower_partners_once_one_has_allowed(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner
) -> None:
    uid = fresh_id("S")
    replies(emsp, uid, Reply.ocpi({"allowed": "ALLOWED"}, wait=30))
    replies(other, uid, ALLOWED)
    began = time.monotonic()
    assert told(operator, uid) == result("ALLOWED", "realtime", other)
    assert time.monotonic() - began < 1.5
    replies(other, uid, Reply.ocpi({"allowed": "BLOCKED"}))
    began = time.monotonic()
    assert told(operator, uid) == result("BLOCKED", "realtime", other)
    assert 2.5 < time.monotonic() - began < 4


def test_partners_that_slowly_refuse_hold_up_the_answer_together_as_long_as_one(gateway: Gateway) -> None:
    uid = fresh_id("S")
    with Operator(gateway) as operator, ExitStack() as stack:
        partners = [stack.enter_context(PlayedPartner("EMSP", "DE", f"P{n:02}")) for n in range(6)]
        for partner in partners:
            partner.register(operator.invite("EMSP"))
            replies(partner, uid, Reply.ocpi(status_code=2001, status=404, wait=0.8))
        replies(partners[-1], uid, Reply.ocpi({"allowed": "ALLOWED"}, wait=0.8))
        began = time.monotonic()
        assert told(operator, uid) == result("ALLOWED", "realtime", partners[-1])
        assert 0.8 <= time.monotonic() - began < 2.5


def test_the_partner_gets_its_token_in_the_way_that_it_wants(operator: Operator, other: PlayedPartner) -> None:
    uid = pushed(other, whitelist="NEVER")
    encoded = "Token dG9rZW4tYi1vZi10aGUtb3RoZXI="
    refusal = Reply.ocpi(status_code=2000, status=401)
    replies(other, uid, lambda request: ALLOWED if request.headers["authorization"] == encoded else refusal)
    for encoding, allowed, tries in (("plain", "NOT_ALLOWED", 1), ("base64", "ALLOWED", 1), ("auto", "ALLOWED", 2)):
        before = asked(other, uid)
        changed = operator.patch(f"/partners/{other.partner_id}", json={"settings": {"token_encoding": encoding}})
        assert changed.status_code == 200
        assert told(operator, uid)["allowed"] == allowed
        assert asked(other, uid) - before == tries


def test_suspended_and_departed_partners_are_neither_asked_nor_believed(gateway: Gateway) -> None:
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "EMS") as partner:
        partner.register(operator.invite("EMSP"))
        known, unknown = pushed(partner, whitelist="ALWAYS"), fresh_id("S")
        for uid in (known, unknown):
            replies(partner, uid, ALLOWED)
        assert told(operator, known) == result("ALLOWED", "whitelist", partner)
        assert told(operator, unknown) == result("ALLOWED", "realtime", partner)
        path = f"/partners/{partner.partner_id}"
        operator.patch(path, json={"status": "SUSPENDED"})
        for uid in (known, unknown):
            assert told(operator, uid) == result("NOT_ALLOWED", "unknown", None)
        operator.patch(path, json={"status": "REGISTERED"})
        assert told(operator, known) == result("ALLOWED", "whitelist", partner)
        operator.delete(path, params={"force": "true"})
        for uid in (known, unknown):
            assert told(operator, uid) == result("NOT_ALLOWED", "unknown", None)
        assert (asked(partner, known), asked(partner, unknown)) == (0, 1)


def test_an_emsp_without_a_tokens_endpoint_cannot_be_asked(gateway: Gateway) -> None:
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "EMS") as partner:
        partner.serve_versions("credentials", "locations")
        partner.register(operator.invite("EMSP"))
        uid = pushed(partner, whitelist="ALLOWED_OFFLINE")
        assert told(operator, uid) == result("ALLOWED", "offline", partner)
        assert told(operator, fresh_id("S")) == result("NOT_ALLOWED", "unknown", None)


def test_a_party_that_is_no_cpo_has_nothing_to_authorize() -> None:
    with running_gateway(environ={"OCPI_ROLES": "EMSP"}) as gateway, Operator(gateway) as operator:
        problem(operator.post("/2.1.1/tokens/U-1/authorize"), 404)
    with running_gateway(environ={"OCPI_ROLES": "CPO"}) as gateway, Operator(gateway) as operator:
        assert told(operator, "U-1") == result("NOT_ALLOWED", "unknown", None)
        problem(operator.put("/2.1.1/tokens/U-1/authorization", json={"allowed": "ALLOWED"}), 404)


def test_no_log_holds_the_uid_of_a_driver(shared_gateway: Gateway, operator: Operator, emsp: PlayedPartner) -> None:
    uid = pushed(emsp, uid="04DEADBEEF0000", whitelist="NEVER")
    replies(emsp, uid, Reply(raw=(b"nonsense",)))
    assert told(operator, uid, PLACE) == result("NOT_ALLOWED", "offline", emsp)
    assert "real-time authorization: no answer" in shared_gateway.output()
    assert uid not in shared_gateway.output()
