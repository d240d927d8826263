"""The deployed system, called over HTTP as partners and the operator call it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.deploy.deployment import aws

if TYPE_CHECKING:
    from tests.deploy.deployment import Deployment
    from tests.deploy.partner import Partner

FOREIGN_TOKEN = {"Authorization": "Token nobody-has-this-one"}


def _envelope(answer: httpx.Response) -> dict[str, Any]:
    envelope: dict[str, Any] = answer.json()
    assert envelope.keys() >= {"status_code", "timestamp"}
    return envelope


@pytest.mark.req("TF-81", "TF-22")
@pytest.mark.parametrize("path", ["/ocpi", "/ocpi/cpo/9.9/locations", "/ocpi/cpo", "/ocpi/nothing/here"])
def test_an_unknown_path_is_answered_404_in_the_envelope(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, _envelope(answer)["status_code"]) == (404, 2000)


@pytest.mark.req("TF-01", "TF-02", "TF-22")
@pytest.mark.parametrize("headers", [{}, FOREIGN_TOKEN])
@pytest.mark.parametrize("role", ["cpo", "emsp"])
@pytest.mark.parametrize(
    "path",
    [
        "versions",
        "2.1.1",
        "2.1.1/credentials",
        "2.1.1/locations",
        "2.1.1/sessions",
        "2.1.1/cdrs",
        "2.1.1/tariffs",
        "2.1.1/tokens",
        "2.1.1/commands",
    ],
)
def test_nothing_opens_without_a_token_of_ours(
    http: httpx.Client, role: str, path: str, headers: dict[str, str]
) -> None:
    answer = http.get(f"/ocpi/{role}/{path}", headers=headers)
    assert answer.status_code == 401
    assert 2000 <= _envelope(answer)["status_code"] < 3000


@pytest.mark.parametrize("path", ["/operator", "/operator/party", "/operator/nothing"])
def test_the_operator_api_opens_with_the_operator_key_only(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 401
    # A REST API hands out a body that the function encoded for it as it is: no media type may be.
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_the_operator_key_of_the_stack_opens_the_operator_api(operator: httpx.Client, deployment: Deployment) -> None:
    party = operator.get("/party").json()
    assert (party["country_code"], party["party_id"]) == ("NL", "EXA")
    assert party["business_details"]["name"] == "Example Charging"
    assert party["versions_urls"]["cpo"] == f"{deployment.url}/ocpi/cpo/versions"


def test_everything_that_the_deployment_needs_answers(operator: httpx.Client) -> None:
    answer = operator.get("/health")
    assert answer.status_code == 200, answer.text


def test_a_bulk_load_is_answered_line_by_line(operator: httpx.Client) -> None:
    lines = '{"id": "no location"}\nno JSON\n'
    answer = operator.post("/2.1.1/locations/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    outcomes = [json.loads(line)["outcome"] for line in answer.text.splitlines()]
    assert outcomes == ["refused", "refused"]


def test_an_invited_partner_registers_over_http(operator: httpx.Client, emsp: Partner) -> None:
    partner = operator.get(f"/partners/{emsp.id}").json()
    assert (partner["status"], partner["country_code"], partner["party_id"]) == ("REGISTERED", "NL", "EXM")
    (request,) = emsp.server.received("GET", "/ocpi/versions")
    assert request.headers["authorization"] == f"Token {emsp.token_b}"


def test_the_version_details_name_the_modules_at_the_deployed_url(emsp: Partner, deployment: Deployment) -> None:
    tree = f"{deployment.url}/ocpi/cpo/2.1.1"
    modules = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
    assert emsp.modules == {module: f"{tree}/{module}" for module in modules}


def test_the_token_of_an_invitation_dies_with_the_registration(emsp: Partner) -> None:
    answer = httpx.get(emsp.modules["credentials"], headers={"Authorization": f"Token {emsp.token_a}"})
    assert answer.status_code == 401


@pytest.mark.req("TF-35", "TF-36", "TF-39", "LOC-01")
def test_following_link_shows_every_location_once(emsp: Partner, locations: list[str], deployment: Deployment) -> None:
    seen: list[str] = []
    url: str | None = f"{emsp.modules['locations']}?limit=2"
    pages = 0
    while url is not None:
        answer = emsp.http.get(url)
        assert answer.status_code == 200, answer.text
        assert (answer.headers["X-Total-Count"], answer.headers["X-Limit"]) == ("5", "2")
        seen += [location["id"] for location in _envelope(answer)["data"]]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        url = link[1] if link else None
        assert url is None or url.startswith(deployment.url)
        pages += 1
    assert (sorted(seen), pages) == (locations, 3)


@pytest.mark.req("LOC-06", "LOC-07", "LOC-08")
def test_a_location_its_evse_and_its_connector_have_urls(emsp: Partner, locations: list[str]) -> None:
    url = f"{emsp.modules['locations']}/{locations[0]}"
    location, evse, connector = (
        _envelope(emsp.http.get(url + below))["data"] for below in ("", "/LOC1-1", "/LOC1-1/1")
    )
    assert location["id"] == locations[0]
    assert evse == location["evses"][0]
    assert connector == evse["connectors"][0]


@pytest.mark.req("TF-65")
@pytest.mark.parametrize("below", ["", "/LOC1", "/LOC1/LOC1-1"])
def test_a_trailing_slash_makes_no_difference(emsp: Partner, locations: list[str], below: str) -> None:
    url = emsp.modules["locations"] + below
    with_slash, without = emsp.http.get(f"{url}/"), emsp.http.get(url)
    assert locations
    assert (with_slash.status_code, with_slash.json()["data"]) == (200, without.json()["data"])


@pytest.mark.req("LOC-12", "TF-22")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_a_module_does_not_have_reaches_it_and_is_answered_405(emsp: Partner, method: str) -> None:
    answer = emsp.http.request(method, emsp.modules["locations"])
    assert answer.status_code == 405
    assert 2000 <= _envelope(answer)["status_code"] < 3000


@pytest.mark.req("TOK-01", "TOK-03")
def test_a_token_that_the_partner_puts_is_stored_for_the_operator(emsp: Partner, operator: httpx.Client) -> None:
    token = {
        "uid": "EXAMPLE-CARD-1",
        "type": "RFID",
        "auth_id": "NL-EXM-C00000001-X",
        "issuer": "Example Mobility",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": "2026-01-01T00:00:00Z",
    }
    url = f"{emsp.modules['tokens']}/NL/EXM/{token['uid']}"
    assert [emsp.http.put(url, json=token).status_code for _ in range(2)] == [201, 200]
    assert _envelope(emsp.http.get(url))["data"] == token
    assert operator.get(f"/partners/{emsp.id}/tokens/{token['uid']}").json() == token


def test_no_token_is_kept_or_logged_as_it_is(emsp: Partner, cpo: Partner, deployment: Deployment) -> None:
    items = aws("dynamodb", deployment.endpoint).scan(TableName=deployment.outputs["TableName"])["Items"]
    logs = aws("logs", deployment.endpoint)
    groups = [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/ocpi/")["logGroups"]]
    messages = [event["message"] for name in groups for event in logs.filter_log_events(logGroupName=name)["events"]]
    assert items
    assert messages
    tokens = [token for partner in (emsp, cpo) for token in (partner.token_a, partner.token_b, partner.token_c)]
    for secret in (*tokens, deployment.operator_key):
        assert secret not in str(items)
        assert secret not in "\n".join(messages)
