"""A secret in every spelling in which it might lie about, and what bytes look like once they are unpacked."""

from __future__ import annotations

import base64
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ZLIB_BEGINNINGS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def spellings(secret: str) -> set[bytes]:
    """Plain, backwards, hexadecimal, UTF-16, and Base64 wherever it begins in what was encoded."""
    raw = secret.encode()
    found = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), secret.encode("utf-16-le")}
    for before in range(3):
        # Without the characters at both ends that depend on what stands beside it.
        whole = base64.b64encode(b"\0" * before + raw)
        inner = whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def unpacked(content: bytes) -> bytes:
    """The content, and after it all that is compressed anywhere in it."""
    parts = [content]
    for beginning in ZLIB_BEGINNINGS:
        at = content.find(beginning)
        while at >= 0:
            with suppress(zlib.error):
                parts.append(zlib.decompressobj().decompress(content[at:]))
            at = content.find(beginning, at + 1)
    return b"\n".join(parts)


def found_in(content: bytes, secrets: Iterable[str]) -> list[str]:
    """Those of the secrets that the content holds in any spelling."""
    whole = unpacked(content)
    return [secret for secret in secrets if any(spelling in whole for spelling in spellings(secret))]
