from __future__ import annotations

import base64

import pytest

from ocpi.exchanges.blots import Blots


@pytest.mark.parametrize(
    ("secret", "text", "clean"),
    [
        ("token-c", "the token-c is not known", "the … is not known"),
        ("TOKEN-C", "the token-c is not known", "the … is not known"),
        ("a/b+c", "at /a%2Fb%2Bc and a/b+c", "at /… and …"),
        ("a/bcd", r"json says a\/bcd", "json says …"),
        (12345, "uid 12345", "uid …"),
        ("E", "E and EVSE-E", "… and EVSE-…"),
        ("", "nothing", "nothing"),
        (None, "None", "None"),
        (True, "True", "True"),
    ],
)
def test_a_secret_is_blotted_in_each_spelling(secret: object, text: str, clean: str) -> None:
    blots = Blots()
    blots.add(secret)
    assert blots.clean(text) == clean


def test_the_longest_secret_goes_first() -> None:
    blots = Blots()
    blots.add("abcd")
    blots.add("abcd-efgh")
    assert blots.clean("abcd-efgh abcd") == "… …"


def test_a_secret_found_later_is_blotted_as_well() -> None:
    blots = Blots()
    blots.add("first")
    assert blots.clean("first second") == "… second"
    blots.add("second")
    assert blots.clean("first second") == "… …"


@pytest.mark.parametrize("header", ["Token {}", "token   {}", "{}", "Bearer {}"])
def test_the_credential_of_a_header_is_a_secret_as_sent_and_decoded(header: str) -> None:
    blots = Blots()
    encoded = base64.b64encode(b"token-c").decode()
    blots.add_authorization(header.format(encoded))
    assert blots.clean(f"{encoded} token-c Token") == "… … Token"


@pytest.mark.parametrize("header", [None, "", "Token", "Token "])
def test_a_header_without_a_credential_blots_nothing(header: str | None) -> None:
    blots = Blots()
    blots.add_authorization(header)
    assert blots.clean("this Token is not known") == "this Token is not known"


def test_a_token_that_we_send_is_a_secret_in_base64_too() -> None:
    blots = Blots()
    blots.add_token("token-b")
    blots.add_token(None)
    assert blots.clean(f"token-b {base64.b64encode(b'token-b').decode()}") == "… …"


@pytest.mark.parametrize(
    ("secret", "text", "clean"),
    [
        ("abc", "abc abcd xabc a-abc-a", "… abcd xabc a-…-a"),
        ("abcd", "abcd abcde xabcd", "… …e x…"),
        (" abcd ", "abcd", "…"),
        ("…", "… and …", "… and …"),
        (5, "5 and 55", "… and 55"),
        (0, "0", "…"),
        (False, "False", "False"),
        (1.5, "1.5", "1.5"),
        ([], "[]", "[]"),
        ("a.c+", "a.c+ abc+", "… abc+"),
        ("ü/é", "ü/é %C3%BC%2F%C3%A9 %c3%bc%2f%c3%a9", "… … …"),
    ],
)
def test_a_short_secret_is_blotted_where_it_stands_alone(secret: object, text: str, clean: str) -> None:
    blots = Blots()
    blots.add(secret)
    assert blots.clean(text) == clean


@pytest.mark.parametrize("header", ["Token not-base64!", "Token /w==", "Token YQ"])
def test_a_credential_that_is_no_base64_of_a_text_is_a_secret_as_sent(header: str) -> None:
    blots = Blots()
    blots.add_authorization(header)
    credential = header.removeprefix("Token ")
    assert blots.clean(f"it was {credential} then") == "it was … then"
    assert blots.clean("a") == "a"


def test_without_a_secret_a_text_stays_the_same() -> None:
    assert Blots().clean("text") == "text"
