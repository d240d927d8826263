"""Registration as receiver: what a partner's POST, PUT and DELETE on our credentials endpoint do (OCPI 2.1.1, 7.1)."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.partner_server import PartnerServer, Reply
from tests.support.party import MODULES, Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.gateway import Gateway
    from tests.support.party import Invited

VERSIONS, DETAILS = "/emsp/versions", "/emsp/2.1.1"
LISTS = ("locations", "tariffs")


def credentials_url(partner: PlayedPartner, invited: Invited) -> str:
    return partner.discover(invited.versions_url, invited.token)["credentials"]


def post(partner: PlayedPartner, invited: Invited, **changes: Any) -> httpx.Response:
    url = credentials_url(partner, invited)
    return partner.call("POST", url, token=invited.token, json=partner.credentials(**changes))


def put(partner: PlayedPartner, **changes: Any) -> httpx.Response:
    return partner.put(partner.endpoint("credentials"), partner.credentials(**changes))


def ocpi_status(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["status_code"]


def tokens_seen(partner: PlayedPartner) -> set[str]:
    return {request.headers["authorization"] for request in partner.server.requests}


def calls_seen(partner: PlayedPartner) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in partner.server.requests]


@pytest.fixture
def invited(operator: Operator) -> Invited:
    return operator.invite("EMSP")


@pytest.fixture(scope="module")
def candidate_and_invited(operator: Operator) -> Iterator[tuple[PlayedPartner, Invited]]:
    """A partner whose registration fails again and again, so that one serves many tests."""
    with PlayedPartner("EMSP", "DE", "CAN") as partner:
        yield partner, operator.invite("EMSP")


@pytest.fixture
def candidate(candidate_and_invited: tuple[PlayedPartner, Invited]) -> PlayedPartner:
    partner, _ = candidate_and_invited
    partner.serve_versions()
    partner.server.requests.clear()
    return partner


@pytest.fixture
def its_invitation(candidate_and_invited: tuple[PlayedPartner, Invited]) -> Invited:
    return candidate_and_invited[1]


@pytest.fixture
def registered(stranger: PlayedPartner, invited: Invited) -> PlayedPartner:
    stranger.register(invited)
    stranger.server.requests.clear()
    return stranger


@pytest.mark.req("CR-01", "CR-02", "CR-03", "CR-07", "CR-09", "CR-47")
def test_a_post_with_token_a_answers_with_our_credentials_and_a_token_that_opens_everything(
    stranger: PlayedPartner, invited: Invited
) -> None:
    answer = stranger.register(invited)
    assert ocpi_status(answer) == (200, 1000)
    ours = answer.json()["data"]
    assert ours == {
        "token": stranger.token,
        "url": invited.versions_url,
        "business_details": {"name": "NL-EXA"},
        "party_id": "EXA",
        "country_code": "NL",
    }
    assert ours["token"] not in (invited.token, stranger.issued)
    assert stranger.get(stranger.endpoint("credentials")).json()["data"] == ours
    assert [entry["version"] for entry in stranger.get(ours["url"]).json()["data"]] == ["2.1.1"]
    for module in LISTS:
        assert ocpi_status(stranger.get(stranger.endpoint(module))) == (200, 1000)


@pytest.mark.req("CR-04", "CR-05", "CR-10")
def test_a_post_fetches_versions_and_the_details_of_the_version_in_use_with_token_b(
    stranger: PlayedPartner, invited: Invited
) -> None:
    versions = [{"version": number, "url": f"{stranger.server.url}/emsp/{number}"} for number in ("2.2.1", "2.1.1")]
    stranger.server.on("GET", VERSIONS, Reply.ocpi(versions))
    stranger.register(invited)
    assert calls_seen(stranger) == [("GET", VERSIONS), ("GET", DETAILS)]
    assert tokens_seen(stranger) == {f"Token {stranger.issued}"}


@pytest.mark.req("CR-08")
def test_token_a_opens_nothing_once_it_was_used(stranger: PlayedPartner, invited: Invited) -> None:
    stranger.register(invited)
    for url in (invited.versions_url, *stranger.endpoints.values()):
        assert stranger.get(url, token=invited.token).status_code == 401
    again = stranger.call("POST", stranger.endpoint("credentials"), token=invited.token, json=stranger.credentials())
    assert again.status_code == 401


@pytest.mark.req("CR-34")
def test_token_a_opens_versions_and_credentials_only(stranger: PlayedPartner, invited: Invited) -> None:
    endpoints = stranger.discover(invited.versions_url, invited.token)
    opened = {name for name, url in endpoints.items() if stranger.get(url, token=invited.token).status_code != 401}
    assert opened == {"credentials"}
    assert stranger.get(endpoints["credentials"], token=invited.token).json()["data"]["token"] == invited.token


@pytest.mark.req("CR-11", "CR-12")
def test_a_post_of_a_registered_party_is_405_and_changes_nothing(registered: PlayedPartner, operator: Operator) -> None:
    before = operator.get(f"/partners/{registered.partner_id}").json()
    answer = registered.call(
        "POST", registered.endpoint("credentials"), json=registered.credentials(token="another", url="http://else/")
    )
    assert ocpi_status(answer)[0] == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PUT", "DELETE"}
    assert registered.server.requests == []
    assert operator.get(f"/partners/{registered.partner_id}").json() == before
    assert registered.get(registered.endpoint("locations")).status_code == 200


@pytest.mark.req("CR-13", "CR-14", "CR-15")
def test_a_put_fetches_the_details_again_with_the_new_token_and_answers_with_a_new_one(
    registered: PlayedPartner,
) -> None:
    token_c = str(registered.token)
    answer = put(registered, token="token-b-2")
    assert ocpi_status(answer) == (200, 1000)
    assert calls_seen(registered) == [("GET", VERSIONS), ("GET", DETAILS)]
    assert tokens_seen(registered) == {"Token token-b-2"}
    token_d = answer.json()["data"]["token"]
    assert token_d not in (token_c, "token-b-2")
    locations = registered.endpoint("locations")
    assert registered.get(locations, token=token_d).status_code == 200
    assert registered.get(locations, token=token_c).status_code == 401


@pytest.mark.req("CR-06", "CR-17", "CR-18")
def test_what_a_put_changes_takes_effect(registered: PlayedPartner, operator: Operator) -> None:
    # The only request that needs no sweep or queue is the one with which we leave.
    moved = f"{registered.server.url}/moved"
    endpoints = [{"identifier": name, "url": f"{moved}/{name}"} for name in MODULES]
    registered.server.on("GET", "/moved", Reply.ocpi([{"version": "2.1.1", "url": f"{moved}/details"}]))
    registered.server.on("GET", "/moved/details", Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))
    registered.server.on("DELETE", "/moved/credentials", Reply.ocpi())
    details = {"name": "Renamed", "website": "https://renamed.example"}
    assert ocpi_status(put(registered, token="b-2", url=moved, business_details=details)) == (200, 1000)
    shown = operator.get(f"/partners/{registered.partner_id}").json()
    assert (shown["business_details"], shown["endpoints"]) == (details, endpoints)
    assert operator.delete(f"/partners/{registered.partner_id}").status_code == 204
    (left,) = registered.server.received("DELETE", "/moved/credentials")
    assert left.headers["authorization"] == "Token b-2"


@pytest.mark.req("CR-19", "CR-21")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_put_and_delete_with_token_a_are_405(stranger: PlayedPartner, invited: Invited, method: str) -> None:
    url = credentials_url(stranger, invited)
    answer = stranger.call(method, url, token=invited.token, json=stranger.credentials())
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST"}
    assert stranger.server.requests == []
    stranger.register(invited)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_token_is_401_whatever_the_method(registered: PlayedPartner, method: str) -> None:
    answer = registered.call(method, registered.endpoint("credentials"), token="nobody", json=registered.credentials())
    assert ocpi_status(answer) == (401, 2000)


@pytest.mark.req("CR-33")
def test_patch_is_405(registered: PlayedPartner) -> None:
    assert registered.patch(registered.endpoint("credentials"), {"token": "b-2"}).status_code == 405


@pytest.mark.req("CR-20", "CR-35", "CR-36")
def test_after_a_delete_nothing_opens_nothing_is_sent_and_only_a_new_invitation_helps(
    registered: PlayedPartner, operator: Operator
) -> None:
    url, token_c = registered.endpoint("credentials"), registered.token
    answer = registered.call("DELETE", url)
    assert ocpi_status(answer) == (200, 1000)
    assert "data" not in answer.json()
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert registered.call(method, url, json=registered.credentials()).status_code == 401
    assert registered.get(registered.endpoint("locations")).status_code == 401
    assert operator.get(f"/partners/{registered.partner_id}").json()["status"] == "UNREGISTERED"

    operator.put_object("locations", fixture("location_min", id=f"AFTER-{registered.party_id}"))
    assert operator.post(f"/partners/{registered.partner_id}/credentials").status_code == 409
    time.sleep(0.3)
    assert registered.server.requests == []

    registered.register(operator.invite("EMSP"))
    assert registered.token != token_c


def serve_raw(body: bytes, status: int = 200) -> Reply:
    return Reply(status, body, {"Content-Type": "application/json"})


def details_with(*modules: str) -> Reply:
    endpoints = [{"identifier": module, "url": f"https://partner.example/{module}"} for module in modules]
    return Reply.ocpi({"version": "2.1.1", "endpoints": endpoints})


UNUSABLE = {
    "unauthorized": (VERSIONS, Reply.ocpi(status=401, status_code=2000), 3001),
    "server_error": (VERSIONS, Reply.ocpi(status=500, status_code=3000), 3001),
    "bare_server_error": (DETAILS, Reply(500, b"oops"), 3001),
    "ocpi_3000": (VERSIONS, Reply.ocpi(status_code=3000), 3001),
    "ocpi_3001_from_details": (DETAILS, Reply.ocpi(status_code=3001), 3001),
    "ocpi_2001": (DETAILS, Reply.ocpi(status_code=2001), 3001),
    "redirect": (VERSIONS, Reply(302, headers={"Location": "/elsewhere"}), 3001),
    "not_json": (VERSIONS, serve_raw(b"<html>"), 3001),
    "cut_off_json": (DETAILS, serve_raw(b'{"data": {"endpoints": ['), 3001),
    "empty": (VERSIONS, serve_raw(b""), 3001),
    "no_data": (VERSIONS, Reply.ocpi(), 3001),
    "versions_are_a_text": (VERSIONS, Reply.ocpi("2.1.1"), 3001),
    "versions_without_list": (VERSIONS, Reply.ocpi({"version": "2.1.1"}), 3001),
    "details_are_a_list": (DETAILS, Reply.ocpi([]), 3001),
    "endpoints_are_a_text": (DETAILS, Reply.ocpi({"version": "2.1.1", "endpoints": "all"}), 3001),
    "details_url_is_none": (VERSIONS, Reply.ocpi([{"version": "2.1.1", "url": "http://[::1"}]), 3001),
    "details_url_of_another_scheme": (VERSIONS, Reply.ocpi([{"version": "2.1.1", "url": "file:///etc/passwd"}]), 3001),
    "other_versions_only": (VERSIONS, Reply.ocpi([{"version": "2.0", "url": "https://partner.example/2.0"}]), 3002),
    "no_versions": (VERSIONS, Reply.ocpi([]), 3002),
    "a_version_without_url": (VERSIONS, Reply.ocpi([{"version": "2.1.1"}]), 3001),
    "details_of_another_version": (DETAILS, Reply.ocpi({"version": "2.0", "endpoints": []}), 3001),
    "endpoints_that_nobody_may_call": (
        DETAILS,
        Reply.ocpi(
            {
                "version": "2.1.1",
                "endpoints": [
                    {"identifier": "credentials", "url": "file:///etc/passwd"},
                    {"identifier": "tokens", "url": "gopher://partner.example/"},
                ],
            }
        ),
        3003,
    ),
    "entries_that_are_no_versions": (VERSIONS, Reply.ocpi([None, 1, {"version": 211}]), 3002),
    "no_credentials_endpoint": (DETAILS, details_with("locations", "tokens"), 3003),
    "credentials_endpoint_only": (DETAILS, details_with("credentials"), 3003),
    "unknown_modules_only": (DETAILS, details_with("credentials", "parking"), 3003),
    "entries_that_are_no_endpoints": (DETAILS, Reply.ocpi({"endpoints": [None, 1, {"identifier": "tokens"}]}), 3003),
    "endpoint_urls_that_are_none": (
        DETAILS,
        Reply.ocpi({"endpoints": [{"identifier": name, "url": "http://[::1"} for name in MODULES]}),
        3003,
    ),
}


@pytest.mark.req("CR-23", "CR-24", "CR-25", "CR-26", "CR-27", "CR-28", "SC-06", "SC-07", "SC-08")
@pytest.mark.parametrize(("path", "reply", "status_code"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_client_that_cannot_be_used_is_refused_and_nothing_is_registered(
    candidate: PlayedPartner, its_invitation: Invited, operator: Operator, path: str, reply: Reply, status_code: int
) -> None:
    candidate.server.on("GET", path, reply)
    # That token A still opens our versions and credentials is what makes the next of these tests possible.
    answer = post(candidate, its_invitation)
    assert ocpi_status(answer) == (200, status_code)
    assert "data" not in answer.json()
    shown = operator.get(f"/partners/{its_invitation.partner_id}").json()
    assert (shown["status"], shown["party_id"], shown["endpoints"]) == ("INVITED", None, [])


@pytest.mark.req("CR-28")
@pytest.mark.parametrize(("path", "reply"), [(VERSIONS, Reply.ocpi(status_code=3000)), (VERSIONS, Reply.ocpi([]))])
def test_token_a_registers_after_a_failure(stranger: PlayedPartner, invited: Invited, path: str, reply: Reply) -> None:
    stranger.server.on("GET", path, reply)
    assert ocpi_status(post(stranger, invited))[1] in (3001, 3002)
    stranger.serve_versions()
    stranger.register(invited)


@pytest.mark.req("CR-22", "CR-28")
def test_a_client_that_cannot_be_reached_is_refused_and_may_try_again(
    stranger: PlayedPartner, invited: Invited
) -> None:
    with PartnerServer() as closed:
        url = f"{closed.url}/versions"
    assert ocpi_status(post(stranger, invited, url=url)) == (200, 3001)
    stranger.register(invited)


INVALID: dict[str, dict[str, Any]] = {
    **{f"no_{name}": {name: None} for name in ("token", "url", "business_details", "party_id", "country_code")},
    "long_token": {"token": "b" * 65},
    "long_url": {"url": f"https://partner.example/{'v' * 232}"},
    "long_party_id": {"party_id": "ABCD"},
    "long_country_code": {"country_code": "DEU"},
    "number_as_party_id": {"party_id": 123},
    "relative_url": {"url": "/ocpi/versions"},
    "file_url": {"url": "file:///etc/passwd"},
    "ftp_url": {"url": "ftp://partner.example/versions"},
    "empty_url": {"url": ""},
    "blank_token": {"token": "   "},
    "empty_token": {"token": ""},
    "token_with_a_line_break": {"token": "b\r\nHost: else"},
    "token_with_umlaut": {"token": "tökèn"},
    "no_name": {"business_details": {"website": "https://partner.example"}},
    "long_name": {"business_details": {"name": "n" * 101}},
    "business_details_as_text": {"business_details": "Partner"},
    "logo_as_text": {"business_details": {"name": "P", "logo": "https://partner.example/logo.png"}},
    "logo_without_url": {"business_details": {"name": "P", "logo": {"category": "OPERATOR", "type": "png"}}},
    "logo_of_no_category": {
        "business_details": {"name": "P", "logo": {"url": "https://a.example/l.png", "category": "X", "type": "png"}}
    },
    "logo_without_type": {
        "business_details": {"name": "P", "logo": {"url": "https://a.example/l.png", "category": "OPERATOR"}}
    },
}


@pytest.mark.req("CR-29", "CR-30", "CR-31", "CR-32")
@pytest.mark.parametrize("changes", INVALID.values(), ids=INVALID.keys())
def test_credentials_that_are_not_valid_are_refused_before_anybody_is_called(
    candidate: PlayedPartner, its_invitation: Invited, changes: dict[str, Any]
) -> None:
    body = {name: value for name, value in candidate.credentials(**changes).items() if value is not None}
    url = credentials_url(candidate, its_invitation)
    assert ocpi_status(candidate.call("POST", url, token=its_invitation.token, json=body)) == (200, 2001)
    assert candidate.server.requests == []


@pytest.mark.parametrize(
    ("content", "expected"), [(b"{", (400, 2001)), (b"[]", (200, 2001)), (b"", (400, 2001)), (b"null", (200, 2001))]
)
def test_a_body_that_is_no_object_uses_up_no_invitation(
    candidate: PlayedPartner, its_invitation: Invited, content: bytes, expected: tuple[int, int]
) -> None:
    url, json_type = credentials_url(candidate, its_invitation), {"Content-Type": "application/json"}
    answer = candidate.call("POST", url, token=its_invitation.token, content=content, headers=json_type)
    assert ocpi_status(answer) == expected
    assert candidate.get(its_invitation.versions_url, token=its_invitation.token).status_code == 200


@pytest.mark.req("CR-30", "CR-32")
def test_credentials_of_the_greatest_lengths_with_a_logo_are_taken(
    stranger: PlayedPartner, invited: Invited, operator: Operator
) -> None:
    path = "/" + "v" * (254 - len(stranger.server.url))
    details = f"{stranger.server.url}{DETAILS}"
    stranger.server.on("GET", path, Reply.ocpi([{"version": "2.1.1", "url": details}]))
    logo = {"url": "https://a.example/l.png", "category": "OPERATOR", "type": "png", "width": 64, "height": 64}
    business = {"name": "n" * 100, "website": "https://a.example", "logo": logo}
    given = {"token": "b" * 64, "url": f"{stranger.server.url}{path}", "business_details": business}
    assert ocpi_status(post(stranger, invited, **given)) == (200, 1000)
    assert operator.get(f"/partners/{invited.partner_id}").json()["business_details"] == business
    assert tokens_seen(stranger) == {f"Token {'b' * 64}"}


@pytest.mark.req("CR-37")
def test_of_concurrent_posts_with_one_token_a_exactly_one_succeeds(stranger: PlayedPartner, invited: Invited) -> None:
    url = credentials_url(stranger, invited)
    stranger.server.on("GET", VERSIONS, slow(stranger, 0.3))
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda n: stranger.call("POST", url, token=invited.token, json=stranger.credentials(token=f"b-{n}")),
                range(6),
            )
        )
    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert won.json()["status_code"] == 1000
    assert {answer.status_code for answer in answers} <= {200, 401, 405}
    assert stranger.get(url, token=won.json()["data"]["token"]).status_code == 200


def slow(partner: PlayedPartner, seconds: float) -> Reply:
    """The partner's versions, late."""
    return Reply.ocpi([{"version": "2.1.1", "url": f"{partner.server.url}{DETAILS}"}], wait=seconds)


