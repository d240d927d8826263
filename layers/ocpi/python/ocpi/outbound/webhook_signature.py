"""How the operator's own systems know that a call is from this deployment: Standard Webhooks, symmetric signatures.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SHORTEST_BYTES, LONGEST_BYTES = 24, 64


class UnusableWebhookSecret(Exception):
    """The secret is not ``whsec_`` and Base64 of 24 to 64 bytes; the message holds nothing of it."""


def read_webhook_secret(text: str) -> bytes:
    """The key in a secret as it is kept: Base64, with ``whsec_`` before it or without.

    Raises :class:`UnusableWebhookSecret`.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableWebhookSecret(f"a webhook secret is {PREFIX} and Base64") from None
    if not SHORTEST_BYTES <= len(key) <= LONGEST_BYTES:
        raise UnusableWebhookSecret(f"a webhook secret holds {SHORTEST_BYTES} to {LONGEST_BYTES} bytes")
    return key


def new_message_id() -> str:
    """An id for a message, by which its receiver knows a repetition: 120 random bits."""
    return f"msg_{secrets.token_urlsafe(15)}"


def signed_headers(key: bytes, body: str, *, message_id: str, at: int, previous: bytes | None = None) -> dict[str, str]:
    """The headers of a call with this body (sent as UTF-8). A repetition keeps ``message_id``; ``at`` is when this
    call is sent, in seconds since 1970: receivers refuse one that is minutes old. With a ``previous`` key there are two
    signatures, of which a receiver looks for one that fits its own key.
    """
    signed = f"{message_id}.{at}.{body}".encode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(each, signed) for each in (key, previous) if each is not None),
    }


def _signature(key: bytes, signed: bytes) -> str:
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
