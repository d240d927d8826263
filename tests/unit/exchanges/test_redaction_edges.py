"""Where what is hidden ends, and what is shown begins."""

from __future__ import annotations

import base64
import json
from typing import Any

from ocpi.exchanges.blots import BLOT, Blots
from ocpi.exchanges.bodies import Redaction, explanation, sentence
from ocpi.exchanges.paths import RedactedPath, outbound_path, unknown_path

HOST = "https://emsp.example"


def explained(request: Any, answer: Any, module: str = "sessions") -> Any:
    return json.loads(str(explanation(json.dumps(request).encode(), json.dumps(answer).encode(), module, Blots())))


def test_a_secret_is_known_however_deep_it_stands() -> None:
    """Written in letters, so that nothing but its name tells that it is one."""
    for body in (
        {"auth_id": "somebody"},
        [{"auth_id": "somebody"}],
        [[{"auth_id": "somebody"}]],
        {"data": {"auth_id": "somebody"}},
        {"data": [{"deep": {"auth_id": "somebody"}}]},
        {"uid": ["nobody", "somebody"]},
        {"token": {"holder": {"uid": "somebody"}}},
        {"token": [{"uid": "somebody"}]},
        {"issuer": [{"uid": "somebody"}]},
    ):
        for shown in (
            explained(body, {"seen": "somebody"})["answer"],
            explained({"seen": "somebody"}, body)["request"],
        ):
            assert shown == {"seen": "…"}, body


def knowing(*secrets: object) -> Blots:
    blots = Blots()
    for secret in secrets:
        blots.add(secret)
    return blots


def test_a_secret_may_overlap_itself() -> None:
    for length in (4, 5, 6, 7, 8):
        assert knowing("aaaa").clean(f"b{'a' * length}b") == "b…b"


def test_a_short_secret_does_not_stand_alone_after_the_first_letter_of_a_text() -> None:
    assert knowing("E").clean("xE") == "xE"
    assert knowing("E").clean("Ex") == "Ex"
    assert knowing("E").clean("E") == "…"


def test_a_secret_is_looked_for_in_two_thousand_places() -> None:
    assert knowing("abcd").clean("abcd " * 2000 + "end") == "… " * 2000 + "end"
    assert knowing("abcd").clean("abcd " * 2001 + "end") == BLOT


def test_of_nothing_nothing_is_left_out() -> None:
    assert knowing(*range(100)).clean("") == ""


def test_sixty_four_secrets_of_a_thousand_characters_are_looked_for() -> None:
    assert knowing(*range(64)).clean("all is well") == "all is well"
    assert knowing(*range(65)).clean("all is well") == BLOT
    assert knowing("x" * 1000).clean("all is well") == "all is well"
    assert knowing("x" * 1001).clean("all is well") == BLOT


def test_what_others_write_as_texts_is_shown_about_tokens_if_it_looks_so() -> None:
    for name, values in (("valid", ("true", "false")), ("status_code", ("1000", "3001"))):
        for value in values:
            assert explained({name: value}, 1, "tokens")["request"] == {name: value}
            assert explained({name: f"{value}0"}, 1, "tokens")["request"] == {name: BLOT}


def test_as_much_is_looked_at_as_there_is_room_for() -> None:
    """A value takes one, and its characters and those of its name as many as they are."""
    assert Redaction(Blots(), room=3).of([None] * 4, only_known=False) == [None, None, BLOT, BLOT]
    assert Redaction(Blots(), room=4).of({"ab": None, "cd": None}, only_known=False) == {"ab": None, "cd": BLOT}
    found = Redaction(Blots(), room=3).of({"ab": None, "cd": None}, only_known=False)
    assert found == {"ab": BLOT, BLOT: BLOT}
    assert Redaction(Blots(), room=6).of(["abc", "d", "e"], only_known=False, shown=True) == ["abc", "d", BLOT]