@pytest.mark.req("CR-37", "CR-39")
def test_of_concurrent_posts_of_one_party_with_two_invitations_exactly_one_succeeds(
    stranger: PlayedPartner, operator: Operator
) -> None:
    invitations = [operator.invite("EMSP"), operator.invite("EMSP")]
    stranger.server.on("GET", VERSIONS, slow(stranger, 0.3))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda invited: ocpi_status(post(stranger, invited)), invitations))
    assert sorted(answers) == [(200, 1000), (200, 2001)]


@pytest.mark.req("CR-38")
def test_after_a_failed_put_the_old_registration_works_on(registered: PlayedPartner, operator: Operator) -> None:
    before = operator.get(f"/partners/{registered.partner_id}").json()
    registered.server.on("GET", DETAILS, Reply.ocpi(status_code=3000))
    answer = put(registered, token="b-2", business_details={"name": "Renamed"})
    assert ocpi_status(answer) == (200, 3001)
    assert registered.get(registered.endpoint("locations")).status_code == 200
    assert operator.get(f"/partners/{registered.partner_id}").json() == before
    registered.server.requests.clear()
    assert operator.delete(f"/partners/{registered.partner_id}").status_code == 502
    assert tokens_seen(registered) == {f"Token {registered.issued}"}


@pytest.mark.req("CR-39")
def test_a_party_that_another_partner_holds_is_refused_in_any_spelling(
    registered: PlayedPartner, operator: Operator
) -> None:
    another = operator.invite("EMSP")
    for country_code in (registered.country_code, registered.country_code.lower()):
        assert ocpi_status(post(registered, another, country_code=country_code)) == (200, 2001)
    assert registered.server.requests == []
    assert registered.get(registered.endpoint("locations")).status_code == 200
    assert operator.get(f"/partners/{another.partner_id}").json()["status"] == "INVITED"


