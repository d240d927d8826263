"""Charging in the deployed system: a token is authorized, sessions and CDRs reach whom they belong to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.clock import rule, strike
from tests.deploy.deployment import ROOT, Deployment, aws
from tests.support.partner_server import Reply

if TYPE_CHECKING:
    import httpx

    from tests.deploy.partner import Partner

SINCE = {"date_from": "2026-01-01T00:00:00Z"}
KNOWN, UNKNOWN, LATE = "NL-EXM-C00000002-X", "NL-EXM-C00000003-X", "NL-EXM-C00000004-X"
LONG_AGO = "2026-01-01T00:00:00Z"


def _sample(name: str, **changes: Any) -> dict[str, Any]:
    """The body of a sample event, changed."""
    event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return {**json.loads(event["body"]), **changes}


def _token(auth_id: str, uid: str) -> dict[str, Any]:
    return {
        "uid": uid,
        "type": "RFID",
        "auth_id": auth_id,
        "issuer": "Example Mobility",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": LONG_AGO,
    }


def _give_token(emsp: Partner, auth_id: str) -> None:
    uid = auth_id.replace("-", "")
    answer = emsp.http.put(f"{emsp.modules['tokens']}/NL/EXM/{uid}", json=_token(auth_id, uid))
    assert answer.status_code in (200, 201), answer.text


def _put_own(operator: httpx.Client, module: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = operator.put(f"/2.1.1/{module}/{body['uid' if module == 'tokens' else 'id']}", json=body)
    assert answer.status_code in (200, 201), answer.text
    written: dict[str, Any] = answer.json()
    return written


def _ids(emsp: Partner, module: str) -> set[str]:
    answer = emsp.http.get(emsp.modules[module], params=SINCE)
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000), answer.text
    objects = answer.json()["data"]
    assert answer.headers["X-Total-Count"] == str(len(objects))
    return {each["id"] for each in objects}


@pytest.mark.req("TOK-30")
def test_a_partner_has_a_token_of_ours_authorized(operator: httpx.Client, cpo: Partner) -> None:
    _put_own(operator, "tokens", _token("NL-EXA-C00000001-X", uid="OUR-CARD-1"))
    answer = cpo.http.post(f"{cpo.modules['tokens']}/OUR-CARD-1/authorize", params={"type": "RFID"})
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000), answer.text
    assert answer.json()["data"]["allowed"] == "ALLOWED"


def test_a_token_that_nobody_gave_us_is_authorized_by_asking_its_partner(operator: httpx.Client, emsp: Partner) -> None:
    path = "/ocpi/emsp/2.1.1/tokens/NEW-CARD-1/authorize"
    emsp.server.on("POST", path, Reply.ocpi({"allowed": "ALLOWED"}))
    answer = operator.post("/2.1.1/tokens/NEW-CARD-1/authorize")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["allowed"], told["source"], told["partner"]) == ("ALLOWED", "realtime", emsp.id)
    (asked,) = emsp.server.received("POST", path)
    assert asked.headers["authorization"] == f"Token {emsp.token_b}"


@pytest.mark.req("SES-05", "CDR-02")
@pytest.mark.parametrize(("module", "sample"), [("sessions", "sessions-put"), ("cdrs", "cdrs-post")])
def test_a_partner_reads_what_was_charged_with_its_own_tokens_and_nothing_else(
    operator: httpx.Client, emsp: Partner, module: str, sample: str
) -> None:
    _give_token(emsp, KNOWN)
    mine = _put_own(operator, module, _sample(sample, id="MINE", auth_id=KNOWN))
    nobodys = _put_own(operator, module, _sample(sample, id="NOBODYS", auth_id=UNKNOWN))
    assert (mine["audience"], nobodys["audience"]) == (emsp.id, None)
    ids = _ids(emsp, module)
    assert "MINE" in ids
    assert "NOBODYS" not in ids


def test_a_session_finds_its_partner_when_the_token_becomes_known(operator: httpx.Client, emsp: Partner) -> None:
    _put_own(operator, "sessions", _sample("sessions-put", id="EARLY", auth_id=LATE))
    assert "EARLY" not in _ids(emsp, "sessions")
    _give_token(emsp, LATE)
    assert "EARLY" in _ids(emsp, "sessions")


@pytest.mark.req("SES-10", "SES-11")
def test_a_session_that_a_partner_puts_is_stored_for_the_operator(operator: httpx.Client, cpo: Partner) -> None:
    session = _sample("sessions-put")
    url = f"{cpo.modules['sessions']}/NL/EXC/{session['id']}"
    assert [cpo.http.put(url, json=session).status_code for _ in range(2)] == [201, 200]
    assert cpo.http.patch(url, json={"kwh": 5, "last_updated": "2026-08-01T09:10:00Z"}).status_code == 200
    assert cpo.http.get(url).json()["data"]["kwh"] == 5
    assert operator.get(f"/partners/{cpo.id}/sessions/{session['id']}").json()["kwh"] == 5


@pytest.mark.req("CDR-11", "CDR-12", "CDR-16", "CDR-17")
def test_a_cdr_that_a_partner_posts_has_a_url_of_its_own(
    operator: httpx.Client, cpo: Partner, deployment: Deployment
) -> None:
    cdr = _sample("cdrs-post", id="CDR-1")
    first, again = (cpo.http.post(cpo.modules["cdrs"], json=cdr) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Location"].startswith(f"{deployment.url}/ocpi/emsp/2.1.1/cdrs/")
    assert cpo.http.get(first.headers["Location"]).json()["data"] == cdr
    other = cpo.http.post(cpo.modules["cdrs"], json={**cdr, "total_cost": 1})
    assert other.json()["status_code"] == 2001
    assert operator.get(f"/partners/{cpo.id}/cdrs").json()["items"] == [cdr]


def test_the_clock_calls_upkeep_every_minute(deployment: Deployment) -> None:
    every_minute = rule(deployment)
    assert (every_minute["ScheduleExpression"], every_minute["State"]) == ("rate(1 minute)", "ENABLED")
    # The published version, as the API's routes do.
    assert re.search(r"UpkeepFunction.*:live$", every_minute["Target"])


def test_upkeep_ends_a_session_that_was_pending_for_too_long(operator: httpx.Client, deployment: Deployment) -> None:
    pending = _sample("sessions-put", id="PENDING", auth_id=UNKNOWN, status="PENDING", kwh=0)
    del pending["charging_periods"]
    _put_own(operator, "sessions", pending)
    _make_old(deployment, "PENDING")
    assert strike(deployment)["objects"] >= 1
    assert operator.get("/2.1.1/sessions/PENDING").json()["status"] == "INVALID"


def _make_old(deployment: Deployment, object_id: str) -> None:
    """As if the object had been created long ago, and were due since then."""
    dynamodb, table = aws("dynamodb", deployment.endpoint), deployment.outputs["TableName"]
    (item,) = (item for item in dynamodb.scan(TableName=table)["Items"] if item.get("id") == {"S": object_id})
    dynamodb.update_item(
        TableName=table,
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="SET created = :old, due = :old, due_key = :key",
        ExpressionAttributeValues={":old": {"S": LONG_AGO}, ":key": {"S": f"{LONG_AGO}#{item['pk']['S']}"}},
    )
