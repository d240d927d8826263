from __future__ import annotations

import json
from typing import Any

import pytest

from ocpi.exchanges.blots import Blots
from ocpi.exchanges.bodies import MOST_BYTES, explanation, posted_id, sentence
from tests.support.party import FIXTURES, fixture

UID, AUTH, VISUAL = "04A1B2C3D4", "DE8ACC12E46L89", "DF000-2001-8999"


def explained(request: Any, answer: Any = None, module: str | None = None, *secrets: str) -> Any:
    blots = Blots()
    for secret in secrets:
        blots.add(secret)
    bodies = [b"" if body is None else json.dumps(body).encode() for body in (request, answer)]
    text = explanation(bodies[0], bodies[1], module, blots)
    return None if text is None else json.loads(text)


def test_what_explains_a_refusal_stays_readable() -> None:
    session = {"id": "S-1", "kwh": 1.5, "auth_id": AUTH, "auth_method": "WHITELIST", "status": "ACTIVE"}
    answer = {"status_code": 2001, "status_message": "/kwh: must not be negative", "timestamp": "2026-01-01T00:00:00Z"}
    assert explained(session, answer, "sessions") == {"request": {**session, "auth_id": "…"}, "answer": answer}


def test_a_value_found_under_a_secret_name_is_hidden_wherever_it_stands() -> None:
    answer = {"status_message": f"auth_id {AUTH.lower()} is unknown", "data": {"seen": AUTH}}
    shown = explained({"auth_id": AUTH}, answer, "sessions")
    assert shown["answer"] == {"status_message": "auth_id … is unknown", "data": {"seen": "…"}}


@pytest.mark.parametrize("module", ["tokens", "commands", "credentials", None])
@pytest.mark.parametrize(
    "body",
    [
        {"uid": UID},
        {"Uid": UID, "AUTH_ID": AUTH, "visualNumber": VISUAL},
        {"card": {"number": UID}},
        {"my_own_name": UID},
        {UID: 1},
        {"token": UID},
        {"token": {"uid": UID, "anything": VISUAL, "deep": [{"er": AUTH}]}},
        {"uid": [UID, {"x": UID}]},
        {"x": [[UID]]},
        [UID],
        UID,
        {"response_url": f"https://x.example/{UID}"},
    ],
)
def test_messages_about_tokens_show_only_what_is_known_to_be_harmless(body: Any, module: str | None) -> None:
    text = json.dumps(explained(body, {"data": body, "status_code": 2001}, module), ensure_ascii=False)
    assert not [secret for secret in (UID, AUTH, VISUAL) if secret in text]
    assert "2001" in text


@pytest.mark.parametrize(
    "name", ["uid", "auth_id", "visual_number", "contract_id", "issuer", "token", "rfidTag", "idTag"]
)
@pytest.mark.parametrize("value", [UID, 4711471147114711])
def test_secret_names_are_hidden_in_objects_too(name: str, value: Any) -> None:
    for module in ("locations", "sessions", "cdrs", "tariffs"):
        shown = explained({"id": "X", "inner": {name: value}}, None, module)["request"]
        assert shown == {"id": "X", "inner": {name: "…"}}


def test_the_uid_of_an_evse_is_not_the_uid_of_a_card() -> None:
    location = {"id": "L1", "evses": [{"uid": "EVSE-1"}]}
    assert explained(location, None, "locations") == {"request": location}


def test_a_token_sent_to_the_wrong_module_is_hidden_all_the_same() -> None:
    assert explained({"uid": UID}, None, "locations") == {"request": {"uid": "…"}}