@pytest.mark.req("CR-39")
def test_one_party_may_register_in_both_roles(registered: PlayedPartner, operator: Operator) -> None:
    with PlayedPartner("CPO", registered.country_code, registered.party_id) as other_role:
        other_role.register(operator.invite("CPO"))
        assert other_role.get(other_role.endpoint("tokens")).status_code == 200
        assert other_role.get(registered.endpoint("locations")).status_code == 401


@pytest.mark.req("CR-39")
def test_a_put_cannot_turn_a_registration_into_that_of_another_party(registered: PlayedPartner) -> None:
    assert ocpi_status(put(registered, party_id="ZZZ")) == (200, 2001)
    assert registered.server.requests == []


def test_a_party_in_small_letters_is_kept_in_capitals(
    stranger: PlayedPartner, invited: Invited, operator: Operator
) -> None:
    assert ocpi_status(post(stranger, invited, country_code="de")) == (200, 1000)
    assert operator.get(f"/partners/{invited.partner_id}").json()["country_code"] == "DE"


@pytest.mark.req("CR-22", "CR-40")
def test_a_post_ends_in_bounded_time_when_callbacks_hang_or_drip(operator: Operator) -> None:
    """Both at once, since each takes the whole ten seconds."""
    drip = Reply(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b" "] * 100], pause=0.2)
    invitations = [operator.invite("EMSP"), operator.invite("EMSP")]
    with PlayedPartner("EMSP", "DE", "HNG") as hanging, PlayedPartner("EMSP", "DE", "DRP") as dripping:
        hanging.server.on("GET", VERSIONS, Reply(wait=60))
        dripping.server.on("GET", DETAILS, drip)
        started = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(post, (hanging, dripping), invitations))
        assert [ocpi_status(answer) for answer in answers] == [(200, 3001), (200, 3001)]
        assert time.monotonic() - started < 13
        for partner, invited in zip((hanging, dripping), invitations, strict=True):
            assert partner.get(invited.versions_url, token=invited.token).status_code == 200


