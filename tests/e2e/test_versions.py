"""Versions and version details: ours, and how we read a partner's when we register with it (chapters 5 to 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from local.template import read_template
from tests.support.envelope import refused, succeeded
from tests.support.gateway import ROOT
from tests.support.partner_server import PartnerServer, Reply
from tests.support.party import PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.gateway import Gateway
    from tests.support.party import Invited, Operator

MODULES = {"cdrs", "commands", "credentials", "locations", "sessions", "tariffs", "tokens"}
DEPENDENCIES = {"locations": {"tariffs"}, "commands": {"locations", "sessions"}}
TOKEN_A = "token-a-of-the-partner"

both_roles = pytest.mark.parametrize("role", ["CPO", "EMSP"])


# Ours


@pytest.fixture(params=["CPO", "EMSP"])
def partner(request: pytest.FixtureRequest, cpo: PlayedPartner, emsp: PlayedPartner) -> PlayedPartner:
    """A registered partner of each role."""
    return {"CPO": cpo, "EMSP": emsp}[request.param]


@pytest.fixture
def versions_url(partner: PlayedPartner, shared_gateway: Gateway) -> str:
    url: str = shared_gateway.endpoints["ocpi"]["emsp" if partner.role == "CPO" else "cpo"]
    return url


def _details_url(partner: PlayedPartner, versions_url: str) -> str:
    url: str = succeeded(partner.get(versions_url))[0]["url"]
    return url


@pytest.mark.req("VE-01", "VE-02", "VE-04", "VE-05")
def test_the_versions_are_a_bare_list_of_version_and_url(partner: PlayedPartner, versions_url: str) -> None:
    versions = succeeded(partner.get(versions_url))
    assert [each["version"] for each in versions] == ["2.1.1"]
    assert all(each.keys() == {"version", "url"} for each in versions)


@pytest.mark.req("VE-01", "TF-23")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_versions_and_details_can_only_be_read(partner: PlayedPartner, versions_url: str, method: str) -> None:
    for url in (versions_url, _details_url(partner, versions_url)):
        answer = partner.call(method, url, json={})
        refused(answer, 405, 2000)
        assert answer.headers["Allow"] == "GET"


@pytest.mark.req("VE-03", "VE-08", "VE-09", "VE-10", "VE-11", "VE-14", "VE-20")
def test_the_details_are_those_of_the_version_with_each_module_once(partner: PlayedPartner, versions_url: str) -> None:
    url = _details_url(partner, versions_url)
    assert len(url) <= 255
    assert urlsplit(url).scheme in ("http", "https")
    details = succeeded(partner.get(url))
    assert details.keys() == {"version", "endpoints"}
    assert details["version"] == "2.1.1"
    identifiers = [each["identifier"] for each in details["endpoints"]]
    assert all(each.keys() == {"identifier", "url"} for each in details["endpoints"])
    assert "credentials" in identifiers
    assert len(set(identifiers)) == len(identifiers)
    assert set(identifiers) <= MODULES
    for module in identifiers:
        assert DEPENDENCIES.get(module, set()) <= set(identifiers)


@pytest.mark.req("VE-13", "VE-03", "TF-64")
def test_every_listed_endpoint_answers_and_names_the_version(partner: PlayedPartner, versions_url: str) -> None:
    for module, url in partner.discover(versions_url, str(partner.token)).items():
        assert "/2.1.1/" in url
        assert len(url) <= 255
        answer = partner.get(url)
        # Endpoints of objects that partners push are there, and have no method themselves.
        assert answer.status_code in (200, 405), module


@pytest.mark.req("VE-13")
@both_roles
def test_every_module_that_is_routed_is_listed(
    role: str, shared_gateway: Gateway, cpo: PlayedPartner, emsp: PlayedPartner
) -> None:
    partner = emsp if role == "CPO" else cpo
    tree = f"/ocpi/{role.lower()}/2.1.1/"
    routes = [route.path for function in read_template(ROOT / "template.yaml").functions for route in function.routes]
    routed = {path.removeprefix(tree).partition("/")[0] for path in routes if path.startswith(tree)}
    listed = partner.discover(shared_gateway.endpoints["ocpi"][role.lower()], str(partner.token))
    assert listed == {module: f"{shared_gateway.url}{tree}{module}" for module in routed}


@pytest.mark.req("VE-12", "VE-11")
def test_each_role_has_a_tree_of_its_own(shared_gateway: Gateway, cpo: PlayedPartner, emsp: PlayedPartner) -> None:
    ours = shared_gateway.endpoints["ocpi"]
    assert urlsplit(ours["cpo"]).path == "/ocpi/cpo/versions"
    assert urlsplit(ours["emsp"]).path == "/ocpi/emsp/versions"
    assert not set(cpo.endpoints.values()) & set(emsp.endpoints.values())
    refused(cpo.get(ours["cpo"]), 401, 2000)
    refused(emsp.get(ours["emsp"]), 401, 2000)


@pytest.mark.req("VE-06", "VE-07")
@both_roles
def test_token_a_opens_versions_and_details_and_no_token_opens_neither(operator: Operator, role: str) -> None:
    with PlayedPartner(role, "DE", "NEW") as partner:
        invited = operator.invite(role)
        details = succeeded(partner.get(invited.versions_url, token=invited.token))[0]["url"]
        assert succeeded(partner.get(details, token=invited.token))["version"] == "2.1.1"
        for url in (invited.versions_url, details):
            refused(partner.get(url), 401, 2000)


# A partner's


class Host(PlayedPartner):
    """A partner that invited us: it completes the handshake when we post our credentials."""

    def __init__(self, role: str = "CPO") -> None:
        super().__init__(role, "BE", "HST")
        self.tree = f"/{role.lower()}"

    def serve_credentials(self, path: str | None = None, server: PartnerServer | None = None) -> None:
        answer = Reply.ocpi(self.credentials(token="token-c-of-the-partner"))
        for method in ("POST", "DELETE"):
            (server or self.server).on(method, path or f"{self.tree}/2.1.1/credentials", answer)

    def serve(self, path: str, data: Any, **options: Any) -> None:
        self.server.on("GET", f"{self.tree}{path}", Reply.ocpi(data, **options))

    def invite_us(self, operator: Operator) -> httpx.Response:
        body = {"role": self.role, "name": "Host", "versions_url": self.versions_url, "token": TOKEN_A}
        return operator.post("/partners", json=body)

    def calls(self) -> list[tuple[str, str]]:
        return [(request.method, request.path) for request in self.server.requests]

    def endpoints_of(self, *modules: str, base: str = "") -> list[dict[str, str]]:
        details = f"{base or self.server.url}{self.tree}/2.1.1"
        return [{"identifier": module, "url": f"{details}/{module}"} for module in modules]


@pytest.fixture
def host(operator: Operator) -> Iterator[Host]:
    """A partner that serves a good handshake, and that we forget afterwards."""
    with Host() as partner:
        partner.serve_credentials()
        yield partner
        for listed in operator.get("/partners").json()["items"]:
            if listed["party_id"] == partner.party_id:
                operator.delete(f"/partners/{listed['id']}?force=true")
                operator.delete(f"/partners/{listed['id']}")


def registered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert body["status"] == "REGISTERED"
    return body


def failed(answer: httpx.Response, step: str) -> dict[str, Any]:
    assert answer.status_code == 502, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["step"] == step
    return body


def nothing_is_left(operator: Operator, host: Host) -> bool:
    return all(each["party_id"] != host.party_id for each in operator.get("/partners").json()["items"])


@pytest.mark.req("VE-16", "VE-17")
def test_of_a_partners_versions_the_highest_that_both_speak_is_taken(operator: Operator, host: Host) -> None:
    urls = {version: f"{host.server.url}{host.tree}/{version}" for version in ("2.0", "9.9", "2.1.1", "2.2.1", "2.1")}
    unknown = [{"version": 3, "url": None}, "2.1.1", {"version": "2.1.1-d2", "url": "x"}]
    host.serve("/versions", [*unknown, *({"version": name, "url": url} for name, url in urls.items())])
    assert registered(host.invite_us(operator))["version"] == "2.1.1"
    assert ("GET", f"{host.tree}/2.1.1") in host.calls()
    assert not {path for _, path in host.calls()} & {f"{host.tree}/{each}" for each in ("2.0", "9.9", "2.2.1", "2.1")}


@pytest.mark.req("VE-17")
def test_modules_and_members_that_we_do_not_know_are_ignored(operator: Operator, host: Host) -> None:
    known = host.endpoints_of("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
    odd: list[Any] = [
        {"identifier": "nlexm-foo", "url": "https://elsewhere.example/foo"},
        {"identifier": "hubclientinfo", "role": "SENDER", "url": f"{host.server.url}/hub"},
        {"identifier": 7, "url": "x"},
        {"identifier": "chargingprofiles"},
        {"identifier": "broken", "url": None},
        "locations",
        None,
    ]
    endpoints = [*odd, *({**each, "role": "RECEIVER", "x": [1]} for each in known)]
    host.serve("/2.1.1", {"version": "2.1.1", "endpoints": endpoints, "more": {"a": 1}})
    stored = registered(host.invite_us(operator))["endpoints"]
    assert {each["identifier"]: each["url"] for each in known}.items() <= {
        each["identifier"]: each["url"] for each in stored
    }.items()
    assert all(each.keys() == {"identifier", "url"} for each in stored)


@pytest.mark.req("VE-21")
def test_versions_inside_an_object_are_read_too(operator: Operator, host: Host) -> None:
    details = f"{host.server.url}{host.tree}/2.1.1"
    host.serve("/versions", {"versions": [{"version": "2.1.1", "url": details}]})
    registered(host.invite_us(operator))


@pytest.mark.req("TF-63", "VE-18")
def test_endpoints_are_taken_from_the_details_wherever_they_are(operator: Operator, host: Host) -> None:
    with PartnerServer() as elsewhere:
        details, credentials = "/a%20b/details;x=1", "/odd/CREDS/"
        host.server.on(
            "GET",
            f"{host.tree}/versions",
            Reply.ocpi([{"version": "2.1.1", "url": elsewhere.url.replace("http", "HTTP") + f"{details}?tree=1"}]),
        )
        endpoints = [
            {"identifier": "credentials", "url": f"{elsewhere.url}{credentials}"},
            {"identifier": "locations", "url": "http://LOCALHOST:1/l/"},
            {"identifier": "tariffs", "url": f"{host.server.url}/t"},
            {"identifier": "tokens", "url": f"{host.server.url}/t"},
        ]
        elsewhere.on("GET", details, Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))
        host.serve_credentials(credentials, elsewhere)
        stored = registered(host.invite_us(operator))["endpoints"]
        assert [each["identifier"] for each in stored] == ["credentials", "locations", "tariffs", "tokens"]
        assert [(each.method, each.path, each.query) for each in elsewhere.requests] == [
            ("GET", details, "tree=1"),
            ("POST", credentials, ""),
        ]
        assert {each.headers["authorization"] for each in elsewhere.requests} == {f"Token {TOKEN_A}"}
        assert host.calls() == [("GET", f"{host.tree}/versions")]


@pytest.mark.req("TF-63")
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_of_a_partners_url_is_kept(operator: Operator, host: Host, slash: str) -> None:
    host.serve("/versions", [{"version": "2.1.1", "url": f"{host.server.url}{host.tree}/2.1.1{slash}"}])
    endpoints = [{**each, "url": f"{each['url']}{slash}"} for each in host.endpoints_of("credentials", "locations")]
    host.serve(f"/2.1.1{slash}", {"version": "2.1.1", "endpoints": endpoints})
    host.serve_credentials(f"{host.tree}/2.1.1/credentials{slash}")
    registered(host.invite_us(operator))
    assert host.calls() == [
        ("GET", f"{host.tree}/versions"),
        ("GET", f"{host.tree}/2.1.1{slash}"),
        ("POST", f"{host.tree}/2.1.1/credentials{slash}"),
    ]


@pytest.mark.req("VE-19", "CR-45")
@pytest.mark.parametrize("versions", [["2.0", "2.2.1"], []])
def test_without_a_version_in_common_no_credentials_are_posted(
    operator: Operator, host: Host, versions: list[str]
) -> None:
    host.serve("/versions", [{"version": each, "url": f"{host.server.url}/{each}"} for each in versions])
    body = failed(host.invite_us(operator), "versions")
    assert "2.1.1" in body["detail"]
    assert (body["http_status"], body["ocpi_status"]) == (200, 1000)
    assert host.calls() == [("GET", f"{host.tree}/versions")]
    assert nothing_is_left(operator, host)


@pytest.mark.req("VE-19", "CR-45")
@pytest.mark.parametrize("modules", [("credentials",), ("locations", "tokens"), ()])
def test_without_the_endpoints_that_we_expect_no_credentials_are_posted(
    operator: Operator, host: Host, modules: tuple[str, ...]
) -> None:
    host.serve("/2.1.1", {"version": "2.1.1", "endpoints": host.endpoints_of(*modules)})
    body = failed(host.invite_us(operator), "version_details")
    assert (body["http_status"], body["ocpi_status"]) == (200, 1000)
    assert host.calls() == [("GET", f"{host.tree}/versions"), ("GET", f"{host.tree}/2.1.1")]
    assert nothing_is_left(operator, host)


STEPS = {
    "versions": ("GET", "/versions"),
    "version_details": ("GET", "/2.1.1"),
    "credentials": ("POST", "/2.1.1/credentials"),
}
ERROR_DATA: tuple[Any, ...] = (None, [], {}, "debug", 7, {"versions": 1}, ["stack", {"trace": None}])


@pytest.mark.req("TF-15", "TF-16", "SC-09", "SC-10")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status_code", [2000, 2001, 2004, 2999, 3000, 3003, 3999, 4001, 9999, 999, 0, -1])
def test_http_200_with_a_status_code_that_is_no_success_is_a_failure(
    operator: Operator, host: Host, step: str, status_code: int
) -> None:
    method, path = STEPS[step]
    reply = Reply.ocpi(status_code=status_code, status_message="not today")
    host.server.on(method, f"{host.tree}{path}", reply)
    body = failed(host.invite_us(operator), step)
    assert (body["http_status"], body["ocpi_status"]) == (200, status_code)
    assert "not today" in body["detail"]
    assert nothing_is_left(operator, host)


@pytest.mark.req("TF-15", "TF-16")
@pytest.mark.parametrize("http_status", [200, 400, 500])
@pytest.mark.parametrize("data", ERROR_DATA, ids=repr)
def test_an_error_may_hold_any_data_or_none(operator: Operator, host: Host, data: Any, http_status: int) -> None:
    host.serve("/2.1.1", data, status_code=2001, status_message="not today", status=http_status)
    body = failed(host.invite_us(operator), "version_details")
    assert (body["http_status"], body["ocpi_status"]) == (http_status, 2001)
    null = {"data": None, "status_code": 2001, "status_message": None, "timestamp": 5}
    host.server.on("GET", f"{host.tree}/2.1.1", Reply.json(null, http_status))
    assert failed(host.invite_us(operator), "version_details")["ocpi_status"] == 2001
    assert nothing_is_left(operator, host)


ODD_ANSWERS = {
    "no body": Reply(200),
    "no JSON": Reply(200, b"<html>"),
    "broken JSON": Reply(200, b'{"data": [', {"Content-Type": "application/json"}),
    "a number": Reply.json(5),
    "null": Reply.json(None),
    "text": Reply.json("2.1.1"),
    "no data": Reply.ocpi(),
    "data of another type": Reply.ocpi("2.1.1"),
    "a list of nothing": Reply.ocpi([None, [], 5]),
    "a status code of words": Reply.json({"data": [], "status_code": "fine"}),
    "an error page": Reply(503, b"<html>down</html>", {"Content-Type": "text/html"}),
    "a redirect": Reply(302, b"", {"Location": "http://127.0.0.1:1/"}),
    "an unknown status": Reply(599, b""),
    "deep": Reply(200, b'{"data": ' + b"[" * 1000 + b"]" * 1000 + b', "status_code": 1000}'),
}


@pytest.mark.req("TF-15", "SC-10")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reply", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_that_cannot_be_used_fails_the_registration_and_nothing_else(
    operator: Operator, host: Host, step: str, reply: Reply
) -> None:
    method, path = STEPS[step]
    host.server.on(method, f"{host.tree}{path}", reply)
    assert failed(host.invite_us(operator), step)["http_status"] == reply.status
    assert nothing_is_left(operator, host)


@pytest.mark.req("TF-16", "SC-09")
@pytest.mark.parametrize(
    ("versions", "status_code"),
    [
        (Reply.ocpi(status_code=2004), 3001),
        (Reply.ocpi(status_code=3999), 3001),
        (Reply.ocpi(status_code=0), 3001),
        (Reply.ocpi(status_code=4001), 3001),
        (Reply.ocpi([{"version": "2.2.1", "url": "http://127.0.0.1:1/"}]), 3002),
        (Reply.ocpi([]), 3002),
    ],
)
def test_a_partner_whose_own_versions_cannot_be_used_does_not_get_registered(
    operator: Operator, versions: Reply, status_code: int
) -> None:
    with PlayedPartner("EMSP", "DE", "UNU") as partner:
        invited: Invited = operator.invite("EMSP")
        url = partner.discover(invited.versions_url, invited.token)["credentials"]
        partner.server.on("GET", "/emsp/versions", versions)
        answer = partner.call("POST", url, token=invited.token, json=partner.credentials())
        refused(answer, 200, status_code)
        partner.serve_versions()
        partner.register(invited)
        assert operator.delete(f"/partners/{partner.partner_id}?force=true").status_code == 204


@pytest.mark.req("VE-16", "VE-17", "VE-21", "TF-63")
def test_a_partner_that_registers_is_read_the_same_way(operator: Operator) -> None:
    with PlayedPartner("CPO", "DE", "ODD") as partner:
        invited = operator.invite("CPO")
        details = f"{partner.server.url}/elsewhere/"
        partner.server.on(
            "GET",
            "/cpo/versions",
            Reply.ocpi({"versions": [{"version": "2.2.1", "url": "x"}, {"version": "2.1.1", "url": details}, 5]}),
        )
        endpoints = [
            {"identifier": "nlexm-foo", "url": "x"},
            {"identifier": "credentials", "role": "SENDER", "url": f"{details}c"},
            {"identifier": "tokens", "url": f"{details}t/"},
        ]
        partner.server.on("GET", "/elsewhere/", Reply.ocpi({"version": "2.1.1", "endpoints": endpoints, "x": 1}))
        partner.register(invited)
        stored = operator.get(f"/partners/{partner.partner_id}").json()
        assert stored["version"] == "2.1.1"
        assert {"identifier": "tokens", "url": f"{details}t/"} in stored["endpoints"]