def test_every_example_of_the_specification_hides_its_cards() -> None:
    for path in sorted(FIXTURES.glob("*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        for module in ("locations", "sessions", "cdrs", "tariffs", "tokens", "commands", None):
            text = json.dumps(explained(value, None, module), ensure_ascii=False)
            for secret in _secrets(value):
                assert secret not in text, (path.name, module)


def _secrets(value: Any) -> list[str]:
    if isinstance(value, list):
        return [secret for each in value for secret in _secrets(each)]
    if not isinstance(value, dict):
        return []
    named = [
        str(member)
        for name, member in value.items()
        if name in ("auth_id", "visual_number", "response_url") or (name == "token" and isinstance(member, str))
    ]
    if "whitelist" in value:
        named.append(value["uid"])
    return named + [secret for member in value.values() for secret in _secrets(member)]


@pytest.mark.parametrize("body", [b"<html>04A1B2C3D4</html>", b'{"uid": "04A1B2C3D4"', b"\xff\xfe", b"x" * 100_000])
def test_of_what_is_no_json_only_the_length_is_kept(body: bytes) -> None:
    shown = json.loads(str(explanation(body, b"", "tokens", Blots())))
    assert shown["request"].startswith(f"{len(body)} bytes, ")
    assert UID not in shown["request"]


def test_nothing_is_kept_of_nothing() -> None:
    assert explanation(b"", b" ", None, Blots()) is None


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("letter", ["x", "é", "😀", '"', "\\"])
def test_long_bodies_are_cut_and_stay_json(letter: str) -> None:
    long = {"name": letter * 9000}
    text = explanation(_bytes(long), _bytes({"data": long}), "locations", Blots())
    assert text is not None
    assert len(text.encode()) <= MOST_BYTES
    assert set(json.loads(text)) == {"request", "answer"}
    assert letter in json.loads(text)["request"]


def test_a_token_given_as_secret_is_hidden_in_any_body() -> None:
    shown = explained({"name": "my token-b-secret"}, None, "locations", "token-b-secret")
    assert shown == {"request": {"name": "my …"}}


def test_numbers_keep_their_digits() -> None:
    text = explanation(b'{"total_cost": 1.10}', b"", "cdrs", Blots())
    assert text == '{"request":{"total_cost":1.10}}'


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (json.dumps(fixture("cdr_min", id="C-1")), "C-1"),
        ('{"id": 5}', None),
        ('{"id": "' + "x" * 101 + '"}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_id_of_a_posted_object_stands_in_its_body(body: str, found: str | None) -> None:
    assert posted_id(body) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"HTTP 400, OCPI 2001: {AUTH} is unknown", "HTTP 400, OCPI 2001: … is unknown"),
        (f"'{UID}' ({VISUAL}), \"{UID}\"", "'…' (…), \"…\""),
        (f"uid={UID}", "…"),
        ("/token/uid: must be at most 36 characters", "/token/uid: must be at most 36 characters"),
        ("/evse_uids/0: is unknown", "/evse_uids/0: is unknown"),
        (f"/{UID}: occurs twice", "… occurs twice"),
    ],
)
def test_words_lose_what_may_be_a_card_and_keep_pointers(text: str, shown: str) -> None:
    assert sentence(text, Blots()) == shown


@pytest.mark.parametrize("text", ["who is SESSION-0001?", "session-0001: unknown", 'no "SESSION-0001", sorry'])
def test_words_keep_the_id_of_the_object_at_hand(text: str) -> None:
    assert sentence(text, Blots(), "SESSION-0001") == text


def test_words_keep_times() -> None:
    text = "older than 2026-01-31T10:00:00.123Z, which came on 2026-02-01."
    assert sentence(text, Blots()) == text


@pytest.mark.parametrize("module", ["locations", "sessions", "cdrs", "tariffs", "tokens", None])
@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 2001, "status_message": f"who is {UID}"},
        {"status_code": 2001, "data": {"error": UID}},
        {"status_code": 2001, "data": [{"remark": f"cannot render session of card {UID}"}]},
        {"message": f"{UID}?"},
    ],
)
def test_no_module_s_answer_shows_a_card_that_it_quotes(answer: Any, module: str | None) -> None:
    assert UID not in json.dumps(explained({"id": "S-1"}, answer, module))


