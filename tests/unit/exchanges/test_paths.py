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


MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens", "commands", "credentials")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_known_by_its_word_in_the_route_and_its_object_by_its_parameter(module: str) -> None:
    names = {"locations": "location_id", "sessions": "session_id", "cdrs": "cdr_id", "tariffs": "tariff_id"}
    parameter = {**names, "tokens": "token_uid", "commands": "command_id"}.get(module, "none")
    found = inbound_path(f"/ocpi/cpo/2.1.1/{module}/{{{parameter}:segment}}", {parameter: "X1"}, {})
    hidden = module == "tokens"
    assert (found.module, found.object_id, found.secret) == (
        module,
        None if hidden or module == "credentials" else "X1",
        "X1" if hidden else None,
    )
    assert found.text == f"/ocpi/cpo/2.1.1/{module}/{'…' if hidden else 'X1'}"
    assert unknown_path(f"/{module}").text == f"/{module}"


def test_a_parameter_that_is_not_given_is_left_empty_and_the_query_follows() -> None:
    assert inbound_path("/a/{b:segment}/c", {}, {"limit": "1"}) == RedactedPath("/a//c?limit=1")


@pytest.mark.parametrize("length", [100, 101])
def test_an_id_has_a_hundred_characters_at_most(length: int) -> None:
    found = inbound_path("/cdrs/{cdr_id:segment}", {"cdr_id": "x" * length}, {})
    assert found.object_id == ("x" * 100 if length == 100 else None)
    assert found.text == "/cdrs/" + "x" * 100 + ("" if length == 100 else "…")


@pytest.mark.parametrize(
    "word", ["ocpi", "cpo", "emsp", "versions", "authorize", "credentials", "2.1.1", "2.0", "9.9", *MODULES]
)
def test_words_of_ocpi_are_shown_of_any_path_and_nothing_like_them(word: str) -> None:
    assert unknown_path(f"//{word}/").text == f"/{word}"
    assert unknown_path(f"/{word}x").text == "/…"


@pytest.mark.parametrize("word", ["0.1", "2", "2.1.1.1", "22.1", "OCPI"])
def test_what_is_no_version_is_hidden(word: str) -> None:
    assert unknown_path(f"/{word}").text == "/…"


@pytest.mark.parametrize(
    ("name", "value", "is_shown"),
    [
        ("limit", "1234567", True),
        ("limit", "12345678", False),
        ("limit", "", False),
        ("offset", "0", True),
        ("date_from", "2026-01-01", True),
        ("date_from", "2026-01-01 10:00:00+02:00", True),
        ("date_from", "2026-01-01T10:00:00.123456Z", True),
        ("date_from", "2026-01-01T10:00:00 02:00", True),
        ("date_to", "2026-01-01T10:00:00-02:00", True),
        ("date_to", "2026-01-01T" + "1" * 19, False),
        ("date_to", "1234567", False),
        ("type", "RFID", True),
        ("token_type", "OTHER", True),
        ("type", "rfid", False),
        ("other", "1", False),
        ("x" * 30, "1", False),
    ],
)
def test_a_value_is_shown_if_it_looks_like_what_it_should_be(name: str, value: str, is_shown: bool) -> None:
    assert redacted_query([(name, value)]) == f"?{name}={value if is_shown else '…'}"


@pytest.mark.parametrize("name", ["x" * 31, "X", "a1", "a-b", ""])
def test_a_name_that_no_parameter_has_is_hidden(name: str) -> None:
    assert redacted_query([(name, "1")]) == "?…=…"


def test_of_a_long_query_the_first_twenty_are_shown() -> None:
    assert redacted_query([("limit", "1")] * 21) == "?" + "&".join(["limit=1"] * 20)


def test_the_closest_endpoint_is_the_one_and_none_is_beside_itself() -> None:
    listed = [
        {"identifier": "tokens", "url": f"{HOST}/a/b"},
        {"identifier": "credentials", "url": f"{HOST}/a"},
        {"identifier": "sessions", "url": "https://user@emsp.example/s"},
    ]
    assert outbound_path(f"{HOST}/a/b/c", listed).module == "tokens"
    assert outbound_path(f"{HOST}/a/c", listed) == RedactedPath(f"{HOST}/a/…", "credentials")
    assert outbound_path(f"{HOST}/ab", listed) == RedactedPath(f"{HOST}/…")
    assert outbound_path("https://emsp.example/s/S-1", listed).object_id == "S-1"
    assert outbound_path(f"{HOST.replace('https', 'http')}/a", listed).module is None


@pytest.mark.parametrize(
    ("rest", "shown", "object_id"),
    [("L1", "L1", "L1"), ("NL/L1", "NL/L1", None), ("NL/EXA/L1", "NL/EXA/L1", "L1"), ("", "", None)],
)
def test_an_object_is_the_only_segment_or_the_third(rest: str, shown: str, object_id: str | None) -> None:
    found = outbound_path(f"{HOST}/ocpi/2.1.1/locations/{rest}", ENDPOINTS)
    assert found == RedactedPath(f"{HOST}/ocpi/2.1.1/locations/{shown}", "locations", object_id)


@pytest.mark.parametrize(
    ("rest", "shown", "secret"),
    [
        ("NL/EXA/X", "NL/EXA/…", "X"),
        ("NLD/EXA/X", "…/…/…", "X"),
        ("NL/EXAM/X", "…/…/…", "X"),
        ("X/authorise", "…/…", None),
        ("X/Y", "…/…", None),
        ("N%2F/EXA/X", "N%2F/EXA/…", "X"),
    ],
)
def test_of_a_token_whose_it_is_is_shown_where_it_looks_so(rest: str, shown: str, secret: str | None) -> None:
    found = outbound_path(f"{HOST}/ocpi/2.1.1/tokens/{rest}", ENDPOINTS)
    assert found == RedactedPath(f"{HOST}/ocpi/2.1.1/tokens/{shown}", "tokens", None, secret)


@pytest.mark.parametrize("command", ["A" * 40, "A" * 41, "a", ""])
def test_a_command_is_a_word_in_capitals(command: str) -> None:
    shown = command if command in ("A" * 40, "") else "…"
    found = outbound_path(f"{HOST}/ocpi/2.1.1/commands/{command}", ENDPOINTS)
    assert found.text == f"{HOST}/ocpi/2.1.1/commands/{shown}"


@pytest.mark.parametrize(
    ("module", "kept"), [("versions", None), ("version_details", None), ("credentials", "credentials")]
)
def test_a_step_of_the_handshake_is_shown_whole(module: str, kept: str | None) -> None:
    found = outbound_path("https://emsp.example/x/y?limit=1&token=t", (), module)
    assert found == RedactedPath("https://emsp.example/x/y?limit=1&token=…", kept)
    assert outbound_path("https://emsp.example/x", (), "sessions").text == "https://emsp.example/…"
    assert outbound_path("https://emsp.example/", (), None).text == "https://emsp.example/"


def test_a_blank_value_of_a_url_is_hidden_as_any_other() -> None:
    assert outbound_path("https://emsp.example/x?cursor=", (), "versions").text == "https://emsp.example/x?cursor=…"
