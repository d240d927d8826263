"""Partners' words that are kept outside of the exchange log."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from ocpi.exchanges.quoted import quoted, quoted_of_request

if TYPE_CHECKING:
    from ocpi.store.port import Partner

PARTNER = cast(
    "Partner",
    SimpleNamespace(
        endpoints=(
            {"identifier": "tokens", "url": "https://p.example/tokens"},
            {"identifier": "sessions", "url": "https://p.example/sessions"},
            {"identifier": "cdrs", "url": "https://p.example/cdrs"},
        )
    ),
)
TOKEN_URL = "https://p.example/tokens/NL/TNM/CARDXY"
TOKEN = json.dumps({"uid": "CARDXY", "auth_id": "DRIVER", "visual_number": "VISIBLE"})


@pytest.mark.parametrize(
    ("method", "url", "body", "text", "shown"),
    [
        ("PUT", TOKEN_URL, TOKEN, "HTTP 400: who is CARDXY (driver)", "HTTP 400: who is … (…)"),
        ("PATCH", TOKEN_URL, '{"valid":false}', "HTTP 400: who is cardxy?", "HTTP 400: who is …?"),
        ("PUT", TOKEN_URL, TOKEN, "HTTP 500; it answered: 04A1B2C3 is odd", "HTTP 500; it answered: … is odd"),
        (
            "PUT",
            "https://p.example/sessions/NL/TNM/SESSION-1",
            '{"id":"SESSION-1","auth_id":"DRIVER"}',
            "OCPI 2001: SESSION-1 of DRIVER: /kwh: is required",
            "OCPI 2001: SESSION-1 of …: /kwh: is required",
        ),
        ("POST", "https://p.example/cdrs", '{"id":"CDR-0001"}', "no CDR-0001, no CDR-0002", "no CDR-0001, no …"),
        ("DELETE", "https://p.example/cdrs", None, "HTTP 500", "HTTP 500"),
        ("PUT", TOKEN_URL, TOKEN, "it answered: the driver is DRIV…", "it answered: the … is …"),
    ],
)
def test_what_a_partner_says_of_a_request_names_no_card(
    method: str, url: str, body: str | None, text: str, shown: str
) -> None:
    assert quoted_of_request(text, PARTNER, method, url, body) == shown


def test_what_a_partner_says_of_a_command_names_no_card() -> None:
    about = {"request": {"token": {"uid": "CARDXY"}}, "response_url": "https://p.example/cardxy"}
    assert quoted("HTTP 500: https://p.example/cardxy has no CARDXY", about) == "HTTP 500: … has no …"