def test_what_a_partner_says_of_a_card_that_nobody_mentioned_is_hidden() -> None:
    shown = explained(None, {"status_code": 2001, "status_message": f"see {AUTH}", "data": [AUTH]}, "tokens")
    assert shown == {"answer": {"status_code": 2001, "status_message": "see …", "data": ["…"]}}


INSTANT = "2026-01-31T10:00:00Z"
SHOWN = {
    **dict.fromkeys(("status_message", "info", "text", "name", "website"), "word"),
    **dict.fromkeys(("location_id", "evse_uid", "evse_uids", "connector_id", "connector_ids", "session_id"), "word"),
    **dict.fromkeys(("timestamp", "last_updated", "expiry_date"), INSTANT),
    "type": "RFID",
    "valid": True,
    "whitelist": "ALLOWED_OFFLINE",
    "language": "en",
    "allowed": "NO_CREDIT",
    "result": "UNKNOWN_SESSION",
    "country_code": "NL",
    "party_id": "TNM",
    "version": "2.1.1",
    "versions": ["2.0"],
    "identifier": "tokens",
    "status_code": 2001,
    "reservation_id": 5,
}


@pytest.mark.parametrize(("name", "value"), SHOWN.items())
def test_of_messages_about_tokens_these_fields_are_shown(name: str, value: Any) -> None:
    assert explained({name: value}, None, "tokens") == {"request": {name: value}}


@pytest.mark.parametrize("name", ["kwh", "id", "url", "data", "x"])
def test_any_other_field_is_hidden_there_and_shown_elsewhere(name: str) -> None:
    assert explained({name: "word"}, None, "commands") == {"request": {name: "…"}}
    assert explained({name: "word"}, None, "locations") == {"request": {name: "word"}}


@pytest.mark.parametrize(
    "name",
    [
        *("token", "my_token", "AUTH_ID", "authorization", "Uid", "visual_number", "contract_id", "rfid", "card"),
        *("id_tag", "emaid", "EvcoID", "issuer", "client_secret", "password", "api_key", "cookie", "response_url"),
        "credentials",
    ],
)
def test_a_secret_name_is_known_in_any_spelling(name: str) -> None:
    assert explained({name: "somebody", "seen": "somebody"}, None, "sessions") == {
        "request": {name: "…", "seen": "somebody" if name == "issuer" else "…"}
    }


@pytest.mark.parametrize("name", ["auth_method", "authmethod", "evse_uid", "evse_uids", "token_type", "tokens"])
def test_a_harmless_name_is_no_secret(name: str) -> None:
    assert explained({name: "WORD"}, None, "sessions") == {"request": {name: "WORD"}}


def test_the_issuer_is_hidden_where_it_stands_only() -> None:
    """It is the name of a company, which may be a word of anything else."""
    shown = explained({"issuer": "TheNewMotion", "name": "TheNewMotion"}, None, "sessions")
    assert shown == {"request": {"issuer": "…", "name": "TheNewMotion"}}
    inner = explained({"issuer": {"uid": UID}, "name": UID}, None, "sessions")
    assert inner == {"request": {"issuer": {"uid": "…"}, "name": "…"}}


def test_a_uid_is_an_evses_only_in_a_list_of_evses() -> None:
    assert explained({"evses": {"uid": "E-1"}}, None, "locations") == {"request": {"evses": {"uid": "E-1"}}}
    assert explained({"evse": {"uid": "E-1"}}, None, "locations") == {"request": {"evse": {"uid": "…"}}}
    assert explained([[{"uid": "E-1"}]], None, "locations") == {"request": [[{"uid": "…"}]]}


@pytest.mark.parametrize("value", [None, True, False])
def test_what_says_yes_no_or_nothing_is_shown_everywhere(value: Any) -> None:
    for module in ("tokens", "sessions"):
        assert explained({"uid": value, "kwh": [value]}, None, module) == {"request": {"uid": value, "kwh": [value]}}


def test_a_number_that_is_a_secret_is_hidden_as_a_number() -> None:
    assert explained({"uid": 4711, "kwh": 4711, "cost": 5822}, None, "sessions")["request"] == {
        "uid": "…",
        "kwh": "…",
        "cost": 5822,
    }


