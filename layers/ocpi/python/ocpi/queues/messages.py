"""Texts that a queue takes: SQS refuses some characters, which JSON can say in another way."""

from __future__ import annotations

import re
from typing import Any

from ocpi import strict_json

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

DEAD_CHARACTERS = 20_000
"""Of a message that are kept when it is given up: with its reason around it, it has to fit into a queue again."""


def message_text(value: Any) -> str:
    """A JSON value as text that a queue takes: a character that it refuses can only be part of a string."""
    return _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", strict_json.write(value))


def dead_letter(reason: str, body: str) -> str:
    """What goes on a dead-letter queue for a message that nothing will ever become of."""
    return message_text({"reason": reason, "message": body[:DEAD_CHARACTERS].replace("\x00", "\ufffd")})
