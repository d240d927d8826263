"""Charge cards of the demo: the operator is an e-mobility provider too, and so is the partner that it invites."""

from __future__ import annotations

import random
from typing import Any

COUNT = 20
PARTNER = {"country_code": "NL", "party_id": "SLP", "business_details": {"name": "Scheldeland Laadpas"}}
"""The eMSP whose customers charge in the demo network. It sees their sessions once it has pushed their cards."""
WHITELISTS = ("ALWAYS", "ALLOWED", "ALLOWED", "ALLOWED_OFFLINE", "NEVER")


def tokens(party: dict[str, Any]) -> list[dict[str, Any]]:
    """Twenty RFID cards issued by ``party`` (as ``GET /operator/party`` has it, or :data:`PARTNER`), the same on every
    call; two are blocked.
    """
    generator = random.Random(f"cards of {party['country_code']} {party['party_id']}")
    return [_token(party, number, generator) for number in range(1, COUNT + 1)]


def _token(party: dict[str, Any], number: int, generator: random.Random) -> dict[str, Any]:
    country_code, party_id = party["country_code"], party["party_id"]
    return {
        # Seven bytes, of which the first tells the card's maker (ISO/IEC 7816-6): 04 is the most common.
        "uid": f"04{generator.getrandbits(40):010X}80",
        "type": "RFID",
        "auth_id": f"{country_code}-{party_id}-C{number:08d}",
        "visual_number": f"{country_code}-{party_id}-{number:06d}",
        "issuer": party["business_details"]["name"][:64],
        "valid": number % 9 != 0,
        "whitelist": WHITELISTS[number % len(WHITELISTS)],
        "language": "de" if number % 5 == 0 else "nl",
    }