@pytest.mark.parametrize("name", ["a" * 40, "a" * 41, "a1", "a-b", ""])
def test_a_name_that_no_field_has_is_hidden_with_its_value(name: str) -> None:
    shown = explained({name: "word"}, None, "locations")["request"]
    assert shown == ({name: "word"} if name == "a" * 40 else {"…": "…"})


def test_a_name_that_is_a_secret_itself_is_hidden() -> None:
    assert explained({"auth_id": "somebody", "somebody": 1}, None, "sessions") == {"request": {"auth_id": "…", "…": 1}}


@pytest.mark.parametrize(
    "name",
    [
        *("status_message", "text", "name", "message", "error", "errors", "reason", "detail", "details"),
        "description",
    ],
)
def test_words_about_anything_lose_what_may_be_a_card(name: str) -> None:
    assert explained({name: UID}, None, "sessions") == {"request": {name: "…"}}
    assert explained({"kind": UID}, None, "sessions") == {"request": {"kind": UID}}
    assert explained({"kind": f"a {UID}"}, None, "sessions") == {"request": {"kind": "a …"}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12345", "12345"),
        ("123456", "…"),
        ("abcdef", "abcdef"),
        ("/a/1: b", "/a/1: b"),
        ("/a_b/123", "/a_b/123"),
        ("/ab/1234", "…"),
        ("2026-01-31T10:00:00+02:00!", "2026-01-31T10:00:00+02:00!"),
        ("2026-01-31T10:00:00.123456789012Z", "…"),
        ("2026-01-31", "2026-01-31"),
        ("20260131", "…"),
        ("a,b1c2d3e;", "a,…;"),
    ],
)
def test_a_word_of_six_characters_with_a_digit_may_be_a_card(text: str, shown: str) -> None:
    assert sentence(text, Blots()) == shown


def test_a_body_is_looked_at_up_to_its_65536th_byte() -> None:
    whole = b'{"a":"' + b"x" * (65_536 - 8) + b'"}'
    assert len(whole) == 65_536
    assert "too long" not in str(explanation(whole, b"", "locations", Blots()))
    text = explanation(whole + b" ", b"", "locations", Blots())
    assert text == '{"request":"65537 bytes, too long to be kept"}'
    assert explanation(b"{", b"", "locations", Blots()) == '{"request":"1 bytes, not JSON that is taken"}'


def test_bodies_are_kept_whole_up_to_4096_bytes_and_cut_at_1500_characters_first() -> None:
    def kept(length: int) -> str:
        return str(explanation(_bytes({"name": "x" * length}), b"", "locations", Blots()))

    frame = len(kept(0))
    assert MOST_BYTES == 4096
    assert len(kept(4096 - frame)) == 4096
    assert json.loads(kept(4096 - frame)) == {"request": {"name": "x" * (4096 - frame)}}
    cut = json.loads(kept(4097 - frame))
    assert cut == {"request": '{"name":"' + "x" * (1500 - 9) + "…"}
    long = _bytes({"name": "é" * 3000})
    both = json.loads(str(explanation(long, long, "locations", Blots())))
    assert {name: len(text) for name, text in both.items()} == {"request": 751, "answer": 751}
    short = json.loads(str(explanation(_bytes({"a": 1}), _bytes({"name": "x" * 5000}), "locations", Blots())))
    assert (short["request"], len(short["answer"])) == ('{"a":1}', 1501)


def test_a_secret_of_one_body_is_hidden_in_the_other() -> None:
    shown = explained({"seen": "somebody"}, {"auth_id": "somebody"}, "sessions")
    assert shown == {"request": {"seen": "…"}, "answer": {"auth_id": "…"}}
    body = _bytes({"name": "SESSION-01"})
    assert explanation(body, b"", "sessions", Blots(), "session-01") == '{"request":{"name":"SESSION-01"}}'
