"""Texts that are almost those that one begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

PIECES = (
    b"", b"0", b"9", b"-", b"+", b" ", b"\n", b"\r\n", b"\t", b"\x00", b"\x7f", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80",
    b"%", b"%00",
    b",", b";", b"=", b"&", b"<", b">", b'"', b"'", b"\\", b"/", b":", b".", b"#", b"@", b"[", b"]", b"{", b"}", b"e",
    b"Z", b"99999999999999999999",
    b"null", b"\\ud800", b"\\u0000", b"\xd9\xa3", b"next", b"rel", b"Token ", b"GMT", b"-0000", b"1e400", b"A" * 100,
)  # fmt: skip


@st.composite
def mutated(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of them, with up to four pieces put in, or put in the place of others."""
    text = draw(st.sampled_from(list(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
    return text
