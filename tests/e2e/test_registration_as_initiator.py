"""Registration as initiator: we register with a partner that invited us, renew, and leave (OCPI 2.1.1, 7.3)."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.gateway import running_gateway
from tests.support.partner_server import PartnerServer, Received, Reply
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gateway import Gateway

VERSIONS, DETAILS, CREDENTIALS = "/emsp/versions", "/emsp/2.1.1", "/emsp/2.1.1/credentials"
TOKEN_A, TOKEN_C, TOKEN_D = "the-token-a-of-the-partner", "the-token-c-of-the-partner", "the-token-d-of-the-partner"


def register(operator: Operator, partner: PlayedPartner, token: str = TOKEN_A) -> httpx.Response:
    body = {"role": partner.role, "name": "Partner", "versions_url": partner.versions_url, "token": token}
    return operator.post("/partners", json=body)


def callback(request: Received) -> tuple[str, str]:
    """Our versions URL and token in the credentials that a partner received."""
    body = request.json()
    return body["url"], body["token"]


def status(url: str, token: str) -> int:
    return httpx.get(url, headers={"Authorization": f"Token {token}"}).status_code


def calls_seen(partner: PlayedPartner) -> list[tuple[str, str, str]]:
    return [
        (request.method, request.path, request.headers["authorization"].removeprefix("Token "))
        for request in partner.server.requests
    ]


def partners(operator: Operator) -> list[Any]:
    items: list[Any] = operator.get("/partners").json()["items"]
    return items


@pytest.fixture
def inviting(stranger: PlayedPartner) -> PlayedPartner:
    """A partner that answers our credentials with its own."""
    stranger.server.on("POST", CREDENTIALS, Reply.ocpi(stranger.credentials(token=TOKEN_C)))
    stranger.server.on("PUT", CREDENTIALS, Reply.ocpi(stranger.credentials(token=TOKEN_D)))
    stranger.server.on("DELETE", CREDENTIALS, Reply.ocpi())
    return stranger


@pytest.fixture
def registered(operator: Operator, inviting: PlayedPartner) -> PlayedPartner:
    answer = register(operator, inviting)
    assert answer.status_code == 201, answer.text
    (post,) = inviting.server.received("POST", CREDENTIALS)
    url, inviting.token = callback(post)
    inviting.partner_id = answer.json()["id"]
    inviting.endpoints = inviting.discover(url, str(inviting.token))
    inviting.server.requests.clear()
    return inviting


@pytest.mark.req("CR-41")
def test_versions_details_and_credentials_are_asked_in_this_order_with_token_a(
    operator: Operator, inviting: PlayedPartner
) -> None:
    answer = register(operator, inviting)
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["status"], shown["country_code"], shown["party_id"]) == ("REGISTERED", "DE", inviting.party_id)
    assert shown["version"] == "2.1.1"
    assert {endpoint["identifier"] for endpoint in shown["endpoints"]} > {"credentials", "tokens"}
    assert answer.headers["Location"] == f"/operator/partners/{shown['id']}"
    assert calls_seen(inviting) == [
        ("GET", VERSIONS, TOKEN_A),
        ("GET", DETAILS, TOKEN_A),
        ("POST", CREDENTIALS, TOKEN_A),
    ]
    sent = inviting.server.requests[-1].json()
    assert set(sent) == {"token", "url", "business_details", "party_id", "country_code"}
    assert (sent["country_code"], sent["party_id"]) == ("NL", "EXA")
    assert sent["url"].endswith("/ocpi/cpo/versions")


@pytest.mark.req("CR-42")
def test_token_b_opens_our_versions_and_details_while_the_post_is_open(
    operator: Operator, inviting: PlayedPartner
) -> None:
    found: dict[str, int] = {}

    def call_back(request: Received) -> Reply:
        url, token_b = callback(request)
        endpoints = inviting.discover(url, token_b)
        found["locations"] = status(endpoints["locations"], token_b)
        return Reply.ocpi(inviting.credentials(token=TOKEN_C))

    inviting.server.on("POST", CREDENTIALS, call_back)
    assert register(operator, inviting).status_code == 201
    assert found == {"locations": 401}
    url, token_b = callback(inviting.server.requests[-1])
    endpoints = inviting.discover(url, token_b)
    assert status(endpoints["locations"], token_b) == 200


@pytest.mark.req("CR-43")
def test_after_the_registration_only_token_c_is_used(operator: Operator, registered: PlayedPartner) -> None:
    path = f"/partners/{registered.partner_id}"
    assert operator.post(f"{path}/credentials").status_code == 200
    assert {token for _, _, token in calls_seen(registered)} == {TOKEN_C}
    registered.server.requests.clear()
    assert operator.delete(path).status_code == 204
    assert calls_seen(registered) == [("DELETE", CREDENTIALS, TOKEN_D)]


WAYS_TO_ANSWER: dict[str, Callable[[PlayedPartner], Reply]] = {
    "created": lambda partner: Reply.ocpi(partner.credentials(token=TOKEN_C), status=201),
    "in_a_list": lambda partner: Reply.ocpi([partner.credentials(token=TOKEN_C)]),
    "in_small_letters": lambda partner: Reply.ocpi(partner.credentials(token=TOKEN_C, country_code="de")),
    "with_unknown_fields": lambda partner: Reply.ocpi(partner.credentials(token=TOKEN_C, roles=[])),
}


@pytest.mark.parametrize("answer", WAYS_TO_ANSWER.values(), ids=WAYS_TO_ANSWER.keys())
def test_credentials_are_taken_as_partners_write_them(
    operator: Operator, inviting: PlayedPartner, answer: Callable[[PlayedPartner], Reply]
) -> None:
    inviting.server.on("POST", CREDENTIALS, answer(inviting))
    registered = register(operator, inviting)
    assert registered.status_code == 201, registered.text
    assert registered.json()["country_code"] == "DE"
    operator.delete(f"/partners/{registered.json()['id']}")
    assert calls_seen(inviting)[-1] == ("DELETE", CREDENTIALS, TOKEN_C)


def test_a_partner_that_wants_base64_gets_base64(operator: Operator, inviting: PlayedPartner) -> None:
    encoded = base64.b64encode(TOKEN_A.encode()).decode()
    refused = Reply.ocpi(status=401, status_code=2000)
    versions = Reply.ocpi([{"version": "2.1.1", "url": f"{inviting.server.url}{DETAILS}"}])
    inviting.server.on(
        "GET", VERSIONS, lambda request: versions if request.headers["authorization"].endswith(encoded) else refused
    )
    assert register(operator, inviting).status_code == 201
    assert [token for _, _, token in calls_seen(inviting)] == [TOKEN_A, encoded, encoded, encoded]


def test_relative_urls_and_versions_in_an_object_are_understood(operator: Operator, inviting: PlayedPartner) -> None:
    inviting.server.on("GET", VERSIONS, Reply.ocpi({"versions": [{"version": "2.1.1", "url": "2.1.1"}]}))
    endpoints = [{"identifier": name, "url": f"2.1.1/{name}"} for name in ("credentials", "tokens")]
    inviting.server.on("GET", DETAILS, Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))
    answer = register(operator, inviting)
    assert answer.status_code == 201
    assert answer.json()["endpoints"][0]["url"] == f"{inviting.server.url}{CREDENTIALS}"


GONE = Reply(raw=[], pause=0)
FAILURES: dict[str, tuple[str, str, Reply, dict[str, Any]]] = {
    "versions_unauthorized": (
        "GET",
        VERSIONS,
        Reply.ocpi(status=401, status_code=2000),
        {"step": "versions", "http_status": 401, "ocpi_status": 2000},
    ),
    "versions_broken_off": ("GET", VERSIONS, GONE, {"step": "versions"}),
    "version_not_offered": (
        "GET",
        VERSIONS,
        Reply.ocpi([]),
        {"step": "versions", "http_status": 200, "ocpi_status": 1000},
    ),
    "details_url_forbidden": (
        "GET",
        VERSIONS,
        Reply.ocpi([{"version": "2.1.1", "url": "file:///etc/passwd"}]),
        {"step": "version_details"},
    ),
    "details_not_json": ("GET", DETAILS, Reply(200, b"<html>"), {"step": "version_details", "http_status": 200}),
    "details_without_tokens": (
        "GET",
        DETAILS,
        Reply.ocpi({"endpoints": [{"identifier": "credentials", "url": "https://partner.example"}]}),
        {"step": "version_details", "http_status": 200, "ocpi_status": 1000},
    ),
    **{
        f"credentials_{http_status}_{ocpi_status}": (
            "POST",
            CREDENTIALS,
            Reply.ocpi(status=http_status, status_code=ocpi_status, status_message="no"),
            {"step": "credentials", "http_status": http_status, "ocpi_status": ocpi_status},
        )
        for http_status, ocpi_status in ((200, 3001), (200, 3003), (405, 2000), (401, 2000), (500, 3000), (200, 2001))
    },
    "credentials_405_without_envelope": (
        "POST",
        CREDENTIALS,
        Reply(405, b""),
        {"step": "credentials", "http_status": 405},
    ),
    "credentials_broken_off": ("POST", CREDENTIALS, GONE, {"step": "credentials"}),
    "credentials_not_json": ("POST", CREDENTIALS, Reply(200, b"<html>"), {"step": "credentials", "http_status": 200}),
    "credentials_without_data": (
        "POST",
        CREDENTIALS,
        Reply.ocpi(),
        {"step": "credentials", "http_status": 200, "ocpi_status": 1000},
    ),
}


@pytest.mark.req("CR-45")
@pytest.mark.parametrize(("method", "path", "reply", "members"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failed_registration_is_a_502_that_says_where_and_leaves_nothing(
    operator: Operator, inviting: PlayedPartner, method: str, path: str, reply: Reply, members: dict[str, Any]
) -> None:
    before = partners(operator)
    inviting.server.on(method, path, reply)
    answer = register(operator, inviting)
    assert answer.status_code == 502
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {name: problem.get(name) for name in ("step", "http_status", "ocpi_status") if name in problem} == members
    assert TOKEN_A not in answer.text
    assert partners(operator) == before
    for request in inviting.server.received("POST", CREDENTIALS):
        assert status(*callback(request)) == 401


@pytest.mark.parametrize(
    ("method", "path", "reply", "quoted"),
    [
        ("GET", VERSIONS, Reply(502, b"<h1>Bad\ngateway</h1>"), "<h1>Bad gateway</h1>"),
        ("GET", DETAILS, Reply(200, b"Maintenance till noon"), "Maintenance till noon"),
        ("GET", DETAILS, Reply.ocpi(status_code=3000, status_message="Out of order"), "Out of order"),
        ("POST", CREDENTIALS, Reply.json({"error": "Not from here"}, 403), "Not from here"),
        ("GET", VERSIONS, Reply(500, b"x" * 5000), "xxx…"),
    ],
)
def test_a_failed_registration_says_what_the_partner_answered(
    operator: Operator, inviting: PlayedPartner, method: str, path: str, reply: Reply, quoted: str
) -> None:
    inviting.server.on(method, path, reply)
    detail = register(operator, inviting).json()["detail"]
    assert quoted in detail
    assert len(detail) < 500


def test_a_broken_answer_to_our_credentials_is_not_quoted_as_it_may_hold_a_token(
    operator: Operator, inviting: PlayedPartner
) -> None:
    inviting.server.on("POST", CREDENTIALS, Reply(200, f'{{"data": {{"token": "{TOKEN_C}", '.encode()))
    answer = register(operator, inviting)
    assert answer.status_code == 502
    assert TOKEN_C not in answer.text


@pytest.mark.req("CR-45")
def test_token_a_is_tried_again_when_the_operator_tries_again(operator: Operator, inviting: PlayedPartner) -> None:
    inviting.server.on(
        "POST",
        CREDENTIALS,
        Reply.ocpi(status_code=3001),
        Reply.ocpi(inviting.credentials(token=TOKEN_C)),
    )
    assert [register(operator, inviting).status_code for _ in range(2)] == [502, 201]
    assert {token for _, _, token in calls_seen(inviting)} == {TOKEN_A}


def test_credentials_that_cannot_be_used_are_given_back(operator: Operator, inviting: PlayedPartner) -> None:
    unusable = inviting.credentials(token=TOKEN_C, party_id="TOO LONG")
    inviting.server.on("POST", CREDENTIALS, Reply.ocpi([unusable]))
    answer = register(operator, inviting)
    assert (answer.status_code, answer.json()["step"]) == (502, "credentials")
    assert "party_id" in answer.json()["detail"]
    assert calls_seen(inviting)[-1] == ("DELETE", CREDENTIALS, TOKEN_C)


@pytest.mark.req("CR-48")
def test_no_error_quotes_a_token_that_the_partner_quotes(
    gateway: Gateway, operator: Operator, inviting: PlayedPartner
) -> None:
    def quote(request: Received) -> Reply:
        message = f"{TOKEN_A} came with {request.json()['token']}"
        return Reply.ocpi(status_code=3001, status_message=message)

    inviting.server.on("POST", CREDENTIALS, quote)
    with Operator(gateway) as own_operator:
        answer = register(own_operator, inviting)
    (post,) = inviting.server.received("POST", CREDENTIALS)
    assert "came with" in answer.json()["detail"]
    for secret in (TOKEN_A, callback(post)[1]):
        assert secret not in answer.text
        assert secret not in gateway.output()


REFUSED_URLS = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/versions",
    "gopher://127.0.0.1/versions",
    "http://user:password@127.0.0.1/versions",
    "http://user@127.0.0.1/versions",
    "/ocpi/versions",
    "127.0.0.1/versions",
    "http://",
    "http://127.0.0.1:22/versions",
    "http://127.0.0.1:70000/versions",
    "http://0x7f000001/versions",
    "http://127.1/versions",
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1/ver sions",
    "http://127.0.0.1\\@partner.example/",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_is_refused_is_422(operator: Operator, url: str) -> None:
    before = partners(operator)
    answer = operator.post("/partners", json={"role": "EMSP", "name": "P", "versions_url": url, "token": TOKEN_A})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/versions_url"]
    assert partners(operator) == before


def test_a_partner_that_cannot_be_reached_is_502(operator: Operator) -> None:
    with PartnerServer() as closed:
        url = f"{closed.url}/versions"
    body = {"role": "EMSP", "name": "P", "versions_url": url, "token": TOKEN_A}
    answer = operator.post("/partners", json=body)
    assert (answer.status_code, answer.json()["step"]) == (502, "versions")
    assert "http_status" not in answer.json()


def test_a_party_that_is_registered_already_is_409_and_told_to_forget(
    operator: Operator, registered: PlayedPartner
) -> None:
    with PlayedPartner("EMSP", registered.country_code, registered.party_id) as double:
        double.server.on("POST", CREDENTIALS, Reply.ocpi(double.credentials(token="token-c-of-the-double")))
        double.server.on("DELETE", CREDENTIALS, Reply.ocpi())
        answer = register(operator, double, "token-a-of-the-double")
        assert answer.status_code == 409
        assert calls_seen(double)[-1] == ("DELETE", CREDENTIALS, "token-c-of-the-double")
        (post,) = double.server.received("POST", CREDENTIALS)
        assert status(*callback(post)) == 401
    assert registered.get(registered.endpoint("locations")).status_code == 200
    assert operator.get(f"/partners/{registered.partner_id}").json()["status"] == "REGISTERED"


def test_a_party_that_is_registered_already_is_409_and_its_partner_not_asked_to_register_us_again(
    operator: Operator, registered: PlayedPartner
) -> None:
    registered.server.on("GET", CREDENTIALS, Reply.ocpi(registered.credentials()))
    assert register(operator, registered).status_code == 409
    assert registered.server.received("POST", CREDENTIALS) == []
    assert registered.server.received("DELETE", CREDENTIALS) == []


def test_another_party_of_a_platform_that_is_registered_already_is_registered_at_the_same_url(
    operator: Operator, registered: PlayedPartner
) -> None:
    other = registered.credentials(party_id="OTH", token="token-c-of-the-other")
    registered.server.on("GET", CREDENTIALS, Reply.ocpi(other))
    registered.server.on("POST", CREDENTIALS, Reply.ocpi(other))
    answer = register(operator, registered)
    assert (answer.status_code, answer.json().get("party_id")) == (201, "OTH")


@pytest.mark.req("CR-44")
def test_during_a_renewal_both_tokens_open_and_after_it_the_new_one(
    operator: Operator, registered: PlayedPartner
) -> None:
    token_b, locations = str(registered.token), registered.endpoint("locations")
    during: list[int] = []

    def call_back(request: Received) -> Reply:
        url, renewed = callback(request)
        during.extend((status(url, renewed), status(locations, renewed), status(locations, token_b)))
        return Reply.ocpi(registered.credentials(token=TOKEN_D, business_details={"name": "Renamed"}))

    registered.server.on("PUT", CREDENTIALS, call_back)
    answer = operator.post(f"/partners/{registered.partner_id}/credentials")
    assert (answer.status_code, answer.json()["business_details"]) == (200, {"name": "Renamed"})
    assert during == [200, 200, 200]
    assert [call[:2] for call in calls_seen(registered)] == [("GET", VERSIONS), ("GET", DETAILS), ("PUT", CREDENTIALS)]
    _, renewed = callback(registered.server.requests[-1])
    assert renewed not in (token_b, TOKEN_D)
    assert status(locations, renewed) == 200
    assert status(locations, token_b) == 401


@pytest.mark.req("CR-44")
@pytest.mark.parametrize(
    ("path", "method", "reply", "renewed_opens"),
    [
        (VERSIONS, "GET", Reply.ocpi(status=500, status_code=3000), None),
        (CREDENTIALS, "PUT", Reply.ocpi(status_code=3001), 401),
        (CREDENTIALS, "PUT", Reply(405, b""), 401),
        (CREDENTIALS, "PUT", Reply.ocpi(status=500, status_code=3000), 200),
        (CREDENTIALS, "PUT", GONE, 200),
        (CREDENTIALS, "PUT", Reply.ocpi({"token": "only"}), 200),
    ],
    ids=["versions", "refused", "not_allowed", "server_error", "broken_off", "unusable_credentials"],
)
def test_after_a_failed_renewal_both_old_tokens_work(
    operator: Operator,
    registered: PlayedPartner,
    path: str,
    method: str,
    reply: Reply,
    renewed_opens: int | None,
) -> None:
    """A new token of ours opens as well if the partner may have taken it."""
    registered.server.on(method, path, reply)
    before = operator.get(f"/partners/{registered.partner_id}").json()
    answer = operator.post(f"/partners/{registered.partner_id}/credentials")
    assert answer.status_code == 502
    assert answer.json()["step"] == ("credentials" if path == CREDENTIALS else "versions")
    assert registered.get(registered.endpoint("locations")).status_code == 200
    for put in registered.server.received("PUT", CREDENTIALS):
        assert status(registered.endpoint("locations"), callback(put)[1]) == renewed_opens
    after = operator.get(f"/partners/{registered.partner_id}").json()
    assert {**after, "last_seen_at": None} == {**before, "last_seen_at": None}

    registered.serve_versions()
    registered.server.on("PUT", CREDENTIALS, Reply.ocpi(registered.credentials(token=TOKEN_D)))
    registered.server.requests.clear()
    assert operator.post(f"/partners/{registered.partner_id}/credentials").status_code == 200
    assert {token for _, _, token in calls_seen(registered)} == {TOKEN_C}
    _, renewed = callback(registered.server.requests[-1])
    assert status(registered.endpoint("locations"), renewed) == 200


@pytest.mark.req("CR-46")
def test_after_leaving_token_b_opens_nothing_and_nothing_is_sent(operator: Operator, registered: PlayedPartner) -> None:
    path = f"/partners/{registered.partner_id}"
    assert operator.delete(path).status_code == 204
    assert registered.get(registered.endpoint("locations")).status_code == 401
    assert registered.get(registered.endpoint("credentials")).status_code == 401
    left = operator.get(path).json()
    assert (left["status"], left["endpoints"]) == ("UNREGISTERED", [])
    registered.server.requests.clear()
    assert operator.post(f"{path}/credentials").status_code == 409
    assert operator.patch(path, json={"status": "REGISTERED"}).status_code == 409
    assert registered.server.requests == []


@pytest.mark.parametrize(
    ("reply", "http_status"),
    [(Reply.ocpi(status=405, status_code=2000), 405), (Reply.ocpi(status_code=3000), 200), (GONE, None)],
    ids=["refused", "failed", "unreachable"],
)
def test_leaving_fails_when_the_partner_does_not_play_along_unless_forced(
    operator: Operator, registered: PlayedPartner, reply: Reply, http_status: int | None
) -> None:
    path = f"/partners/{registered.partner_id}"
    registered.server.on("DELETE", CREDENTIALS, reply)
    answer = operator.delete(path)
    assert (answer.status_code, answer.json()["step"], answer.json().get("http_status")) == (
        502,
        "credentials",
        http_status,
    )
    assert operator.get(path).json()["status"] == "REGISTERED"
    assert registered.get(registered.endpoint("locations")).status_code == 200
    assert operator.delete(path, params={"force": "true"}).status_code == 204
    assert operator.get(path).json()["status"] == "UNREGISTERED"
    assert registered.get(registered.endpoint("locations")).status_code == 401


def test_after_leaving_the_partner_may_register_again(operator: Operator, registered: PlayedPartner) -> None:
    operator.delete(f"/partners/{registered.partner_id}")
    again = register(operator, registered, "another-token-a")
    assert again.status_code == 201
    assert again.json()["id"] != registered.partner_id


def renew(side_and_path: tuple[Operator, str]) -> httpx.Response:
    side, path = side_and_path
    return side.post(f"{path}/credentials")


@pytest.mark.req("CR-03", "CR-13", "CR-20", "CR-41", "CR-42", "CR-43", "CR-44", "CR-46")
def test_two_deployments_of_ours_register_renew_from_both_sides_and_leave() -> None:
    cpo_party = {"OCPI_COUNTRY_CODE": "NL", "OCPI_PARTY_ID": "CPO", "OCPI_ROLES": "CPO"}
    emsp_party = {"OCPI_COUNTRY_CODE": "DE", "OCPI_PARTY_ID": "MSP", "OCPI_ROLES": "EMSP"}
    with (
        running_gateway(environ=cpo_party) as cpo_gateway,
        running_gateway(environ=emsp_party) as emsp_gateway,
        Operator(cpo_gateway) as cpo,
        Operator(emsp_gateway) as emsp,
    ):
        invited = cpo.invite("EMSP")
        body = {"role": "CPO", "name": "The CPO", "versions_url": invited.versions_url, "token": invited.token}
        joined = emsp.post("/partners", json=body)
        assert joined.status_code == 201, joined.text
        assert (joined.json()["country_code"], joined.json()["party_id"]) == ("NL", "CPO")
        at_cpo, at_emsp = f"/partners/{invited.partner_id}", f"/partners/{joined.json()['id']}"
        assert cpo.get(at_cpo).json()["party_id"] == "MSP"
        assert emsp.post("/partners", json=body).status_code == 409

        for side, path in ((emsp, at_emsp), (cpo, at_cpo), (cpo, at_cpo), (emsp, at_emsp)):
            renewed = renew((side, path))
            assert renewed.status_code == 200, renewed.text

        with ThreadPoolExecutor(4) as pool:
            at_once = list(pool.map(renew, [(cpo, at_cpo), (emsp, at_emsp)] * 2))
        assert {answer.status_code for answer in at_once} <= {200, 409, 502}
        assert [renew((cpo, at_cpo)).status_code, renew((emsp, at_emsp)).status_code] == [200, 200]

        assert cpo.delete(at_cpo).status_code == 204
        assert emsp.get(at_emsp).json()["status"] == "UNREGISTERED"
        assert cpo.get(at_cpo).json()["status"] == "UNREGISTERED"

        again = cpo.invite("EMSP")
        assert emsp.post("/partners", json={**body, "token": again.token}).status_code == 201
