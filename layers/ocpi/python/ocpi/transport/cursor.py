"""Cursors: where a list goes on, signed so that nobody makes or changes one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from ocpi.errors import BadCursor

_MAC_BYTES = 16


def write_cursor(key: bytes, list_name: str, position: str, offset: int) -> str:
    """A cursor for the place after ``position`` (as the store gave it), which is ``offset`` objects into the list.

    ``list_name`` names the list with its filters and who reads it; only with the same name is it read again.
    """
    payload = json.dumps([position, offset], separators=(",", ":")).encode()
    return _encode(_mac(key, list_name, payload) + payload)


def read_cursor(key: bytes, list_name: str, cursor: str) -> tuple[str, int]:
    """Position and offset of a cursor; raises :class:`BadCursor` for one that this list did not hand out."""
    try:
        # As much padding as any cursor lacks: what is too much is skipped.
        raw = base64.urlsafe_b64decode(cursor + "==")
    except (binascii.Error, ValueError):
        raw = b""
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    # Several texts decode to the same bytes: characters outside the alphabet are skipped, the last bits are unused.
    if _encode(raw) != cursor or not hmac.compare_digest(mac, _mac(key, list_name, payload)):
        raise BadCursor("cursor", "this list did not hand out this cursor")
    position, offset = json.loads(payload)
    return position, offset


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(key: bytes, list_name: str, payload: bytes) -> bytes:
    return hmac.digest(key, list_name.encode() + b"\0" + payload, hashlib.sha256)[:_MAC_BYTES]