def test_an_invitation_ends_when_its_time_is_over(stranger: PlayedPartner, operator: Operator) -> None:
    invited = operator.invite("EMSP", expires_in=1)
    url = credentials_url(stranger, invited)
    time.sleep(1.05)
    assert stranger.get(invited.versions_url, token=invited.token).status_code == 401
    assert stranger.call("POST", url, token=invited.token, json=stranger.credentials()).status_code == 401
    assert stranger.server.requests == []


def test_a_revoked_invitation_opens_nothing(stranger: PlayedPartner, invited: Invited, operator: Operator) -> None:
    assert operator.delete(f"/partners/{invited.partner_id}").status_code == 204
    assert stranger.get(invited.versions_url, token=invited.token).status_code == 401


def test_tokens_are_understood_in_base64_too(stranger: PlayedPartner, invited: Invited) -> None:
    def encoded(token: str) -> str:
        return base64.b64encode(token.encode()).decode()

    url = stranger.discover(invited.versions_url, encoded(invited.token))["credentials"]
    answer = stranger.call("POST", url, token=encoded(invited.token), json=stranger.credentials())
    token_c = answer.json()["data"]["token"]
    assert stranger.get(url, token=encoded(token_c)).json()["data"]["token"] == token_c
    assert stranger.get(url, token=token_c).json()["data"]["token"] == token_c


