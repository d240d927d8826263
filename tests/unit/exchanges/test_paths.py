from __future__ import annotations

import pytest

from ocpi.exchanges.paths import RedactedPath, inbound_path, outbound_path, redacted_query, unknown_path
from tests.support.ocpi_routes import module_routes

UID = "04A1B2C3"
OBJECT = "{country_code:segment}/{party_id:segment}"
HOST = "https://emsp.example:8443"
ENDPOINTS = [
    {"identifier": module, "url": f"{HOST}/ocpi/2.1.1/{module}/"}
    for module in ("locations", "sessions", "cdrs", "tariffs", "commands", "credentials")
] + [{"identifier": "tokens", "url": f"{HOST}/ocpi/2.1.1/tokens?x=1"}]


@pytest.mark.parametrize(
    ("route", "parameters", "shown"),
    [
        ("/ocpi/cpo/versions", {}, RedactedPath("/ocpi/cpo/versions")),
        (
            f"/ocpi/emsp/2.1.1/sessions/{OBJECT}/{{session_id:segment}}",
            {"country_code": "DE", "party_id": "ABC", "session_id": "S 1/2"},
            RedactedPath("/ocpi/emsp/2.1.1/sessions/DE/ABC/S%201%2F2", "sessions", "S 1/2"),
        ),
        (
            f"/ocpi/emsp/2.1.1/locations/{OBJECT}/{{location_id:segment}}/{{evse_uid:segment}}",
            {"country_code": "DE", "party_id": "ABC", "location_id": "L1", "evse_uid": "E1"},
            RedactedPath("/ocpi/emsp/2.1.1/locations/DE/ABC/L1/E1", "locations", "L1"),
        ),
        (
            f"/ocpi/cpo/2.1.1/tokens/{OBJECT}/{{token_uid:segment}}",
            {"country_code": "DE", "party_id": "ABC", "token_uid": UID},
            RedactedPath("/ocpi/cpo/2.1.1/tokens/DE/ABC/…", "tokens", None, UID),
        ),
        (
            "/ocpi/emsp/2.1.1/tokens/{token_uid:segment}/authorize",
            {"token_uid": UID},
            RedactedPath("/ocpi/emsp/2.1.1/tokens/…/authorize", "tokens", None, UID),
        ),
        (
            "/ocpi/emsp/2.1.1/cdrs/{cdr_id:segment}",
            {"cdr_id": "x" * 500},
            RedactedPath(f"/ocpi/emsp/2.1.1/cdrs/{'x' * 100}…", "cdrs"),
        ),
    ],
)
def test_a_path_to_us_shows_objects_and_no_uid(route: str, parameters: dict[str, str], shown: RedactedPath) -> None:
    assert inbound_path(route, parameters, {}) == shown


def test_no_route_of_ours_shows_the_uid_of_a_token() -> None:
    for route in module_routes():
        spelled = route.path.replace("}", ":segment}")
        given = {name: UID if name == "token_uid" else f"the-{name}" for name in route.parameters}
        path = inbound_path(spelled, given, {"type": UID, "limit": UID, UID: "1"})
        assert UID not in path.text, route
        assert (path.secret == UID) is ("token_uid" in route.parameters)
        for name in set(route.parameters) - {"token_uid"}:
            assert f"the-{name}" in path.text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/ocpi/cpo/2.1.1/tokens/DE/{UID}", "/ocpi/cpo/2.1.1/tokens/…/…"),
        (f"/{UID}", "/…"),
        ("/ocpi/cpo/2.2.1/locations", "/ocpi/cpo/2.2.1/locations"),
        ("/", "/"),
        ("", "/"),
        ("/x" * 100, "/…" * 12),
    ],
)
def test_of_an_unknown_path_only_words_of_ocpi_are_shown(path: str, shown: str) -> None:
    assert unknown_path(path) == RedactedPath(shown)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ([("limit", "100"), ("offset", "0")], "?limit=100&offset=0"),
        (
            [("date_from", "2026-01-01T00:00:00Z"), ("date_to", "2026-01-01")],
            "?date_from=2026-01-01T00:00:00Z&date_to=2026-01-01",
        ),
        ([("date_from", UID), ("limit", UID), ("offset", "9" * 8)], "?date_from=…&limit=…&offset=…"),
        ([("type", "RFID"), ("token_type", "OTHER")], "?type=RFID&token_type=OTHER"),
        ([("type", UID)], "?type=…"),
        ([("cursor", "abc"), ("token", UID)], "?cursor=…&token=…"),
        ([(UID, "")], "?…=…"),
        ([], ""),
    ],
)
def test_of_a_query_only_harmless_values_are_shown(query: list[tuple[str, str]], shown: str) -> None:
    assert redacted_query(query) == shown


