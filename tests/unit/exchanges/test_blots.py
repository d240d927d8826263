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