@pytest.mark.parametrize(
    ("encoding", "seen"), [("auto", ["plain", "base64", "base64"]), ("base64", ["base64", "base64"])]
)
def test_a_partner_that_wants_base64_is_called_back_in_base64(
    stranger: PlayedPartner, invited: Invited, operator: Operator, encoding: str, seen: list[str]
) -> None:
    spelled = {
        f"Token {stranger.issued}": "plain",
        f"Token {base64.b64encode(stranger.issued.encode()).decode()}": "base64",
    }
    versions = Reply.ocpi([{"version": "2.1.1", "url": f"{stranger.server.url}{DETAILS}"}])
    refused = Reply.ocpi(status=401, status_code=2000)
    stranger.server.on(
        "GET",
        VERSIONS,
        lambda request: versions if spelled[request.headers["authorization"]] == "base64" else refused,
    )
    operator.patch(f"/partners/{invited.partner_id}", json={"settings": {"token_encoding": encoding}})
    stranger.register(invited)
    assert [spelled[request.headers["authorization"]] for request in stranger.server.requests] == seen


def test_a_partner_that_takes_plain_tokens_only_is_refused_when_it_wants_base64(
    stranger: PlayedPartner, invited: Invited, operator: Operator
) -> None:
    stranger.server.on("GET", VERSIONS, Reply.ocpi(status=401, status_code=2000))
    operator.patch(f"/partners/{invited.partner_id}", json={"settings": {"token_encoding": "plain"}})
    assert ocpi_status(post(stranger, invited)) == (200, 3001)
    assert tokens_seen(stranger) == {f"Token {stranger.issued}"}