@pytest.mark.parametrize(
    ("rest", "shown", "module", "object_id", "secret"),
    [
        ("sessions/NL/EXA/S-1", "sessions/NL/EXA/S-1", "sessions", "S-1", None),
        ("sessions/NL/EXA/S-1/", "sessions/NL/EXA/S-1/", "sessions", "S-1", None),
        ("locations/NL/EXA/L1/E1/1", "locations/NL/EXA/L1/E1/1", "locations", "L1", None),
        ("locations", "locations", "locations", None, None),
        ("locations?limit=5&cursor=x", "locations?limit=5&cursor=…", "locations", None, None),
        ("cdrs/C%201", "cdrs/C%201", "cdrs", "C 1", None),
        ("commands/START_SESSION", "commands/START_SESSION", "commands", None, None),
        (f"commands/START_SESSION/{UID}", "commands/START_SESSION/…", "commands", None, None),
        (f"commands/{UID}", "commands/…", "commands", None, None),
        ("credentials", "credentials", "credentials", None, None),
        (f"credentials/{UID}", "credentials/…", "credentials", None, None),
        (f"tokens/NL/EXA/{UID}?type=RFID", "tokens/NL/EXA/…?type=RFID", "tokens", None, UID),
        (f"tokens/{UID}/authorize?type=RFID", "tokens/…/authorize?type=RFID", "tokens", None, UID),
        ("tokens/a%2Fb/authorize/", "tokens/…/authorize/", "tokens", None, "a/b"),
        (f"tokens/{UID}", "tokens/…", "tokens", None, UID),
        (f"tokens/{UID}/x/y", "tokens/…/…/…", "tokens", None, "y"),
        (f"tokens/NL/EXA/x/{UID}", "tokens/…/…/…/…", "tokens", None, "x"),
    ],
)
def test_below_an_endpoint_of_the_partner_objects_are_shown_and_no_uid(
    rest: str, shown: str, module: str, object_id: str | None, secret: str | None
) -> None:
    path = outbound_path(f"{HOST}/ocpi/2.1.1/{rest}", ENDPOINTS)
    assert path == RedactedPath(f"{HOST}/ocpi/2.1.1/{shown}", module, object_id, secret)


@pytest.mark.parametrize(
    ("url", "module", "shown"),
    [
        (f"{HOST}/answers/{UID}?x={UID}", None, f"{HOST}/…"),
        (f"{HOST}/ocpi/2.1.1/tokensof/{UID}", None, f"{HOST}/…"),
        (f"https://other.example/ocpi/2.1.1/sessions/NL/EXA/{UID}", None, "https://other.example/…"),
        (f"https://user:{UID}@emsp.example/x", None, "https://emsp.example/…"),
        (
            f"https://user:{UID}@emsp.example/ocpi/versions?key={UID}",
            "versions",
            "https://emsp.example/ocpi/versions?key=…",
        ),
        ("https://emsp.example/ocpi/2.1.1", "version_details", "https://emsp.example/ocpi/2.1.1"),
        ("https://emsp.example", None, "https://emsp.example"),
        ("https://[x/", None, "…"),
    ],
)
def test_of_any_other_url_the_host_is_shown(url: str, module: str | None, shown: str) -> None:
    assert outbound_path(url, ENDPOINTS, module).text == shown


def test_an_endpoint_that_is_no_url_is_passed_over() -> None:
    broken = [{"identifier": "tokens", "url": "https://[x/"}]
    assert outbound_path(f"{HOST}/a", broken).text == f"{HOST}/…"
