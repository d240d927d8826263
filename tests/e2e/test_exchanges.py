"""The exchange log of a running gateway: every OCPI request in and out, and no token and no card in any of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.gateway import running_gateway
from tests.support.ocpi_routes import module_routes
from tests.support.partner_server import Reply
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.support.gateway import Gateway

UID, AUTH, VISUAL = "CARD-04A1B2C3D4", "DE8ACC12E46L89-X", "DF000-2001-8999-7"
CORRELATION = "6f1f9b9e-3c55-4b0e-9f0e-0a3d5d2f7a11"
MEMBERS = {
    "time",
    "partner",
    "direction",
    "method",
    "path",
    "object",
    "http_status",
    "ocpi_status",
    "milliseconds",
    "correlation_id",
    "problem",
    "body",
}


def logged(operator: Operator, **query: Any) -> list[dict[str, Any]]:
    """All pages, newest first."""
    found: list[dict[str, Any]] = []
    while True:
        answer = operator.get("/exchanges", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["total"] is None
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def entry(item: dict[str, Any]) -> tuple[Any, ...]:
    return item["direction"], item["method"], item["http_status"], item["ocpi_status"], item["object"]


def token(**changes: Any) -> dict[str, Any]:
    return fixture("token_max", **{"uid": UID, "auth_id": AUTH, "visual_number": VISUAL, **changes})


def test_a_request_of_a_partner_is_there_as_soon_as_it_is_answered(operator: Operator, emsp: PlayedPartner) -> None:
    answer = emsp.get(emsp.endpoint("locations"), params={"limit": "5"}, headers={"X-Correlation-ID": CORRELATION})
    assert answer.status_code == 200
    newest = logged(operator, partner=emsp.partner_id, limit=1)[0]
    assert newest.keys() == MEMBERS
    assert newest["path"] == "/ocpi/cpo/2.1.1/locations?limit=5"
    assert entry(newest) == ("in", "GET", 200, 1000, "locations")
    assert (newest["partner"], newest["correlation_id"]) == (emsp.partner_id, CORRELATION)
    assert (newest["problem"], newest["body"]) == (None, None)
    assert 0 <= newest["milliseconds"] < 10_000


def test_a_refused_object_is_found_with_its_reason_and_its_body(operator: Operator, cpo: PlayedPartner) -> None:
    session = fixture("session_min", id="S-refused", auth_id=AUTH, kwh="much", surprise="kept")
    cpo.put(cpo.own_url("sessions", "S-refused"), session)
    (found,) = logged(operator, object="sessions/s-REFUSED")
    assert entry(found) == ("in", "PUT", 200, 2001, "sessions/S-refused")
    assert found["problem"].startswith("/kwh")
    assert found["body"]["request"]["auth_id"] == "…"
    assert (found["body"]["request"]["kwh"], found["body"]["request"]["surprise"]) == ("much", "kept")
    assert found["body"]["answer"]["status_code"] == 2001
    assert found in logged(operator, partner=cpo.partner_id, status=2001, direction="in")


def test_a_cdr_is_found_by_its_id(operator: Operator, cpo: PlayedPartner) -> None:
    cpo.call("POST", cpo.endpoint("cdrs"), json=fixture("cdr_max", id="C-log"))
    cpo.call("POST", cpo.endpoint("cdrs"), json={"id": "C-log"})
    assert [entry(each)[2:] for each in logged(operator, object="cdrs/C-log")] == [
        (200, 2001, "cdrs/C-log"),
        (201, 1000, "cdrs/C-log"),
    ]


def test_a_token_is_found_by_its_uid_which_stands_nowhere(operator: Operator, emsp: PlayedPartner) -> None:
    emsp.put(emsp.own_url("tokens", UID), token())
    (found,) = logged(operator, object=f"tokens/{UID.lower()}")
    assert entry(found) == ("in", "PUT", 201, 1000, "tokens/…")
    assert found["path"] == "/ocpi/cpo/2.1.1/tokens/DE/EMS/…"
    assert UID not in operator.get("/exchanges", params={"object": f"tokens/{UID}"}).text


def test_whoever_is_refused_at_the_door_is_logged_under_nobody(operator: Operator, emsp: PlayedPartner) -> None:
    emsp.get(emsp.endpoint("locations"), token="stolen-token-1")
    refused = logged(operator, partner="none", status=401)[0]
    assert (refused["partner"], entry(refused)) == (None, ("in", "GET", 401, 2000, "locations"))
    emsp.get(emsp.endpoint("locations").replace("/locations", f"/nowhere/{UID}"))
    unknown = logged(operator, partner="none", status="4xx", limit=1)[0]
    assert (unknown["path"], unknown["http_status"]) == ("/ocpi/cpo/2.1.1/…/…", 404)


def test_what_we_send_is_logged_with_the_correlation_id_that_the_partner_saw(
    operator: Operator, emsp: PlayedPartner
) -> None:
    found = logged(operator, partner=emsp.partner_id, direction="out")
    assert [each["path"] for each in found] == [f"{emsp.server.url}/emsp/2.1.1", f"{emsp.server.url}/emsp/versions"]
    seen = emsp.server.received("GET", "/emsp/versions")[0].headers["x-correlation-id"]
    assert found[-1]["correlation_id"] == seen


def test_a_dead_partner_is_logged_as_one_that_did_not_answer(operator: Operator) -> None:
    with PlayedPartner("EMSP", "DE", "DED", token="token-b-of-the-dead") as partner:
        partner.register(operator.invite("EMSP"))
    assert operator.delete(f"/partners/{partner.partner_id}").status_code == 502
    (found,) = logged(operator, partner=partner.partner_id, status="none")
    assert entry(found) == ("out", "DELETE", None, None, "credentials")
    assert found["problem"].startswith("connect: ")


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_of_the_whole_log_leave_nothing_out(operator: Operator, emsp: PlayedPartner, limit: int) -> None:
    everything = logged(operator, limit=1000)
    assert logged(operator, limit=limit) == everything
    times = [each["time"] for each in everything]
    assert times == sorted(times, reverse=True)
    middle = times[len(times) // 2]
    newer, older = logged(operator, **{"from": middle}), logged(operator, to=middle)
    assert newer + older == everything


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"status": "20"}, "status"),
        ({"status": "6xx"}, "status"),
        ({"status": "ok"}, "status"),
        ({"direction": "up"}, "direction"),
        ({"object": "tokens"}, "object"),
        ({"object": "tokens/"}, "object"),
        ({"object": "wallets/1"}, "object"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-13-01"}, "to"),
        ({"partner": "a b"}, "partner"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(operator: Operator, query: dict[str, str], named: str) -> None:
    answer = operator.get("/exchanges", params=query)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{named}: ")


def test_a_cursor_belongs_to_its_filters(operator: Operator, emsp: PlayedPartner) -> None:
    for _ in range(2):
        emsp.get(emsp.endpoint("locations"))
    cursor = operator.get("/exchanges", params={"limit": 1}).json()["next_cursor"]
    assert operator.get("/exchanges", params={"cursor": cursor, "status": "2xx"}).status_code == 400


def test_the_operator_s_own_calls_are_not_in_the_log(operator: Operator) -> None:
    operator.get("/party")
    assert all(each["path"].partition("?")[0].find("/operator") < 0 for each in logged(operator))


def test_no_token_and_no_card_is_anywhere_in_the_log_after_every_route(
    tmp_path: Path,
) -> None:
    with (
        running_gateway(data=tmp_path / "data") as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "DE", "EMS", token="secret-token-b-1") as emsp,
        PlayedPartner("CPO", "FR", "CPO", token="secret-token-b-2") as cpo,
    ):
        secrets = {UID, AUTH, VISUAL, "secret-token-b-1", "secret-token-b-2", "stolen-token"}
        for partner in (emsp, cpo):
            invited = operator.invite(partner.role)
            partner.register(invited)
            secrets |= {invited.token, str(partner.token)}
            _answer_everything(partner)
            _call_everything(gateway, partner)
        _make_us_call(operator, cpo, emsp)
        entries, raw = _table(gateway)
    assert len(entries) > 200
    assert {each["direction"] for each in entries} == {"in", "out"}
    for secret in secrets:
        found = [each for each in entries if secret.lower() in json.dumps(each).lower()]
        assert not found, (secret, found[:3])
        assert secret.lower() not in raw.lower(), secret
        assert quote(secret, safe="").lower() not in raw.lower()


def _call_everything(gateway: Gateway, partner: PlayedPartner) -> None:
    """Each route with each method, with good and bad bodies full of cards, and with a token that nobody knows."""
    bodies: list[Any] = [
        token(),
        token(type="NONSENSE", extra={"card": UID}),
        fixture("session_max", auth_id=AUTH),
        fixture("cdr_max", auth_id=AUTH, total_cost="much"),
        fixture("cmd_start_session", token=token(), response_url=f"{partner.server.url}/{UID}"),
        fixture("cmd_start_session", token={**token(), "valid": "perhaps"}),
        [UID, {UID: AUTH}],
        UID,
    ]
    for route in module_routes():
        given = {"country_code": partner.country_code, "party_id": partner.party_id, "token_uid": UID}
        path = route.path.format_map({name: given.get(name, f"x-{name}") for name in route.parameters})
        for method in ("GET", "PUT", "PATCH", "POST", "DELETE"):
            for body in bodies if method in route.methods and method != "GET" else [None]:
                options = {} if body is None else {"json": body}
                partner.call(method, f"{gateway.url}{path}", params={"type": UID, "card": UID}, **options)
        partner.call("PUT", f"{gateway.url}{path}", content=f'{{"uid": "{UID}"')
        partner.get(f"{gateway.url}{path}", token="stolen-token")
        partner.get(f"{gateway.url}{path}/{UID}/{AUTH}/{VISUAL}/x/y/z")
    wrong = partner.credentials(party_id="TOOLONG", token="secret-token-b-1")
    partner.call("PUT", partner.endpoints["credentials"], json=wrong)
    partner.call("GET", partner.endpoints["credentials"])


def _answer_everything(partner: PlayedPartner) -> None:
    """Refusals that quote what they refuse."""
    said = f"token {partner.issued} and uid {UID} and {AUTH} are unknown"
    refusal = Reply.ocpi({"uid": UID, "seen": [AUTH]}, status_code=2001, status_message=said, status=400)
    for path in (f"/tokens/{quote(UID)}/authorize", "/commands/START_SESSION", "/credentials"):
        for method in ("POST", "PUT", "DELETE"):
            partner.server.on(method, f"/{partner.role.lower()}/2.1.1{path}", refusal)


def _make_us_call(operator: Operator, cpo: PlayedPartner, emsp: PlayedPartner) -> None:
    emsp.put(emsp.own_url("tokens", UID), token(whitelist="NEVER"))
    answers: list[httpx.Response] = [
        operator.post(f"/2.1.1/tokens/{UID}/authorize"),
        operator.post(
            f"/2.1.1/partners/{cpo.partner_id}/commands/START_SESSION",
            json=fixture("cmd_start_session", token=token(), response_url=...),
        ),
        operator.post(f"/partners/{cpo.partner_id}/credentials"),
        operator.delete(f"/partners/{cpo.partner_id}"),
        operator.post(
            "/partners",
            json={
                "role": "CPO",
                "name": "x",
                "versions_url": f"{cpo.server.url}/x?key=stolen-token",
                "token": "stolen-token",
            },
        ),
    ]
    assert [each.status_code for each in answers] == [200, 201, 502, 502, 502]


def _table(gateway: Gateway) -> tuple[list[dict[str, Any]], str]:
    """The log as it lies in the file."""
    (file,) = (path for path in gateway.data.rglob("*") if path.is_file() and _has_log(path))
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT * FROM exchanges").fetchall()
    return [json.loads(row[-1]) for row in rows], repr(rows) + "".join(json.dumps(json.loads(row[-1])) for row in rows)


def _has_log(path: Path) -> bool:
    if path.read_bytes()[:15] != b"SQLite format 3":
        return False
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'exchanges'").fetchone() is not None


def test_a_log_that_cannot_be_written_fails_no_request(gateway: Gateway) -> None:
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "EMS") as emsp:
        emsp.register(operator.invite("EMSP"))
        (file,) = (path for path in gateway.data.rglob("*") if path.is_file() and _has_log(path))
        with closing(sqlite3.connect(file)) as db:
            db.execute("ALTER TABLE exchanges RENAME TO elsewhere")
            db.commit()
        assert emsp.get(emsp.endpoint("locations")).json()["status_code"] == 1000
        assert emsp.put(emsp.own_url("tokens", UID), token()).json()["status_code"] == 1000
        assert UID not in gateway.output()


def test_a_deployment_may_keep_no_log() -> None:
    with (
        running_gateway(environ={"OCPI_EXCHANGE_DAYS": "0"}) as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "DE", "EMS") as emsp,
    ):
        emsp.register(operator.invite("EMSP"))
        assert emsp.get(emsp.endpoint("locations")).status_code == 200
        assert logged(operator) == []
        assert _table(gateway)[0] == []
