"""A token is cleaned out of an answer in whatever form it comes back."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from ocpi.outbound.answer import Answer

TOKEN = "secret/token+of?ours"
BASE64 = base64.b64encode(TOKEN.encode()).decode()
FORMS = {
    "plain": TOKEN,
    "base64": BASE64,
    "base64 without padding": BASE64.rstrip("="),
    "base64 for URLs": base64.urlsafe_b64encode(TOKEN.encode()).decode(),
    "url": quote(TOKEN, safe=""),
    "url in small letters": quote(TOKEN, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3F", "%3f"),
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
