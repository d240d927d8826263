"""What of a partner's versions, version details and credentials can be used, and what is said of the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.errors import PartnerFailed
from ocpi.exchanges.outbound import About
from ocpi.registration.partner_api import MODULES, PartnerApi, connection, endpoint_url
from tests.unit.registration.scripted import (
    BASE,
    CREDENTIALS,
    DETAILS,
    VERSIONS,
    Scripted,
    details,
    endpoints,
    ocpi,
    plain,
    unreachable,
    willing,
)

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer


def api(partner: Scripted) -> PartnerApi:
    return PartnerApi.within(cast("Any", partner), "token-b", seconds=5)


def failure(partner: Scripted) -> PartnerFailed:
    with pytest.raises(PartnerFailed) as failed:
        api(partner).discover(VERSIONS, "2.1.1")
    return failed.value


def said(error: PartnerFailed) -> tuple[Any, ...]:
    return error.step, int(error.status_code), error.http_status, error.ocpi_status, str(error)


def test_versions_and_details_are_read_with_the_token_and_named_in_the_log() -> None:
    partner = willing()
    assert api(partner).discover(VERSIONS, "2.1.1") == tuple(endpoints("credentials", "tokens"))
    assert partner.requests == ["GET /versions token-b", "GET /2.1.1 token-b"]
    assert [each["about"] for each in partner.asked] == [About(None, "versions"), About(None, "version_details")]
    assert [each["body"] for each in partner.asked] == [None, None]


@pytest.mark.parametrize(
    "versions",
    [
        [{"version": "2.1.1", "url": DETAILS}],
        [{"version": "2.0", "url": "x"}, {"version": "2.1.1", "url": DETAILS}, "2.1.1", {"version": 2}, None],
        {"versions": [{"version": "2.1.1", "url": DETAILS}]},
        [{"version": "2.1.1", "url": "2.1.1"}],
        [{"version": "2.1.1", "url": "/ocpi/2.1.1"}],
    ],
)
def test_versions_are_understood_as_partners_write_them(versions: Any) -> None:
    partner = willing(GET_versions=ocpi(versions))
    assert api(partner).discover(VERSIONS, "2.1.1")
    assert partner.asked[1]["url"] == DETAILS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ocpi("2.1.1"), (3001, "versions: the versions are not a list; it answered: ")),
        (ocpi({"version": []}), (3001, "versions: the versions are not a list; it answered: ")),
        (ocpi(), (3001, "versions: the answer holds no data; it answered: ")),
        (ocpi([]), (3002, "the partner does not offer version 2.1.1")),
        (ocpi([{"version": "2.2", "url": DETAILS}]), (3002, "the partner does not offer version 2.1.1")),
        (ocpi([{"version": "2.1.1"}]), (3001, "versions: the URL of version 2.1.1 cannot be read; it answered: ")),
        (
            ocpi([{"version": "2.1.1", "url": "http://[x"}]),
            (3001, "versions: the URL of version 2.1.1 cannot be read; it answered: "),
        ),
    ],
)
def test_versions_that_cannot_be_used_say_why(answer: Answer, expected: tuple[int, str]) -> None:
    partner = willing(GET_versions=answer)
    step, code, http_status, ocpi_status, text = said(failure(partner))
    assert (step, http_status, ocpi_status) == ("versions", 200, 1000)
    quoted = answer.body.decode() if "answered" in expected[1] else ""
    assert (code, text) == (expected[0], expected[1] + quoted)
    assert len(partner.asked) == 1


NEEDED = (
    "version 2.1.1 of the partner must have a credentials endpoint and at least one of "
    "cdrs, commands, locations, sessions, tariffs, tokens; it has: "
)


@pytest.mark.parametrize(
    ("listed", "has"),
    [
        ([], "none"),
        (endpoints("credentials"), "credentials"),
        (endpoints("tokens", "locations"), "locations, tokens"),
        (endpoints("credentials", "hubclientinfo"), "credentials, hubclientinfo"),
    ],
)
def test_credentials_and_another_module_are_needed(listed: Any, has: str) -> None:
    partner = willing(GET_details=ocpi({"version": "2.1.1", "endpoints": listed}))
    assert said(failure(partner)) == ("version_details", 3003, 200, 1000, NEEDED + has)


def test_any_module_beside_credentials_is_enough() -> None:
    assert {"cdrs", "commands", "locations", "sessions", "tariffs", "tokens"} == MODULES
    for module in MODULES:
        partner = willing(GET_details=details("credentials", module))
        assert endpoint_url(api(partner).discover(VERSIONS, "2.1.1"), module) == f"{DETAILS}/{module}"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"version": "2.2", "endpoints": endpoints("credentials", "tokens")}, "are not those of version 2.1.1"),
        ({"version": None, "endpoints": endpoints("credentials", "tokens")}, "are not those of version 2.1.1"),
        ({"version": "2.1.1"}, "hold no list of endpoints"),
        ({"version": "2.1.1", "endpoints": {}}, "hold no list of endpoints"),
        ([], "hold no list of endpoints"),
    ],
)
def test_details_that_cannot_be_used_say_why(data: Any, why: str) -> None:
    answer = ocpi(data)
    expected = f"version_details: the version details {why}; it answered: {answer.body.decode()}"
    assert said(failure(willing(GET_details=answer))) == ("version_details", 3001, 200, 1000, expected)


def test_of_the_endpoints_only_those_count_that_can_be_used_and_of_two_the_first() -> None:
    longest = f"{BASE}/" + "x" * (255 - len(BASE) - 1)
    listed = [
        *({"identifier": "credentials", "url": "/ocpi/2.1.1/credentials", "role": "SENDER"}, "tokens", None, {}),
        {"identifier": "credentials", "url": f"{BASE}/second"},
        {"identifier": "tokens", "url": longest},
        {"identifier": "cdrs", "url": f"{longest}x"},
        {"identifier": "sessions", "url": ""},
        {"identifier": "sessions", "url": 5},
        {"identifier": "sessions", "url": "http://[x"},
        {"identifier": 5, "url": DETAILS},
        {"identifier": "tariffs", "url": "https://10.0.0.1/tariffs"},
    ]
    partner = willing(GET_details=ocpi({"endpoints": listed}))
    partner.forbidden = ("https://10.",)
    assert len(longest) == 255
    assert api(partner).discover(VERSIONS, "2.1.1") == (
        {"identifier": "credentials", "url": CREDENTIALS},
        {"identifier": "tokens", "url": longest},
    )


@pytest.mark.parametrize("place", ["GET_versions", "GET_details"])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (unreachable("timeout", "no complete answer"), (None, None, "no complete answer")),
        (ocpi(http_status=401, status_code=2000, status_message="who?"), (401, 2000, "HTTP 401, OCPI 2000: who?")),
        (plain(b"<html>", 502), (502, None, "HTTP 502; it answered: <html>")),
        (plain(b"", 404), (404, None, "HTTP 404")),
        (plain(b"x" * 301, 500), (500, None, f"HTTP 500; it answered: {'x' * 299}…")),
    ],
)
def test_a_step_that_fails_is_named_and_quotes_what_came(place: str, answer: Any, why: tuple[Any, ...]) -> None:
    error = failure(willing(**{place: answer}))
    step = "versions" if place == "GET_versions" else "version_details"
    assert said(error) == (step, 3001, why[0], why[1], f"{step}: {why[2]}")
    assert error.__cause__ is (answer if isinstance(answer, Exception) else None)


def test_credentials_are_sent_as_json_and_named_in_the_log() -> None:
    partner = willing()
    sent = {"token": "token-x", "url": "u"}
    assert api(partner).credentials("POST", CREDENTIALS, sent).http_status == 200
    assert api(partner).credentials("DELETE", CREDENTIALS).http_status == 200
    first, second = partner.asked
    assert (first["method"], json.loads(first["body"]), second["body"]) == ("POST", sent, None)
    assert {each["about"] for each in partner.asked} == {About(None, "credentials")}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (plain({"error": "no token-x"}, 400), 'HTTP 400; it answered: {"error": "no …"}'),
        (plain({"error": "no token-x"}, 399), "HTTP 399"),
        (ocpi({"token": "their-own"}, 3001), "OCPI 3001"),
        (ocpi(status_code=3001, status_message="token-x?"), "OCPI 3001: …?"),
    ],
)
def test_a_refusal_of_credentials_shows_neither_our_token_nor_what_may_be_theirs(answer: Answer, text: str) -> None:
    with pytest.raises(PartnerFailed) as failed:
        api(willing(PUT=answer)).credentials("PUT", CREDENTIALS, {"token": "token-x"})
    assert (failed.value.step, str(failed.value)) == ("credentials", f"credentials: {text}")


def test_a_module_that_is_not_listed_has_no_url() -> None:
    assert endpoint_url(tuple(endpoints("tokens", "cdrs")), "cdrs") == f"{DETAILS}/cdrs"
    assert endpoint_url(tuple(endpoints("tokens")), "cdrs") is None


def test_a_connection_is_what_credentials_and_api_say() -> None:
    given = {"business_details": {"name": "x"}, "url": VERSIONS, "token": "plain", "party_id": "ABC"}
    listed = tuple(endpoints("tokens"))
    assert connection(given, listed, "2.1.1", "sealed") == {
        "version": "2.1.1",
        "business_details": {"name": "x"},
        "versions_url": VERSIONS,
        "endpoints": listed,
        "token": "sealed",
    }