def test_a_suspended_partner_is_shut_out_until_it_is_let_in_again(
    registered: PlayedPartner, operator: Operator
) -> None:
    path = f"/partners/{registered.partner_id}"
    assert operator.patch(path, json={"status": "SUSPENDED"}).json()["status"] == "SUSPENDED"
    for url in registered.endpoints.values():
        assert ocpi_status(registered.get(url)) == (403, 2000)
    assert ocpi_status(put(registered, token="b-2"))[0] == 403
    assert registered.server.requests == []
    assert operator.patch(path, json={"status": "REGISTERED"}).json()["status"] == "REGISTERED"
    assert registered.get(registered.endpoint("locations")).status_code == 200


@pytest.mark.req("CR-48")
def test_no_token_is_ever_printed_or_kept_in_clear(gateway: Gateway, stranger: PlayedPartner) -> None:
    with Operator(gateway) as operator:
        invited = operator.invite("EMSP")
        stranger.issued = "a-token-b-that-is-long-enough-to-be-found"
        stranger.server.on(
            "GET", VERSIONS, Reply.ocpi(status_code=3000, status_message=f"{stranger.issued} is not taken")
        )
        refused = post(stranger, invited)
        assert ocpi_status(refused) == (200, 3001)
        stranger.serve_versions()
        stranger.register(invited)
        token_c = str(stranger.token)
        token_d = put(stranger).json()["data"]["token"]
        stranger.get(stranger.endpoint("locations"), token=f"{token_d}-wrong")
        operator.delete(f"/partners/{stranger.partner_id}?force=true")
    secrets = [invited.token, stranger.issued, token_c, token_d]
    kept = b"".join(file.read_bytes() for file in gateway.data.iterdir() if file.name.startswith("ocpi.db"))
    assert kept
    for secret in secrets:
        assert secret not in gateway.output()
        assert secret not in refused.text
        assert secret.encode() not in kept
