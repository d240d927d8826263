"""A token is cleaned out of an answer in whatever form it comes back."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

import pytest

from ocpi.outbound.answer import Answer

TOKEN = "ab?secret>/token+of?our"
BASE64 = base64.b64encode(TOKEN.encode()).decode()
FORMS = {
    "plain": TOKEN,
    "base64": BASE64,
    "base64 without padding": BASE64.rstrip("="),
    "base64 for URLs": base64.urlsafe_b64encode(TOKEN.encode()).decode(),
    "base64 for URLs without padding": base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
    "url": quote(TOKEN, safe=""),
    "url in small letters": re.sub("%..", lambda escape: escape[0].lower(), quote(TOKEN, safe="")),
    "base64 in a url": quote(BASE64, safe=""),
    "escaped in JSON": TOKEN.replace("/", r"\/"),
}


@pytest.mark.parametrize("sent", [(TOKEN,), (BASE64,), (TOKEN, BASE64)], ids=["plain", "base64", "both"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_token_is_blotted_in_each_form(sent: tuple[str, ...], form: str) -> None:
    body = json.dumps({"status_code": 2001, "status_message": f"no {form} here"}).encode()
    answer = Answer(401, {}, body, secrets=sent)
    assert answer.problem() == "HTTP 401, OCPI 2001: no … here"
    assert Answer(401, {}, f"no {form} here".encode(), secrets=sent).excerpt() == "no … here"


def test_a_short_token_that_is_base64_by_chance_blots_no_words() -> None:
    assert Answer(400, {}, b"an error in text", secrets=("ZXJy",)).excerpt() == "an error in text"


@pytest.mark.parametrize(("decoded", "is_blotted"), [("seven..", False), ("eight...", True)])
def test_what_a_token_is_base64_of_is_blotted_from_eight_characters_on(decoded: str, is_blotted: bool) -> None:
    sent = base64.b64encode(decoded.encode()).decode()
    assert Answer(400, {}, f"no {decoded} here".encode(), secrets=(sent,)).excerpt() == (
        "no … here" if is_blotted else f"no {decoded} here"
    )


def test_what_is_no_base64_is_no_other_words() -> None:
    sent = base64.b64encode(b"words of the partner").decode()
    torn = f"{sent[:4]}*{sent[4:]}"
    assert Answer(400, {}, b"words of the partner", secrets=(torn,)).excerpt() == "words of the partner"