def test_what_is_in_a_list_is_shown_as_what_the_list_is_called() -> None:
    body = {"versions": ["2.1.1", "2.0"], "connector_ids": ["one", "two"], "others": ["one"]}
    assert explained(body, 1, "tokens")["request"] == {**body, "others": ["…"]}


def test_of_what_is_no_json_the_length_stays_beside_a_body_that_is_cut() -> None:
    long = json.dumps({"name": "x" * 5000}).encode()
    shown = json.loads(str(explanation(b"{", long, "locations", Blots())))
    assert shown == {"request": "1 bytes, not JSON that is taken", "answer": '{"name":"' + "x" * 1491 + "…"}


def test_what_is_as_long_as_a_cut_is_not_cut() -> None:
    long = json.dumps({"name": "x" * 5000}).encode()
    for length, shown in ((1500, '{"name":"' + "y" * 1489 + '"}'), (1501, '{"name":"' + "y" * 1490 + '"…')):
        body = json.dumps({"name": "y" * (length - 11)}, separators=(",", ":")).encode()
        assert len(body) == length
        assert json.loads(str(explanation(body, long, "locations", Blots())))["request"] == shown


def test_of_a_word_only_marks_at_its_end_are_left_out() -> None:
    for object_id in ("SESSION-1X", "SESSION-1"):
        for mark in ("", ".", ":", "!", "?", "?!"):
            text = f"{object_id}{mark} is unknown"
            assert sentence(text, Blots(), object_id) == text
    assert sentence("SESSION-1X", Blots(), "SESSION-1") == "…"


def test_a_header_that_is_missing_or_odd_makes_nothing_more_a_secret() -> None:
    for header in (None, "", "Token"):
        blots = Blots()
        blots.add_authorization(header)
        assert blots.clean("Token XXXX is not known") == "Token XXXX is not known"
    odd = base64.b64encode(b"token-c").decode().replace("=", "!=", 1)
    blots = Blots()
    blots.add_authorization(f"Token {odd}")
    assert blots.clean(f"{odd}, token-c") == "…, token-c", "what is no Base64 to us opens nothing"


def test_a_path_does_not_show_the_uid_that_it_hides() -> None:
    endpoints = [{"identifier": "tokens", "url": f"{HOST}/t"}]
    path = outbound_path(f"{HOST}/t/NL/EXA/somebody", endpoints)
    assert path.secret == "somebody"
    assert "somebody" not in repr(path)
    assert "SESSION-01" in repr(outbound_path(f"{HOST}/t/SESSION-01", [{"identifier": "cdrs", "url": f"{HOST}/t"}]))


def test_slashes_and_nothing_else_are_taken_from_the_ends_of_a_path() -> None:
    assert unknown_path("//ocpi/X/") == RedactedPath("/ocpi/…")
    assert unknown_path("/X/ocpi/") == RedactedPath("/…/ocpi")
    assert outbound_path(f"{HOST}/X", ()) == RedactedPath(f"{HOST}/…")
    endpoints = [{"identifier": "sessions", "url": f"{HOST}/LINUX/"}]
    assert outbound_path(f"{HOST}/LINUX/S-1", endpoints).object_id == "S-1"
    assert outbound_path(f"{HOST}/LINU/S-1", endpoints).module is None


def test_the_closest_endpoint_is_the_longest_in_any_order_after_one_that_is_no_url() -> None:
    listed = [
        {"identifier": "zones", "url": "https://[x/"},
        {"identifier": "tokens", "url": f"{HOST}/a"},
        {"identifier": "cdrs", "url": f"{HOST}/a/b"},
    ]
    for endpoints in (listed, listed[::-1]):
        found = outbound_path(f"{HOST}/a/b/C-1", endpoints)
        assert found == RedactedPath(f"{HOST}/a/b/C-1", "cdrs", "C-1")
        assert outbound_path(f"{HOST}/a/c", endpoints).module == "tokens"
